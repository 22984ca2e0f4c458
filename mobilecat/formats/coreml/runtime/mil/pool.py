"""Pooling."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.mil.conv import window_list, window_pads
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.windows import ceil_extra, onnx_pads


def _window(op: Op) -> tuple[list[int], list[int], list[tuple[int, int]], list[tuple[int, int]]]:
    """Return kernel, strides, the declared padding, and that padding grown by ceil_mode."""
    x = op["x"]
    kernel = op.ints("kernel_sizes")
    if x.rank != len(kernel) + 2 or min(kernel) < 1:
        raise op.broken(f"kernel {kernel} does not fit rank {x.rank}")
    strides = window_list(op, "strides", len(kernel))
    pads = window_pads(op, x, kernel, strides, [1] * len(kernel))
    grown = ceil_extra(x.shape[2:], kernel, strides, pads) if op.flag("ceil_mode", False) else pads
    return kernel, strides, pads, grown


def pad_spatial(g: Graph, x: Val, pads: list[tuple[int, int]], value: float) -> Val:
    """Return `x` padded on its last axes, or itself where there is nothing to pad."""
    if not any(v for p in pads for v in p):
        return x
    lead = [0] * (x.rank - len(pads))
    amounts = np.array([*lead, *[b for b, _ in pads], *lead, *[e for _, e in pads]])
    return g("Pad", x, amounts, g.const(np.float32(value)))


@mil_op("max_pool", moves=True)
def onnx_from_max_pool(op: Op) -> Val:
    kernel, strides, _, grown = _window(op)
    x = op["x"]
    pads = onnx_pads(grown)
    if any(p >= k for p, k in zip(pads, kernel * 2, strict=True)):  # ONNX: padding < kernel
        x, pads = pad_spatial(op.g, x, grown, -np.inf), [0] * len(pads)
    return op.g("MaxPool", x, kernel_shape=kernel, strides=strides, pads=pads)


@mil_op("avg_pool")
def onnx_from_avg_pool(op: Op) -> Val:
    kernel, strides, declared, grown = _window(op)
    exclude = op.flag("exclude_padding_from_average", False)
    return average(op.g, op["x"], kernel, strides, declared, grown, exclude=exclude)


def average(
    g: Graph,
    x: Val,
    kernel: list[int],
    strides: list[int],
    declared: list[tuple[int, int]],
    grown: list[tuple[int, int]],
    *,
    exclude: bool,
) -> Val:
    """Return window means. Padding counts as zeros, or not at all (`exclude`).

    What ceil_mode adds beyond the declared padding never counts: a window's divisor is the part of
    it that lies in the padded picture.
    """
    pads = onnx_pads(grown)
    small = all(p < k for p, k in zip(pads, kernel * 2, strict=True))
    y: Val
    if small and (exclude or declared == grown):
        y = g(
            "AveragePool",
            x,
            kernel_shape=kernel,
            strides=strides,
            pads=pads,
            count_include_pad=0 if exclude else 1,
        )
        return y
    counted = [(0, 0)] * len(kernel) if exclude else declared
    summed = g("AveragePool", pad_spatial(g, x, grown, 0.0), kernel_shape=kernel, strides=strides)
    factors = []
    for size, k, s, (cb, ce), (b, e) in zip(
        x.shape[2:], kernel, strides, counted, grown, strict=True
    ):
        row = np.zeros(size + b + e)
        row[b - cb : b + size + ce] = 1
        starts = range(0, len(row) - k + 1, s)
        factors.append(np.array([k / max(row[i : i + k].sum(), 1) for i in starts], np.float32))
    factor = factors[0]
    for f in factors[1:]:
        factor = factor[..., None] * f
    y = g("Mul", summed, g.const(factor))
    return y


@mil_op("l2_pool")
def onnx_from_l2_pool(op: Op) -> Val:
    kernel, strides, _, grown = _window(op)
    x = pad_spatial(op.g, op["x"], grown, 0.0)
    return op.g("LpPool", x, p=2, kernel_shape=kernel, strides=strides)
