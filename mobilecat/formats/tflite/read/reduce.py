"""Reductions, places of the largest, running sums."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import ELEMENT, Call, Given, axis_of, lain, reads
from mobilecat.formats.tflite.read.writer import BOOL, INT32

_REDUCTIONS = {
    "MEAN": "ReduceMean",
    "SUM": "ReduceSum",
    "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin",
    "REDUCE_PROD": "ReduceProd",
    "REDUCE_ANY": "ReduceMax",
    "REDUCE_ALL": "ReduceMin",
}


@reads(*_REDUCTIONS)
def read_reduction(call: Call) -> Given:
    keep = bool(call.option("keepDims"))
    rank = call.rank(0)
    asked = call.ints(1, "axes")
    sides = {axis_of(a, rank) for a in asked} == set(range(1, rank - 1))
    first = call.lies_first(0) and (keep or sides)
    x = call.first(0) if first else call.x(0)
    axes = sorted({axis_of(a, rank, first) for a in asked})
    boolean = call.op.code in ("REDUCE_ANY", "REDUCE_ALL")
    if boolean:
        x = call.g.op("Cast", x, to=INT32)
    if axes:
        x = call.g.op(_REDUCTIONS[call.op.code], x, np.array(axes, np.int64), keepdims=int(keep))
    else:
        x = call.g.op("Identity", x)
    if boolean:
        x = call.g.op("Cast", x, to=BOOL)
    return lain(x, first and keep)


@reads("ARG_MAX", "ARG_MIN")
def read_arg(call: Call) -> Given:
    axis = axis_of(call.ints(1, "axis")[0], call.rank(0))
    op = "ArgMax" if call.op.code == "ARG_MAX" else "ArgMin"
    place = call.g.op(op, call.x(0), axis=axis, keepdims=0)
    return call.g.op("Cast", place, to=ELEMENT[call.out().dtype])


@reads("CUMSUM")
def read_cumsum(call: Call) -> Given:
    axis = axis_of(call.ints(1, "axis")[0], call.rank(0))
    flags = {f: int(bool(call.option(f))) for f in ("exclusive", "reverse")}
    return call.g.op("CumSum", call.x(0), np.array(axis, np.int64), **flags)


@reads("TOPK_V2")
def read_topk(call: Call) -> list[Given]:
    k = np.array(call.ints(1, "count"), np.int64)
    values, order = call.g.ops("TopK", 2, call.x(0), k, axis=-1)
    return [values, call.g.op("Cast", order, to=ELEMENT[call.out(1).dtype])]
