"""What MLIR bytecode says of itself before any op: its version, its producer, its dialects.

    magic  version  producer\\0  section…        a section: id, length, [alignment, padding], data

https://mlir.llvm.org/docs/BytecodeFormat/ (read by hand: Apple's reader ends the process on damage)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mobilecat.formats.coreai.read.package import MAGIC, damaged

_STRINGS, _DIALECTS = 0, 1
_HEAD_BYTES = 64 << 20


@dataclass(frozen=True)
class Head:
    """dialects: name → version, 0 where it states none."""

    version: int
    producer: str
    dialects: dict[str, int]


def read_head(program: Path) -> Head:
    """Read the head of a file. Errors: ArtifactError where it is cut short or no bytecode."""
    with program.open("rb") as f:
        data = f.read(_HEAD_BYTES)
    try:
        return _head(_Bytes(data))
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

    @property
    def more(self) -> bool:
        return self.at < len(self._data)

    def section(self) -> tuple[int, _Bytes]:
        kind = self.take(1)[0]
        length = self.varint()
        if kind & 0x80:
            alignment = self.varint()
            if alignment == 0 or alignment > 1 << 20:
                raise ValueError
            while self.at % alignment:
                self.at += 1
        kind &= 0x7F
        return kind, _Bytes(self.take(min(length, len(self._data) - self.at)))


def _head(b: _Bytes) -> Head:
    if b.take(4) != MAGIC:
        raise ValueError
    version, producer = b.varint(), b.text()
    sections: dict[int, _Bytes] = {}
    while b.more and not {_STRINGS, _DIALECTS} <= set(sections):
        kind, data = b.section()
        sections.setdefault(kind, data)
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
            version = b.section()[1].varint()
        found[strings[packed >> 1]] = version
    return found
