"""The head of MLIR bytecode, by hand: its strings lie behind the weights, however many those are.

https://mlir.llvm.org/docs/BytecodeFormat/: a varint's first byte is (n << 1) | 1 below 128.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreai.read.bytecode import Head, blobs_of, read_head

START = b"ML\xefR" + bytes([6 << 1 | 1]) + b"by hand\0"
# Two strings, sizes last first, each with its zero: "demo" and "x".
STRINGS = bytes([2 << 1 | 1, 2 << 1 | 1, 5 << 1 | 1]) + b"demo\0x\0"
# One dialect: string 0, with a version section that holds 9.
DIALECTS = bytes([1 << 1 | 1, (0 << 1 | 1) << 1 | 1, 0, 1 << 1 | 1, 9 << 1 | 1])
WEIGHTS = 100 << 20


def section(kind: int, data: bytes) -> bytes:
    return bytes([kind, len(data) << 1 | 1]) + data


def written(path: Path, weights: int, strings: bytes = STRINGS) -> Path:
    """Write dialects, a section of that many zeros aligned to 16, and the strings."""
    before = START + section(1, DIALECTS)
    before += bytes([5 | 0x80, 0]) + weights.to_bytes(8, "little") + bytes([16 << 1 | 1])
    before += b"\xcb" * (-len(before) % 16)
    with path.open("wb") as f:
        f.write(before)
        f.seek(weights, 1)  # a hole: the file takes no room
        f.write(section(0, strings))
    return path


@pytest.mark.parametrize("weights", [16, WEIGHTS])
def test_strings_behind_weights(weights: int, tmp_path: Path) -> None:
    assert read_head(written(tmp_path / "main.mlirb", weights)) == Head(6, "by hand", {"demo": 9})


def test_cut_short(tmp_path: Path) -> None:
    path = written(tmp_path / "main.mlirb", WEIGHTS)
    size = path.stat().st_size
    for kept in (size - 1, size - len(STRINGS) - 2, WEIGHTS // 2, len(START) + 3, 3, 0):
        with path.open("r+b") as f:
            f.truncate(kept)
        with pytest.raises(ArtifactError, match=r"cut short, or no MLIR bytecode"):
            read_head(path)


def test_a_section_longer_than_its_file(tmp_path: Path) -> None:
    path = tmp_path / "main.mlirb"
    path.write_bytes(START + bytes([0, 0]) + (1 << 60).to_bytes(8, "little") + STRINGS)
    with pytest.raises(ArtifactError, match=r"cut short"):
        read_head(path)


# Blobs: alignment 4, so many bytes, padding to a multiple of 4 in the file, and the bytes.
OFFSETS = bytes(
    [0 << 1 | 1, 0 << 1 | 1, 2 << 1 | 1]
)  # no group of others; one of a dialect, of two


def with_blobs(path: Path, short: int = 0) -> Path:
    """Write "x" = 1, 2, 3 and "demo" = 7; short: bytes that the second entry lacks."""
    data, entries = START + section(1, DIALECTS) + bytes([5, 0]), b""
    at = len(data) + 1  # the length of the section comes in between
    body = b""
    for string, values in ((1, b"\x01\x02\x03"), (0, b"\x07")):
        head = bytes([4 << 1 | 1, len(values) << 1 | 1])
        head += bytes(-(at - 1 + len(body) + len(head)) % 4)
        body += head + values
        size = len(head) + len(values) - short * (string == 0)
        entries += bytes([string << 1 | 1, size << 1 | 1, 0])
    data = data[:-1] + bytes([len(body) << 1 | 1]) + body
    path.write_bytes(data + section(6, OFFSETS + entries) + section(0, STRINGS))
    return path


def test_blobs_by_name(tmp_path: Path) -> None:
    found = blobs_of(with_blobs(tmp_path / "main.mlirb"))
    assert {k: v.tolist() for k, v in found.named.items()} == {"x": [1, 2, 3], "demo": [7]}
    at = found.offset_of(found.named["x"])
    assert at is not None and (tmp_path / "main.mlirb").read_bytes()[at : at + 3] == b"\x01\x02\x03"
    assert found.offset_of(found.named["x"][::2]) is None
    assert found.offset_of(np.arange(3, dtype=np.uint8)) is None


def test_a_blob_that_is_not_as_long_as_it_says(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"cut short"):
        blobs_of(with_blobs(tmp_path / "main.mlirb", short=1))
