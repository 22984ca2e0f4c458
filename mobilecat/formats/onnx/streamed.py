"""An ONNX file written part by part: what lies beside a proto goes from its array into the file.

The bytes are those that the protobuf library gives for the whole: fields in the order of their
numbers. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from mobilecat.formats.onnx.unread import serialised, varint
from mobilecat.graph import Array
from mobilecat.graph.light import is_marked

_GRAPH, _INITIALIZER, _RAW = 7, 5, 9
Part = bytes | memoryview


def parts_of(proto: onnx.ModelProto, arrays: Mapping[str, Array]) -> Iterator[Part]:
    """Yield the file of a model whose large initializers lie beside it, in order."""
    head, tail = _split(proto, _GRAPH)
    above, below = _split(proto.graph, _INITIALIZER)
    weights = [_tensor(t, arrays) for t in proto.graph.initializer]
    inner = [piece for each in weights for piece in each]
    yield from (head, _opened(_GRAPH, _length(inner) + len(above) + len(below)))
    yield from (above, *inner, below, tail)


def _tensor(tensor: TensorProto, arrays: Mapping[str, Array]) -> list[Part]:
    """Return an initializer as a field of its graph."""
    if not is_marked(tensor):
        whole: bytes = tensor.SerializeToString(deterministic=True)
        return [_opened(_INITIALIZER, len(whole)), whole]
    plain = TensorProto()
    plain.CopyFrom(tensor)
    del plain.external_data[:]
    plain.ClearField("data_location")
    head, tail = _split(plain, _RAW)
    array = np.ascontiguousarray(arrays[tensor.name])
    data = array.reshape(-1).view(np.uint8).data
    pieces: list[Part] = [head, _opened(_RAW, len(data)), data, tail]
    return [_opened(_INITIALIZER, _length(pieces)), *pieces]


def _split(message: Any, number: int) -> tuple[bytes, bytes]:
    """Return a message's fields below and above one of them, serialised."""
    below = serialised(message, lambda field: field.number < number)
    return below, serialised(message, lambda field: field.number > number)


def _opened(number: int, length: int) -> bytes:
    return varint(number << 3 | 2) + varint(length)


def _length(parts: list[Part]) -> int:
    return sum(map(len, parts))
