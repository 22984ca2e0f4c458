"""Rows by their number, and back."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import Call, Given, Refused, axis_of, reads
from mobilecat.formats.tflite.read.writer import INT64

_MOST_ZEROS = 1 << 24


def _places(call: Call, i: int) -> str:
    found = call.const(i)
    if found is not None:
        return call.g.const(found.astype(np.int64))
    return call.g.op("Cast", call.x(i), to=INT64)


@reads("GATHER")
def read_gather(call: Call) -> Given:
    rank, batch = call.rank(0), int(call.option("batchDims"))
    axis = axis_of(int(call.option("axis")), rank)
    if batch < 0:
        batch += call.rank(1)
    if batch == 0:
        return call.g.op("Gather", call.x(0), _places(call, 1), axis=axis)
    if axis != batch or call.rank(1) < batch:
        raise Refused(f"rows of axis {axis} with {batch} batch dimensions")
    places = call.g.op("Unsqueeze", _places(call, 1), np.array([call.rank(1)], np.int64))
    return call.g.op("GatherND", call.x(0), places, batch_dims=batch)


@reads("GATHER_ND")
def read_gather_nd(call: Call) -> Given:
    return call.g.op("GatherND", call.x(0), _places(call, 1))


@reads("SCATTER_ND")
def read_scatter_nd(call: Call) -> Given:
    """What meets at one place is added up."""
    shape = call.ints(2, "shape")
    if tuple(shape) != call.out().shape or call.size() > _MOST_ZEROS:
        raise Refused(f"a shape {shape} for {list(call.out().shape)}")
    at = call.const(0)
    rows = None if at is None else at.reshape(-1, at.shape[-1])
    alone = rows is not None and len(np.unique(rows, axis=0)) == len(rows)
    zeros = np.zeros(shape, call.out().dtype)
    how = {} if alone else {"reduction": "add"}
    return call.g.op("ScatterND", zeros, _places(call, 0), call.x(1), **how)


@reads("ONE_HOT")
def read_one_hot(call: Call) -> Given:
    """A number below 0, or past the end, is hot nowhere: ONNX's own OneHot counts from the end."""
    depth = call.ints(1, "depth")[0]
    rank = call.rank(0) + 1
    axis = axis_of(int(call.option("axis", -1)), rank)
    if not 0 < depth <= 1 << 20:
        raise Refused(f"a depth of {depth}")
    rows = call.g.op("Unsqueeze", call.x(0), np.array([axis], np.int64))
    shape = [1] * rank
    shape[axis] = depth
    numbers = np.arange(depth, dtype=call.tensor(0).dtype).reshape(shape)
    hot = call.g.op("Equal", rows, numbers)
    return call.g.op("Where", hot, call.x(2), call.x(3))


@reads("DYNAMIC_UPDATE_SLICE")
def read_update(call: Call) -> Given:
    shape, part = call.shape(0), call.shape(1)
    starts = call.ints(2, "place")
    if len(part) != len(shape) or any(p > s for p, s in zip(part, shape, strict=True)):
        raise Refused(f"a part {list(part)} of {list(shape)}")
    if int(np.prod(part)) > _MOST_ZEROS:
        raise Refused(f"a part {list(part)}")
    starts = [min(max(b, 0), s - p) for b, s, p in zip(starts, shape, part, strict=True)]
    grid = np.indices(part, dtype=np.int64) + np.array(starts).reshape(-1, *[1] * len(part))
    return call.g.op("ScatterND", call.x(0), np.moveaxis(grid, 0, -1).copy(), call.x(1))


@reads("SHAPE")
def read_shape(call: Call) -> Given:
    return np.array(call.shape(0), call.out().dtype)


@reads("RANK")
def read_rank(call: Call) -> Given:
    return np.array(call.rank(0), np.int32)


@reads("RANGE")
def read_range(call: Call) -> Given:
    start, limit, delta = (call.needs(i, "range").reshape(()) for i in range(3))
    if delta == 0 or not abs((limit - start) / delta) <= 1 << 24:
        raise Refused(f"from {start} to {limit} by {delta}")
    return np.arange(start, limit, delta, dtype=call.out().dtype)
