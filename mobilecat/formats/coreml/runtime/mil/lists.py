"""Lists: Python lists of tensors while a program is traced; an op returns a new one."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.op import ListVal, Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.values import TensorType, check_size, compute_dtype

_MAX_LENGTH = 1 << 16


def _list(op: Op) -> ListVal:
    found = op.inputs.get("ls", ())
    if len(found) != 1 or not isinstance(found[0], ListVal):
        raise op.broken("ls is no list")
    return found[0]


def _place(op: Op, index: int, length: int) -> int:
    if not 0 <= index < length:
        raise op.broken(f"the list has no element {index}")
    return index


@mil_op("make_list", moves=True)
def onnx_from_make_list(op: Op) -> ListVal:
    length = op.integer("init_length", 1)
    if not 0 <= length <= _MAX_LENGTH:
        raise op.broken(f"a list of {length} elements")
    shape: list[int | None] = []
    for v in op.inputs.get("elem_shape", ()):
        for d in v.stored().reshape(-1).tolist():
            shape.append(int(d) if not isinstance(d, str) else None)
    check_size(shape, op.where)
    return ListVal([None] * length, TensorType(op.text("dtype", "fp32"), tuple(shape)))


def _element(op: Op, held: ListVal, index: int) -> Val:
    """Return an element; one that was never written is zeros."""
    found = held.items[_place(op, index, len(held.items))]
    if found is not None:
        return found
    if held.element is None or not held.element.is_static:
        raise op.broken(f"element {index} was never written, and its shape is not known")
    shape = tuple(d for d in held.element.shape if d is not None)
    return op.g.const(np.zeros(shape, compute_dtype(held.element.dtype)))


def _written(op: Op, held: ListVal, index: int, value: Val) -> ListVal:
    if not 0 <= index < _MAX_LENGTH:
        raise op.broken(f"element {index} of a list")
    items = held.items + [None] * (index + 1 - len(held.items))
    items[index] = value
    return ListVal(items, held.element)


@mil_op("list_write", moves=True)
def onnx_from_list_write(op: Op) -> ListVal:
    return _written(op, _list(op), op.integer("index"), op["value"])


@mil_op("list_read", moves=True)
def onnx_from_list_read(op: Op) -> Val:
    return _element(op, _list(op), op.integer("index"))


@mil_op("list_length", moves=True)
def onnx_from_list_length(op: Op) -> Val:
    return op.g.const(np.array(len(_list(op).items), np.int32))


@mil_op("list_gather", moves=True)
def onnx_from_list_gather(op: Op) -> Val:
    held = _list(op)
    found = [_element(op, held, i) for i in op.ints("indices")]
    if not found:
        raise op.broken("nothing is gathered")
    return op.g("Concat", *[op.g("Unsqueeze", v, np.array([0])) for v in found], axis=0)


@mil_op("list_scatter", moves=True)
def onnx_from_list_scatter(op: Op) -> ListVal:
    held, value = _list(op), op["value"]
    for row, index in enumerate(op.ints("indices")):
        held = _written(op, held, index, op.g("Gather", value, np.array(row), axis=0))
    return held
