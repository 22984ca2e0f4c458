"""Boxes told as the distances from a point to their four sides, and what is done to boxes after."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops


def from_distances(
    build: Builder, name: str, sides: ir.Value, points: Array, *, sound: bool
) -> ir.Value:
    """Return boxes [1,N,4] of left, top, right, bottom [1,N,4] in pixels from points [N,2].

    sound: whether no distance can be negative. Where one can, a box that is turned inside out gets
    the side 0 at its first corner (`ops.no_less_than_0`).
    """
    near, far = ops.split(build, f"{name}.sides", sides, 2, 2)
    at = ops.f32(points[None])
    low = build.op("Sub", f"{name}.low", at, near)
    if sound:
        high = build.op("Add", f"{name}.high", at, far)
    else:
        both = build.op("Add", f"{name}.both", near, far)
        size = ops.no_less_than_0(build, f"{name}.size", both)
        high = build.op("Add", f"{name}.high", low, size)
    return build.op("Concat", name, low, high, axis=-1)


def expected(build: Builder, name: str, logits: ir.Value, n: int, bins: int) -> ir.Value:
    """Return [1,N,4]: Σ k · softmax(logits)ₖ over the bins k = 0 … of [1,N,4·bins].

    Source: Generalized Focal Loss, https://arxiv.org/abs/2006.04388 (its `Integral`).
    """
    spread = ops.reshape(build, f"{name}.spread", logits, 1, n, 4, bins)
    shares = build.op("Softmax", f"{name}.shares", spread, axis=-1)
    weighed = build.op("Mul", f"{name}.weighed", shares, ops.f32(np.arange(bins)))
    return build.op("ReduceSum", name, weighed, ops.ints(-1), keepdims=0)


def clipped(build: Builder, name: str, boxes: ir.Value, size_wh: tuple[int, int]) -> ir.Value:
    """Return boxes [1,N,4] cut at the model input."""
    x1, y1, x2, y2 = ops.split(build, f"{name}.uncut", boxes, 1, 1, 1, 1)
    kept = [
        build.op("Clip", f"{name}.{side}", value, ops.f32(0), ops.f32(most))
        for side, value, most in zip(
            ("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), (*size_wh, *size_wh), strict=True
        )
    ]
    return build.op("Concat", name, *kept, axis=-1)
