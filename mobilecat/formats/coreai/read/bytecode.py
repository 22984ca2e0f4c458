"""What MLIR bytecode says of itself before any op: its version, its producer, its dialects.

    magic  version  producer\\0  section…        a section: id, length, [alignment, padding], data

https://mlir.llvm.org/docs/BytecodeFormat/ (read by hand: Apple's reader ends the process on damage)
The strings lie last, behind all weights: sections between are stepped over, not read. Large
constants are the blobs of the resource section; Apple's bindings show them as text alone.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from mobilecat.formats.coreai.read.package import MAGIC, damaged

if TYPE_CHECKING:
    from mobilecat.graph import Array

_STRINGS, _DIALECTS, _RESOURCES, _OFFSETS = 0, 1, 5, 6
_BLOB = 0
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


@dataclass(frozen=True)
class Blobs:
    """The large constants of a file, where they lie in it: bytes by name. whole: the file, mapped
    by `data`."""

    data: mmap.mmap
    whole: Array
    named: Mapping[str, Array]

    def forget(self) -> None:
        """Let go of what was looked at: it is read again where somebody looks again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.data.madvise(mmap.MADV_DONTNEED)

    def offset_of(self, array: Array) -> int | None:
        """Return where an array's numbers begin in the file; None where they lie elsewhere."""
        if not array.flags.c_contiguous or not array.size:
            return None
        at = array.__array_interface__["data"][0] - self.whole.__array_interface__["data"][0]
        return at if 0 <= at <= self.whole.nbytes - array.nbytes else None


def blobs_of(program: Path) -> Blobs:
    """Return the blobs of a file, which is mapped: what nobody looks at is not read.

    Errors: ArtifactError where it is cut short or no bytecode.
    """
    try:
        with program.open("rb") as f:
            data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
            places, strings = _sections(f, len(data)), list[str]()
        whole = np.frombuffer(data, np.uint8)
        if _OFFSETS not in places or _RESOURCES not in places:
            return Blobs(data, whole, {})
        at, length = places[_STRINGS]
        strings = _strings(_Bytes(data[at : at + length]))
        at, length = places[_OFFSETS]
        named = _named(data, _Bytes(data[at : at + length]), strings, places, whole)
        return Blobs(data, whole, named)
    except (IndexError, KeyError, ValueError, OverflowError, OSError):
        raise damaged("main.mlirb is cut short, or no MLIR bytecode", program) from None


def _named(
    data: mmap.mmap,
    offsets: _Bytes,
    strings: list[str],
    places: Mapping[int, tuple[int, int]],
    whole: Array,
) -> dict[str, Array]:
    """Return each blob: an alignment, a size, padding, and the bytes."""
    start, length = places[_RESOURCES]
    at = start
    found: dict[str, Array] = {}
    groups = offsets.varint()
    while groups or not offsets.done:  # those of other tools, then those of dialects
        groups -= bool(groups)
        offsets.varint()
        for _ in range(offsets.varint()):
            name, size, kind = strings[offsets.varint()], offsets.varint(), offsets.take(1)[0]
            if at + size > start + length:
                raise ValueError
            if kind == _BLOB:
                head = _Bytes(data[at : at + 18])
                alignment, count = head.varint(), head.varint()
                if not 0 < alignment <= 1 << 20:
                    raise ValueError
                first = at + head.at
                first += -first % alignment
                if first + count != at + size:
                    raise ValueError
                found[name] = whole[first : first + count]
            at += size
    return found


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

    @property
    def done(self) -> bool:
        return self.at >= len(self._data)

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
    sections = dict[int, _Bytes]()
    for kind, (at, length) in _sections(f, size).items():
        if kind in (_STRINGS, _DIALECTS):
            if length > _SECTION_BYTES:
                raise ValueError
            f.seek(at)
            sections[kind] = _Bytes(f.read(length))
    strings = _strings(sections[_STRINGS]) if _STRINGS in sections else []
    dialects = _dialects(sections[_DIALECTS], strings) if _DIALECTS in sections else {}
    return Head(version, producer, dialects)


def _sections(f: BinaryIO, size: int) -> dict[int, tuple[int, int]]:
    """Return where each section's data lie, and how long they are; the first of each id."""
    f.seek(0)
    start = _Bytes(f.read(_START_BYTES))
    start.take(len(MAGIC))
    start.varint(), start.text()
    at, places = start.at, dict[int, tuple[int, int]]()
    while at < size:
        f.seek(at)
        head = _Bytes(f.read(_SECTION_HEAD_BYTES))
        kind, length, alignment = head.section_head()
        at += head.at
        at += -at % alignment
        if at + length > size:
            raise ValueError
        places.setdefault(kind, (at, length))
        at += length
    return places


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
