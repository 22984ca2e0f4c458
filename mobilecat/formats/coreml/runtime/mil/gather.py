"""Gathers and scatters.

Until iOS 16 negative indices count from the end; from iOS 17 they are out of bounds, which is an
error with `validate_indices` and undefined (but safe) without: here it stays an error or wraps.
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import INT64, Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op

_REDUCTIONS = {
    "update": None,
    "add": "add",
    "sub": "add",
    "mul": "mul",
    "div": "mul",
    "max": "max",
    "min": "min",
}


def _indices(op: Op, limits: list[int] | int) -> Val:
    """Return the indices as int64; checks them where iOS 17's validate_indices says so."""
    indices = op["indices"]
    if op.opset >= 17 and op.flag("validate_indices", False):
        found = indices.numpy()
        if found.size and (found.min() < 0 or (found >= np.asarray(limits)).any()):
            raise op.broken("an index is out of bounds")
    return op.g("Cast", indices, to=INT64)


@mil_op("gather", moves=True)
def onnx_from_gather(op: Op) -> Val:
    x, axis = op["x"], op.axis(default=0)
    indices = _indices(op, x.shape[axis])
    batch = op.integer("batch_dims", 0)
    if not 0 <= batch <= min(axis, indices.rank):
        raise op.broken(f"batch_dims is {batch} for axis {axis}")
    if not batch:
        return op.g("Gather", x, indices, axis=axis)
    lead, rest = list(x.shape[:batch]), list(indices.shape[batch:])
    # every batch gathers from its own part: fold both into flat positions
    n = int(np.prod(lead))
    moved = [*range(batch), axis, *range(batch, axis), *range(axis + 1, x.rank)]
    size = x.shape[axis]
    other = [x.shape[a] for a in moved[batch + 1 :]]
    flat = op.g("Reshape", op.g("Transpose", x, perm=moved), np.array([n * size, *other]))
    wrapped = op.g(
        "Where", op.g("Less", indices, np.array(0)), op.g("Add", indices, np.array(size)), indices
    )
    offsets = op.g("Add", op.g("Reshape", wrapped, np.array([n, -1])), np.arange(n)[:, None] * size)
    picked = op.g(
        "Reshape", op.g("Gather", flat, offsets, axis=0), np.array([*lead, *rest, *other])
    )
    r, before = len(rest), axis - batch
    start = batch + r
    order = [
        *range(batch),
        *range(start, start + before),
        *range(batch, start),
        *range(start + before, batch + r + len(other)),
    ]
    return op.g("Transpose", picked, perm=order)


@mil_op("gather_along_axis", moves=True)
def onnx_from_gather_along_axis(op: Op) -> Val:
    x, axis = op["x"], op.axis(default=0)
    return op.g("GatherElements", x, _indices(op, x.shape[axis]), axis=axis)


@mil_op("gather_nd", moves=True)
def onnx_from_gather_nd(op: Op) -> Val:
    x, batch = op["x"], op.integer("batch_dims", 0)
    depth = op["indices"].shape[-1]
    index = _indices(op, list(x.shape[batch : batch + depth]))
    if index.rank == 1:  # ONNX's shape inference gives up where the result is a scalar
        y = op.g("GatherND", x, op.g("Unsqueeze", index, np.array([0])))
        return op.g("Squeeze", y, np.array([0]))
    return op.g("GatherND", x, index, batch_dims=batch)


def _scatter(op: Op, onnx_op: str, indices: Val, updates: Val, **attrs: int) -> Val:
    data = op["data"]
    mode = op.text("mode", "add")
    if mode not in _REDUCTIONS:
        raise op.refuse(f"scatter mode {mode!r} is unknown")
    if mode == "sub":
        updates = op.g("Neg", updates)
    if mode == "div":
        data = as_type(op, data, np.float32)
        updates = op.g("Reciprocal", as_type(op, updates, np.float32))
    if data.dtype != updates.dtype:
        updates = as_type(op, updates, data.dtype)
    y: Val = op.g(onnx_op, data, indices, updates, reduction=_REDUCTIONS[mode], **attrs)
    return as_type(op, y, op["data"].dtype)


@mil_op("scatter")
def onnx_from_scatter(op: Op) -> Val:
    data, updates = op["data"], op["updates"]
    axis = op.axis(default=0, rank=data.rank)
    indices = _indices(op, data.shape[axis])
    if indices.rank == 0:
        indices = op.g("Unsqueeze", indices, np.array([0]))
        updates = op.g("Unsqueeze", updates, np.array([axis]))
    count = indices.rank
    flat = op.g("Reshape", indices, np.array([-1]))
    if count > 1:
        shape = [*data.shape[:axis], -1, *data.shape[axis + 1 :]]
        updates = op.g("Reshape", updates, np.array(shape))
    spread = [1] * data.rank
    spread[axis] = -1
    full = op.g("Expand", op.g("Reshape", flat, np.array(spread)), np.array(updates.shape))
    return _scatter(op, "ScatterElements", full, updates, axis=axis)


@mil_op("scatter_along_axis")
def onnx_from_scatter_along_axis(op: Op) -> Val:
    data = op["data"]
    axis = op.axis(default=0, rank=data.rank)
    return _scatter(op, "ScatterElements", _indices(op, data.shape[axis]), op["updates"], axis=axis)


@mil_op("scatter_nd")
def onnx_from_scatter_nd(op: Op) -> Val:
    data = op["data"]
    depth = op["indices"].shape[-1]
    return _scatter(op, "ScatterND", _indices(op, list(data.shape[:depth])), op["updates"])
