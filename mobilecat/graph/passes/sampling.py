"""GridSample by Gather and weighted sums, for targets that have no such op, or not this form of it.

Every mode, padding and corner of ONNX, over two spatial axes or three. The order of operations in
the coordinates is that of ONNX's reference, so that a sample falls between the same pixels:
https://github.com/onnx/onnx/blob/main/onnx/reference/ops/op_grid_sample.py
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import onnx_ir as ir

from mobilecat.graph.base import attr, dtype_of, shape_of
from mobilecat.graph.passes.shapes import infer_shapes
from mobilecat.graph.passes.writer import Writer

WORD = "sampled"
"""In the names of what a GridSample becomes: it computes places, which need float32."""
_CUBIC = -0.75
"""Coefficient of the cubic of two branches, as in ONNX and PyTorch."""
_FAR = 1e6
"""No picture is as large; places beyond it do not fit into the whole numbers of every target."""


def without_grid_sample(model: ir.Model, has_form: Callable[[ir.Node], bool]) -> ir.Model:
    """Return the model with every GridSample that a target has no form of in plain ops.

    The model itself where there is none; else a copy.

    Given:   GridSample(x[N,C,H,W], grid[N,h,w,2]) → y
    Result:  rows[N·H·W,C] → Gather(places) · weights → Add … → Transpose → y
    """
    if all(_kept(n, has_form) for n in model.graph):
        return model
    copy = model.clone()
    for node in tuple(copy.graph):
        if not _kept(node, has_form):
            _sampled(copy, node)
    return infer_shapes(copy)[0]


def _kept(node: ir.Node, has_form: Callable[[ir.Node], bool]) -> bool:
    return bool(node.op_type != "GridSample" or node.domain or has_form(node))


class _Axis:
    """Places along one spatial axis of length `size`: [N,P] float32."""

    def __init__(self, write: Writer, size: int, aligned: bool, padding: str) -> None:
        self.write, self.size, self.padding = write, size, padding
        self.low, self.high = (0.0, size - 1.0) if aligned else (-0.5, size - 0.5)
        self.aligned = aligned

    def place(self, g: ir.Value) -> ir.Value:
        """Return where −1..1 lies, in pixels."""
        op, one = self.write.op, self.write.op("Add", g, 1.0)
        if self.aligned:
            return op("Mul", op("Mul", one, 0.5), self.size - 1.0)
        return op("Mul", op("Sub", op("Mul", one, float(self.size)), 1.0), 0.5)

    def within(self, x: ir.Value, mode: str) -> ir.Value:
        """Return places beyond the border as the padding has them; `zeros` leaves them there, and
        so does `border` for cubics, whose four pixels alone are brought inside."""
        if self.padding == "border" and mode != "cubic":
            return self.clipped(x, 0.0, self.size - 1.0)
        x = self.clipped(x, -_FAR, _FAR)
        return self.reflected(x) if self.padding == "reflection" else x

    def reflected(self, x: ir.Value) -> ir.Value:
        """Return a wave of triangles; inside, where it would only round, what was given."""
        op, span = self.write.op, self.high - self.low
        if span <= 0:
            return op("Mul", x, 0.0)
        away = op("Abs", op("Sub", x, self.low))
        periods = op("Floor", op("Mul", away, 1 / (2 * span)))
        rest = op("Sub", away, op("Mul", periods, 2 * span))
        back = op("Add", op("Sub", span, op("Abs", op("Sub", rest, span))), self.low)
        inside = op("And", op("Less", self.low - 1e-3, x), op("Less", x, self.high + 1e-3))
        return op("Where", inside, self.clipped(x, self.low, self.high), back)

    def index(self, place: ir.Value) -> tuple[ir.Value, ir.Value | None]:
        """Return whole places that are there, and where they were beyond the border of `zeros`."""
        op = self.write.op
        outside = None
        if self.padding == "zeros":
            below, above = op("Less", place, -0.5), op("Less", self.size - 0.5, place)
            outside = op("Or", below, above)
        elif self.padding == "reflection":
            place = self.reflected(place)
        there = self.clipped(place, 0.0, self.size - 1.0)
        return op("Cast", there, to=int(ir.DataType.INT64)), outside

    def clipped(self, x: ir.Value, low: float, high: float) -> ir.Value:
        return self.write.op("Min", self.write.op("Max", x, low), high)

    def taps(self, place: ir.Value, mode: str) -> list[tuple[ir.Value, ir.Value | None]]:
        """Return whole places and their weights, None for 1."""
        op = self.write.op
        if mode == "nearest":
            return [(place, None)]
        first = op("Floor", place)
        after = op("Sub", place, first)
        if mode == "linear":
            return [(first, op("Sub", 1.0, after)), (op("Add", first, 1.0), after)]
        weights = self._cubic(after)
        return [(op("Add", first, float(k - 1)), w) for k, w in enumerate(weights)]

    def _cubic(self, t: ir.Value) -> list[ir.Value]:
        """Return the weights of the four pixels around, the second of which is `t` before."""

        def near(x: ir.Value) -> ir.Value:  # ((a+2)x − (a+3))x² + 1, |x| ≤ 1
            slope = op("Sub", op("Mul", x, _CUBIC + 2), _CUBIC + 3)
            return op("Add", op("Mul", op("Mul", slope, x), x), 1.0)

        def far(x: ir.Value) -> ir.Value:  # ((ax − 5a)x + 8a)x − 4a, 1 < |x| < 2
            inner = op("Add", op("Mul", op("Sub", op("Mul", x, _CUBIC), 5 * _CUBIC), x), 8 * _CUBIC)
            return op("Sub", op("Mul", inner, x), 4 * _CUBIC)

        op = self.write.op
        rest = op("Sub", 1.0, t)
        return [far(op("Add", t, 1.0)), near(t), near(rest), far(op("Add", rest, 1.0))]


def _sampled(model: ir.Model, node: ir.Node) -> None:
    write = Writer(model, node, WORD)
    op = write.op
    x, grid = node.inputs[0], node.inputs[1]
    assert x is not None and grid is not None
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(m := attr(node, "mode", "linear"), m)
    padding, aligned = attr(node, "padding_mode", "zeros"), bool(attr(node, "align_corners", 0))
    count, depth, *sizes = shape_of(x)
    places = shape_of(grid)[1:-1]
    p, axes = math.prod(places), len(sizes)

    rows = write.reshape(op("Transpose", x, perm=[0, *range(2, axes + 2), 1]), -1, depth)
    given = write.reshape(grid, count, p, axes)
    if dtype_of(grid) != np.float32:
        given = op("Cast", given, to=int(ir.DataType.FLOAT))
    taps = []
    lines = [_Axis(write, size, aligned, padding) for size in sizes]
    for k, axis in enumerate(lines):
        # A grid names the last axis first.
        column = write.reshape(write.piece(given, 2, axes - 1 - k, axes - k), count, p)
        place = axis.place(column)
        place = axis.within(op("Round", place) if mode == "nearest" else place, mode)
        taps.append([(*axis.index(at), weight) for at, weight in axis.taps(place, mode)])

    first = np.arange(count, dtype=np.int64)[:, None] * math.prod(sizes)
    total: ir.Value | None = None
    for corner in product(*taps):
        spot: ir.Value | None = None
        weight: ir.Value | None = None
        outside: ir.Value | None = None
        for axis, (at, beyond, own) in zip(lines, corner, strict=True):
            line = op("Mul", spot, np.array(axis.size, np.int64)) if spot is not None else None
            spot = at if line is None else op("Add", line, at)
            if own is not None:
                weight = own if weight is None else op("Mul", weight, own)
            if beyond is not None:
                outside = beyond if outside is None else op("Or", outside, beyond)
        assert spot is not None
        if count > 1:
            spot = op("Add", spot, first)
        value = op("Gather", rows, write.reshape(spot, count * p), axis=0)
        value = write.reshape(value, count, p, depth)
        value = _weighed(write, value, weight, outside, dtype_of(x), (count, p, 1))
        total = value if total is None else op("Add", total, value)
    assert total is not None
    planes = op("Transpose", total, perm=[0, 2, 1])
    write.replace(0, write.reshape(planes, count, depth, *places))
    write.done()


def _weighed(
    write: Writer,
    value: ir.Value,
    weight: ir.Value | None,
    outside: ir.Value | None,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
) -> ir.Value:
    """Return the value times its weight; 0 outside, whatever it is."""
    if weight is not None:
        factor = write.reshape(weight, *shape)
        if dtype != np.float32:
            factor = write.op("Cast", factor, to=int(ir.DataType.from_numpy(dtype)))
        value = write.op("Mul", value, factor)
    if outside is None:
        return value
    return write.op("Where", write.reshape(outside, *shape), np.array(0, dtype), value)
