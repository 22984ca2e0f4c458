"""What MLIR bytecode says of itself before any op: its version, its producer, its dialects.

    magic  version  producer\\0  section…        a section: id, length, [alignment, padding], data

https://mlir.llvm.org/docs/BytecodeFormat/ (read by hand: Apple's reader ends the process on damage)
The strings lie last, behind all weights: sections between are stepped over, not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mobilecat.formats.coreai.read.package import MAGIC, damaged

_STRINGS, _DIALECTS = 0, 1
_START_BYTES = 64 << 10
_SECTION_BYTES = 64 << 20
_SECTION_HEAD_BYTES = 1 + 9 + 9


@dataclass(frozen=True)
class Head:
    """dialects: name → version, 0 where it states none."""

    version: int
    producer: str
    dialects: dict[str, int]


def read_head(program: Path) -> Head:
    """Read the head of a file. Errors: ArtifactError where it is cut short or no bytecode."""
    try:
        with program.open("rb") as f:
            return _head(f, program.stat().st_size)
    except (IndexError, ValueError, OverflowError):
        raise damaged("main.mlirb is cut short, or no MLIR bytecode", program) from None


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def varint(self) -> int:
        """A number whose first byte says by its trailing zeros how many bytes follow."""
        first = self._data[self.at]
        if first == 0:
            found = int.from_bytes(self.take(9)[1:], "little")
        else:
            count = (first & -first).bit_length()
            found = int.from_bytes(self.take(count), "little") >> count
        return found

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._data):
            raise ValueError
        self.at += count
        return self._data[self.at - count : self.at]

    def text(self) -> str:
        end = self._data.index(0, self.at)
        found = self.take(end - self.at)
        self.at += 1
        return found.decode("utf-8", "replace")

    def section_head(self) -> tuple[int, int, int]:
        """Return a section's id, length and alignment; its data begin at the next multiple."""
        kind, length = self.take(1)[0], self.varint()
        alignment = self.varint() if kind & 0x80 else 1
        if alignment == 0 or alignment > 1 << 20:
            raise ValueError
        return kind & 0x7F, length, alignment

    def section(self) -> _Bytes:
        _, length, alignment = self.section_head()
        self.take(-self.at % alignment)
        return _Bytes(self.take(length))


def _head(f: BinaryIO, size: int) -> Head:
    start = _Bytes(f.read(_START_BYTES))
    if start.take(4) != MAGIC:
        raise ValueError
    version, producer = start.varint(), start.text()
    at, sections = start.at, dict[int, _Bytes]()
    while at < size and not {_STRINGS, _DIALECTS} <= set(sections):
        f.seek(at)
        head = _Bytes(f.read(_SECTION_HEAD_BYTES))
        kind, length, alignment = head.section_head()
        at += head.at
        at += -at % alignment
        if at + length > size:
            raise ValueError
        if kind in (_STRINGS, _DIALECTS):
            if length > _SECTION_BYTES:
                raise ValueError
            f.seek(at)
            sections.setdefault(kind, _Bytes(f.read(length)))
        at += length
    strings = _strings(sections[_STRINGS]) if _STRINGS in sections else []
    dialects = _dialects(sections[_DIALECTS], strings) if _DIALECTS in sections else {}
    return Head(version, producer, dialects)


def _strings(b: _Bytes) -> list[str]:
    count = b.varint()
    sizes = [b.varint() for _ in range(count)][::-1]
    return [b.take(size)[:-1].decode("utf-8", "replace") for size in sizes]


def _dialects(b: _Bytes, strings: list[str]) -> dict[str, int]:
    found = {}
    for _ in range(b.varint()):
        packed = b.varint()
        version = 0
        if packed & 1:
            version = b.section().varint()
        found[strings[packed >> 1]] = version
    return found
