"""weight.bin: 64-byte records that point at data; sub-byte elements are packed low bits first.

Format: MILBlob's StorageFormat.hpp in apple/coremltools (`mlmodel/src/MILBlob/Blob`).
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed
from mobilecat.formats.coreml.runtime.package import inside

Array = npt.NDArray[Any]

_RECORD = struct.Struct("<IIQQQ")
_SENTINEL = 0xDEADBEEF
_PREFIX = "@model_path/"

# record's type code → (MIL type, bits per element)
_BLOB_TYPES = {
    1: ("fp16", 16),
    2: ("fp32", 32),
    3: ("uint8", 8),
    4: ("int8", 8),
    5: ("bf16", 16),
    6: ("int16", 16),
    7: ("uint16", 16),
    8: ("int4", 4),
    9: ("uint1", 1),
    10: ("uint2", 2),
    11: ("uint4", 4),
    12: ("uint3", 3),
    13: ("uint6", 6),
    14: ("int32", 32),
    15: ("uint32", 32),
}
_WHOLE = {
    "fp16": np.float16,
    "fp32": np.float32,
    "fp64": np.float64,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
}


class WeightFiles:
    """The weight files of one model: mapped when first used, read-only."""

    def __init__(self, model_dir: Path) -> None:
        self._dir = model_dir
        self._maps: dict[str, mmap.mmap] = {}

    def read(self, file_name: str, offset: int, mil_type: str, shape: Sequence[int]) -> Array:
        """Return the tensor whose record lies at `offset` of `file_name`, in its stored type."""
        data = self._map(file_name)
        where = f"{file_name} at offset {offset}"
        if offset % 64 or offset + _RECORD.size > len(data):
            raise malformed("the record lies outside of the weight file", where)
        sentinel, code, size, start, padding = _RECORD.unpack_from(data, offset)
        if sentinel != _SENTINEL or code not in _BLOB_TYPES:
            raise malformed("there is no weight record here", where)
        stored, bits = _BLOB_TYPES[code]
        if stored != mil_type:
            raise malformed(f"the record holds {stored}, the program declares {mil_type}", where)
        if start + size > len(data):
            raise malformed("the data lies outside of the weight file", where)
        count = math.prod(shape)
        if count * bits > size * 8 or size * 8 - count * bits >= 8 + padding + bits:
            raise malformed(f"{size} bytes do not hold {count} elements of {stored}", where)
        raw = np.frombuffer(data, np.uint8, size, start)
        return unpack(raw, mil_type, count).reshape(shape)

    def _map(self, file_name: str) -> mmap.mmap:
        if file_name not in self._maps:
            if not file_name.startswith(_PREFIX):
                raise malformed(f"the weight file {file_name[:80]!r} is not under @model_path")
            path = inside(self._dir, file_name.removeprefix(_PREFIX), str(self._dir))
            if path.stat().st_size < 64:
                raise malformed("the weight file has no header", str(path))
            with path.open("rb") as f:
                self._maps[file_name] = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[file_name]


def unpack(raw: Array, mil_type: str, count: int) -> Array:
    """Return `count` elements of `mil_type` from bytes; sub-byte types come as (u)int8."""
    if mil_type in _WHOLE:
        dtype = np.dtype(_WHOLE[mil_type])
        if raw.nbytes < count * dtype.itemsize:
            raise malformed(f"{raw.nbytes} bytes do not hold {count} elements of {mil_type}")
        return np.asarray(raw[: count * dtype.itemsize].view(dtype))
    if mil_type in ("bool", "bf16") and raw.nbytes < count * (1 if mil_type == "bool" else 2):
        raise malformed(f"{raw.nbytes} bytes do not hold {count} elements of {mil_type}")
    if mil_type == "bool":
        return raw[:count].astype(bool)
    if mil_type == "bf16":
        return (raw[: count * 2].view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    signed = mil_type.startswith("int")
    bits = int(mil_type.removeprefix("u").removeprefix("int"))
    if raw.nbytes * 8 < count * bits:
        raise malformed(f"{raw.nbytes} bytes do not hold {count} elements of {mil_type}")
    values = _unpack_bits(raw[: (count * bits + 7) // 8], bits, count)
    if signed:
        half = 1 << (bits - 1)
        return ((values.astype(np.int16) ^ half) - half).astype(np.int8)
    return values


def _unpack_bits(raw: Array, bits: int, count: int) -> Array:
    if bits == 8:
        return raw[:count]
    flat = np.unpackbits(raw, bitorder="little")[: count * bits].reshape(count, bits)
    weights = (1 << np.arange(bits)).astype(np.uint8)
    packed: Array = (flat * weights).sum(axis=1, dtype=np.uint8)
    return packed
