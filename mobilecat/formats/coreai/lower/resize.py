"""Resize, without the dialect's `interpolate`.

That one is reported to stop compilation for the GPU and the Neural Engine: docs/coreai.md.
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.base.resampling import (
    AxisResize,
    axis_resizes,
    matrix,
    nearest_indices,
    outside,
    resize_problem,
)
from mobilecat.formats.coreai.lower.build import Build, Var, dtype_of_var, shape_of_var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers
from mobilecat.graph import Array


@lowers("Resize", types=NUMBERS, check=resize_problem)
def lower_resize(n: Node) -> Var:
    """Nearest moves rows; all else is a constant matrix an axis, with a few weights in a row."""
    b, axes = n.build, axis_resizes(n.node)
    nearest = n.attr("mode", "nearest") == "nearest"
    x = n.x() if nearest else n.x(0, np.float32)
    for axis, resize in axes.items():
        if nearest:
            x = _picked(b, x, nearest_indices(resize), axis)
        else:
            x = _weighted(b, x, matrix(resize).astype(np.float32), axis)
    if n.attr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        x = _extrapolated(n, x, axes)
    return b.cast(x, n.out_dtype())


def _picked(b: Build, x: Var, rows: Array, axis: int) -> Var:
    """Take `rows` of an axis: whole repeats as a broadcast, even steps as a slice."""
    shape = shape_of_var(x)
    times = len(rows) // shape[axis]
    if times > 1 and np.array_equal(rows, np.repeat(np.arange(shape[axis]), times)):
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        flat = b.reshape(x, (outer * shape[axis], 1, inner))
        wide = b.broadcast_to(flat, (outer * shape[axis], times, inner))
        return b.reshape(wide, (*shape[:axis], len(rows), *shape[axis + 1 :]))
    steps = np.diff(rows)
    if len(rows) > 1 and steps[0] > 0 and np.all(steps == steps[0]):
        return b.take(x, axis, range(int(rows[0]), int(rows[-1]) + 1, int(steps[0])))
    return b.gather(x, rows.astype(np.int32), axis)


def _weighted(b: Build, x: Var, weights: Array, axis: int) -> Var:
    """Multiply one axis by weights [out, in]: from the right where it is the last, else from the
    left, with everything behind it as the columns."""
    shape = shape_of_var(x)
    if axis == len(shape) - 1:
        outer = int(np.prod(shape[:-1]))
        out = b.matmul(b.reshape(x, (outer, shape[-1])), np.ascontiguousarray(weights.T))
    else:
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        out = b.matmul(weights[None], b.reshape(x, (outer, shape[axis], inner)))
    return b.reshape(out, (*shape[:axis], len(weights), *shape[axis + 1 :]))


def _extrapolated(n: Node, x: Var, axes: dict[int, AxisResize]) -> Var:
    shape = n.out_shape()
    out: Array = np.zeros((1,) * len(shape), bool)
    for a, resize in axes.items():
        view = [1] * len(shape)
        view[a] = resize.out
        out = out | outside(resize).reshape(view)
    if not out.any():
        return x
    computed = dtype_of_var(x)
    fill = np.float32(n.attr("extrapolation_value", 0.0)).astype(computed)
    return n.build.where(np.ascontiguousarray(np.broadcast_to(out, shape)), fill, x)
