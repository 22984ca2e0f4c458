"""An ONNX file whose large initializers are left where they are, until their arrays are asked for.

The file is mapped, not read: all but the bytes of large initializers goes through the protobuf
library. Each array is then read once, into memory of its own.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from onnx import TensorProto

from mobilecat.graph import Array
from mobilecat.graph.light import LARGE, plain_dtype

_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_DIMS, _DATA_TYPE, _RAW = 1, 2, 9  # of TensorProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Place:
    """Where a tensor's bytes lie: `length` bytes of `file`, from `offset`."""

    file: Path
    offset: int
    length: int

    def read(self) -> Array:
        """Return the bytes, read-only: those in memory already, where somebody still holds them.

        Errors: OSError, where the file is shorter by now, too.
        """
        said = self.file.stat()
        key = (said.st_dev, said.st_ino, said.st_mtime_ns, self.offset, self.length)
        found = _READ.get(key)
        if found is None:
            found = np.fromfile(self.file, np.uint8, self.length, offset=self.offset)
            if found.size != self.length:
                raise OSError(0, "it became shorter while it was read")
            found.flags.writeable = False
            _READ[key] = found
        return found


_READ: WeakValueDictionary[tuple[int, ...], Array] = WeakValueDictionary()
"""What somebody still holds: the network that is exported is its own reference, too."""


def values_of(tensor: TensorProto, held: Array) -> Array:
    """Return a tensor's bytes as what its type and shape say."""
    dtype = plain_dtype(tensor.data_type)
    assert dtype is not None
    return held.view(dtype).reshape(tuple(tensor.dims))


class NotWhole(Exception):
    """The bytes are no protobuf of this form; the library will say why."""


def without_weights(path: Path) -> tuple[bytes, dict[int, Place]]:
    """Return a file's bytes without those of its large initializers, and where these lie.

    Keys are their numbers among the graph's initializers. Errors: OSError; NotWhole.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        places: dict[int, Place] = {}
        parts: list[bytes] = []
        seen = 0
        for number, kind, start, body, end in _fields(data, 0, len(data)):
            if (number, kind) != (_GRAPH, _BYTES):
                parts.append(data[start:end])
                continue
            inner: list[bytes] = []
            for n, k, s, b, e in _fields(data, body, end):
                if (n, k) != (_INITIALIZER, _BYTES):
                    inner.append(data[s:e])
                    continue
                found = _large(data, b, e)
                if found is None:
                    inner.append(data[s:e])
                else:
                    raw_start, raw, raw_end = found
                    places[seen] = Place(path, raw, raw_end - raw)
                    kept = data[b:raw_start] + data[raw_end:e]
                    inner += [_tag(_INITIALIZER), varint(len(kept)), kept]
                seen += 1
            graph = b"".join(inner)
            parts += [_tag(_GRAPH), varint(len(graph)), graph]
        return b"".join(parts), places


def _large(data: mmap.mmap, at: int, end: int) -> tuple[int, int, int] | None:
    """Return where a large initializer's raw data starts, with its tag and without, and ends; None
    for one that is small, of another form, or not as long as its shape says."""
    if end - at < LARGE:
        return None
    dims: list[int] = []
    data_type, raw = 0, None
    for number, kind, start, body, stop in _fields(data, at, end):
        if number == _RAW and kind == _BYTES:
            if raw is not None:
                return None
            raw = start, body, stop
        elif number == _DATA_TYPE and kind == _VARINT:
            data_type = _number(data, body, stop)[0]
        elif number == _DIMS and kind == _VARINT:
            dims.append(_number(data, body, stop)[0])
        elif number == _DIMS and kind == _BYTES:
            while body < stop:
                side, body = _number(data, body, stop)
                dims.append(side)
    dtype = plain_dtype(data_type)
    if raw is None or dtype is None or raw[2] - raw[1] < LARGE:
        return None
    return raw if math.prod(dims) * dtype.itemsize == raw[2] - raw[1] else None


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield each field's number, kind, and where it starts, its body starts, and it ends."""
    while at < end:
        start = at
        key, at = _number(data, at, end)
        number, kind = key >> 3, key & 7
        body = at
        if kind == _VARINT:
            _, at = _number(data, at, end)
        elif kind == _BYTES:
            length, body = _number(data, at, end)
            at = body + length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise NotWhole
        if at > end or not number:
            raise NotWhole
        yield number, kind, start, body, at


def _number(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Return a varint, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise NotWhole


def _tag(number: int) -> bytes:
    return varint(number << 3 | _BYTES)


def serialised(message: Any, kept: Callable[[Any], bool]) -> bytes:
    """Serialise the fields of a message whose descriptors are `kept`; the rest is written apart."""
    made = type(message)()
    for field, value in message.ListFields():
        if not kept(field):
            continue
        if isinstance(value, (str, bytes, int, float)):
            setattr(made, field.name, value)
        elif hasattr(value, "extend"):
            getattr(made, field.name).extend(value)
        else:
            getattr(made, field.name).CopyFrom(value)
    whole: bytes = made.SerializeToString(deterministic=True)
    return whole


def varint(n: int) -> bytes:
    """Return a number as protobuf writes it."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])
