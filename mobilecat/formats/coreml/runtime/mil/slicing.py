"""Slices, and sorting."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import INT32, Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op

_FAR = 1 << 62


@mil_op("slice_by_index", moves=True)
def onnx_from_slice_by_index(op: Op) -> Val:
    x = op["x"]
    begin, end, stride, squeeze = slice_bounds(op, x)
    axes = list(range(x.rank))
    y = op.g("Slice", x, np.array(begin), np.array(end), np.array(axes), np.array(stride))
    gone = [a for a in axes if squeeze[a]]
    return op.g("Squeeze", y, np.array(gone)) if gone else y


def slice_bounds(op: Op, x: Val) -> tuple[list[int], list[int], list[int], list[bool]]:
    """Return ONNX starts, ends, steps and the axes to be dropped, for every axis of `x`."""
    n = x.rank
    begin, end = op.ints("begin"), op.ints("end")
    stride = op.ints("stride", [1] * n)
    if not len(begin) == len(end) == len(stride) == n or 0 in stride:
        raise op.broken(f"begin, end and stride do not fit rank {n}")
    begin_mask, end_mask = op.bools("begin_mask", n), op.bools("end_mask", n)
    squeeze = op.bools("squeeze_mask", n)
    for a in range(n):
        if begin_mask[a]:
            begin[a] = 0 if stride[a] > 0 else _FAR
        if squeeze[a]:
            stride[a] = 1
            end[a] = begin[a] + 1 if begin[a] != -1 else _FAR
        elif end_mask[a]:
            end[a] = _FAR if stride[a] > 0 else -_FAR
    return begin, end, stride, squeeze


@mil_op("slice_by_size", moves=True)
def onnx_from_slice_by_size(op: Op) -> Val:
    x = op["x"]
    begin, size = op.ints("begin"), op.ints("size")
    if not len(begin) == len(size) == x.rank:
        raise op.broken(f"begin and size do not fit rank {x.rank}")
    begin = [b + d if b < 0 else b for b, d in zip(begin, x.shape, strict=True)]
    end = [_FAR if s == -1 else b + s for b, s in zip(begin, size, strict=True)]
    return op.g("Slice", x, np.array(begin), np.array(end), np.arange(x.rank))


@mil_op("slice_update", moves=True)
def onnx_from_slice_update(op: Op) -> Val:
    """As a scatter over the flat positions that the slice names."""
    x, update = op["x"], op["update"]
    begin, end, stride, squeeze = slice_bounds(op, x)
    total = int(np.prod(x.shape))
    where = np.arange(total).reshape(x.shape)
    picks = tuple(
        slice(*_bound(b, e, s, d)) for b, e, s, d in zip(begin, end, stride, x.shape, strict=True)
    )
    spots = where[picks]
    if np.squeeze(spots, tuple(a for a, s in enumerate(squeeze) if s)).size != np.prod(
        update.shape
    ):
        raise op.broken(f"an update of shape {update.shape} does not fit the slice {spots.shape}")
    flat = op.g("Reshape", x, np.array([-1]))
    values = op.g("Reshape", update, np.array([-1]))
    return op.g(
        "Reshape",
        op.g("ScatterElements", flat, spots.reshape(-1), values, axis=0),
        np.array(x.shape),
    )


def _bound(begin: int, end: int, step: int, size: int) -> tuple[int | None, int | None, int]:
    """Return Python slice bounds with the far marks as None."""
    first = None if abs(begin) >= _FAR else begin
    last = None if abs(end) >= _FAR else end
    return first, last, step


@mil_op("topk", moves=True)
def onnx_from_topk(op: Op) -> tuple[Val, ...]:
    x = op["x"]
    axis = op.axis(default=-1)
    k = op.integer("k", 1)
    k = x.shape[axis] if k == -1 else k
    largest = int(not op.flag("ascending", False))
    # sorted whatever `sort` says: Core ML's unsorted order is unspecified
    values, indices = op.g.several(2, "TopK", x, np.array([k]), axis=axis, largest=largest)
    if not op.flag("return_indices", True):
        return (values,)
    return values, op.g("Cast", indices, to=INT32)


@mil_op("argsort", moves=True)
def onnx_from_argsort(op: Op) -> Val:
    x = op["x"]
    axis = op.axis(default=-1)
    count = np.array([x.shape[axis]])
    largest = int(not op.flag("ascending", False))
    _, indices = op.g.several(2, "TopK", x, count, axis=axis, largest=largest)
    return op.g("Cast", indices, to=INT32)
