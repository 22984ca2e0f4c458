"""Boxes encoded against priors, as SSD and its face-detecting descendants do."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops


def from_priors(
    build: Builder,
    offset: ir.Value,
    log_size: ir.Value,
    priors: Array,
    variances: tuple[tuple[float, float], tuple[float, float]],
) -> ir.Value:
    """Return boxes [1,N,4]: centre + offset · variance · side, e^(log_size · variance) · side.

    priors: [N,4] centre x, y, width, height in pixels. variances: of x, y and of w, h.
    """
    centres, sides = priors[None, :, :2], priors[None, :, 2:]
    step = ops.f32(sides * np.array(variances[0]))
    moved = build.op("Mul", "offset_px", offset, step)
    centre = build.op("Add", "centre", moved, ops.f32(centres))
    growth = build.op("Mul", "log_size", log_size, _short(variances[1]))
    size = build.op("Mul", "size", build.op("Exp", "growth", growth), ops.f32(sides))
    return ops.corners(build, "candidate_boxes", centre, size)


def _short(pair: tuple[float, float]) -> Array:
    return ops.f32(pair[0] if pair[0] == pair[1] else pair)
