"""`interpolate`: a position o of the result lies at (o + 0.5 − offset) / scale − 0.5 of the input,
held inside of it. `nearest_neighbor` rounds half to even. (Docstring of coreai-core's dialect, and
measured: docs/coreai.md.)"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.formats.coreai.read.op import Call, reads
from mobilecat.formats.coreai.read.writer import INT64, Refused

if TYPE_CHECKING:
    from mobilecat.graph import Array

_LINEAR, _NEAREST = "linear", "nearest_neighbor"


@reads("coreai.interpolate")
def interpolate(c: Call) -> str:
    mode = _mode(c)
    sides, wanted = c.inputs[0].shape, c.shape
    scales, offsets = c.array(2, "scale"), c.array(3, "offset")
    made = c[0]
    for axis, (side, out) in enumerate(zip(sides, wanted, strict=True)):
        at = positions(side, out, scales.reshape(-1)[axis], offsets.reshape(-1)[axis])
        if out == side and np.array_equal(at, np.arange(side)):
            continue
        made = _along(c, made, axis, at) if mode == _LINEAR else _nearest(c, made, axis, at)
    return made


def positions(side: int, out: int, scale: float, offset: float) -> Array:
    """Return where each of `out` numbers lies on a side of `side`, in float32."""
    f = np.float32
    with np.errstate(all="ignore"):
        at = (np.arange(out, dtype=f) + f(0.5) - f(offset)) / f(scale) - f(0.5)
    if not np.isfinite(at).all():
        raise Refused(f"with scale {scale} and offset {offset}")
    return np.clip(at, f(0), f(side - 1))


def _nearest(c: Call, name: str, axis: int, at: Array) -> str:
    return c.g("Gather", name, c.g.const(np.rint(at).astype(np.int64)), axis=axis)


def _along(c: Call, name: str, axis: int, at: Array) -> str:
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, c.inputs[0].shape[axis] - 1)
    shape = [1] * c.inputs[0].rank
    shape[axis] = -1
    share = (at - low.astype(np.float32)).reshape(shape)
    a = c.g("Gather", name, c.g.const(low), axis=axis)
    if not share.any():
        return a
    b = c.g("Gather", name, c.g.const(high), axis=axis)
    return c.g("Add", c.g("Mul", a, c.g.const(1 - share)), c.g("Mul", b, c.g.const(share)))


@reads("coreai.interpolate_coordinates")
def interpolate_coordinates(c: Call) -> str:
    """[K sides], [N, K] → [N]: each row is a position, counted from the middle of element 0."""
    mode, sides = _mode(c), c.inputs[0].shape
    if len(sides) > 4:
        raise Refused(f"in {len(sides)} dimensions")
    top = c.g.const(np.array([sides], np.float32) - 1)
    held = c.g("Min", c.g("Max", c[1], c.g.const(0, np.float32)), top)
    if mode == _NEAREST:
        return c.g("GatherND", c[0], c.g.cast(c.g("Round", held), INT64))
    low = c.g("Floor", held)
    share = c.g("Sub", held, low)
    rest = c.g("Sub", c.g.const(1, np.float32), share)
    high = c.g("Min", c.g("Add", low, c.g.const(1, np.float32)), top)
    total = ""
    for corner in product((0, 1), repeat=len(sides)):
        upper = c.g.const(np.array([corner], np.bool_))
        index = c.g.cast(c.g("Where", upper, high, low), INT64)
        weights = c.g("Where", upper, share, rest)
        weight = c.g("ReduceProd", weights, c.g.ints([1]), keepdims=0)
        part = c.g("Mul", c.g("GatherND", c[0], index), weight)
        total = c.g("Add", total, part) if total else part
    return total


def _mode(c: Call) -> str:
    c.floats()
    mode = c.attribute("interpolation_mode", _LINEAR)
    if mode not in (_LINEAR, _NEAREST):
        raise Refused(f"with mode {mode}")
    return mode
