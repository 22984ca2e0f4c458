"""Boxes encoded against priors, as SSD and its face-detecting descendants do."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops

Pairs = tuple[tuple[float, float], tuple[float, float]]
LEAST = -100.0
"""A log size below it is no size in float32, whatever the prior."""


def from_priors(
    build: Builder, offset: ir.Value, log_size: ir.Value, priors: Array, variances: Pairs
) -> ir.Value:
    """Return boxes [1,N,4] of `centre_and_size`."""
    centre, size = centre_and_size(build, offset, log_size, priors, variances)
    return ops.corners(build, "candidate_boxes", centre, size)


def centre_and_size(
    build: Builder,
    offset: ir.Value,
    log_size: ir.Value,
    priors: Array,
    variances: Pairs,
    limits: tuple[float | None, float | None] = (None, None),
) -> tuple[ir.Value, ir.Value]:
    """Return centre + offset · variance · side, and e^(log_size · variance) · side, [1,N,2] each.

    priors: [N,4] centre x, y, width, height in pixels, or [N,3] centre and side of squares.
    variances: of x, y and of w, h. limits: between which log_size · variance is kept.
    """
    centres, sides = priors[None, :, :2], priors[None, :, 2:]
    step = ops.f32(sides * _short(variances[0]))
    moved = build.op("Mul", "offset_px", offset, step)
    centre = build.op("Add", "centre", moved, ops.f32(centres))
    growth = log_size
    if variances[1] != (1, 1):
        growth = build.op("Mul", "log_size", log_size, ops.f32(_short(variances[1])))
    low, high = limits
    if high is not None:
        least = ops.f32(LEAST if low is None else low)
        growth = build.op("Clip", "log_size_kept", growth, least, ops.f32(high))
    return centre, build.op("Mul", "size", build.op("Exp", "growth", growth), ops.f32(sides))


def _short(pair: tuple[float, float]) -> Array:
    return np.array(pair[0] if pair[0] == pair[1] else pair)
