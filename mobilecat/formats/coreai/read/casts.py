"""Casts. Apple's interpreter saturates every one that narrows, from floats and from integers alike,
and makes 0 of NaN: measured over all pairs of types (docs/coreai.md)."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreai.read.ir import ELEMENTS, integer_range
from mobilecat.formats.coreai.read.op import Call, larger, reads
from mobilecat.formats.coreai.read.writer import (
    BOOL,
    DOUBLE,
    FLOATS,
    INT64,
    Refused,
    Val,
    Writer,
    carried,
)


@reads("coreai.cast")
def cast(c: Call) -> str:
    return converted(c.g, c.inputs[0], c.result.element)


def converted(g: Writer, value: Val, to: str) -> str:
    """Return `value` in the carried type of element `to`, rounded to nothing narrower."""
    if to == value.element:
        return value.name
    if value.element in FLOATS and to in FLOATS:
        return value.name
    if to == "i1":
        return g.cast(value.name, BOOL)
    if to in FLOATS or value.element == "i1":
        return g.cast(value.name, carried(to))
    if to not in ELEMENTS:
        raise Refused(f"a cast to {to}")
    if value.element in FLOATS:
        return saturated(g, value.name, to)
    return _narrowed(g, value, to)


def _narrowed(g: Writer, value: Val, to: str) -> str:
    """Integers to integers, through int64, where ui64 is cut off at its top first."""
    held, wanted = integer_range(value.element), integer_range(to)
    if value.element == "ui64" and to == "ui64":
        return value.name
    name = value.name if value.element == "si64" else g.cast(value.name, INT64)
    if value.element == "ui64":  # a cast wraps: what is above int64 is negative now
        top = g.const(np.iinfo(np.int64).max, np.int64)
        name = g("Where", g("Less", name, g.const(0, np.int64)), top, name)
    inside = integer_range("si64")
    low, high = max(wanted[0], inside[0]), min(wanted[1], inside[1])
    if held[0] < low:
        name = larger(g, name, g.const(low, np.int64))
    if held[1] > high:
        name = larger(g, name, g.const(high, np.int64), swapped=True)
    return name if to == "si64" else g.cast(name, carried(to))


def saturated(g: Writer, name: str, to: str) -> str:
    """Return float32 `name` as integers of `to`: cut off to whole numbers, saturating; NaN is 0."""
    lowest, highest = integer_range(to)
    number = g("Where", g("IsNaN", name), g.const(0, np.float32), name)
    top = float(highest)
    if to[2:] != "64":
        clipped = g(
            "Clip", g.cast(number, DOUBLE), g.const(float(lowest), np.float64),
            g.const(top, np.float64),
        )  # fmt: skip
        return g.cast(clipped, carried(to))
    below = np.nextafter(np.float32(top), np.float32(0))  # 2⁶³ itself is a float32, but no int64
    clipped = g("Clip", number, g.const(float(lowest), np.float32), g.const(below, np.float32))
    over = g("Greater", number, g.const(below, np.float32))
    whole = g.cast(clipped, carried(to))
    if to == "si64":
        return g("Where", over, g.const(highest, np.int64), whole)
    made = g("Where", over, g.const(-1, np.int64), g.cast(whole, INT64))  # the same bits
    return g.cast(made, carried(to))
