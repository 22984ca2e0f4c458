"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.windows import onnx_pads, same_pads


def pairs(op: Op, name: str, n: int) -> list[tuple[int, int]]:
    """Return MIL's [begin, end, begin, end, …] as pairs, one per spatial axis."""
    flat = op.ints(name, [0] * 2 * n)
    if len(flat) != 2 * n:
        raise op.broken(f"{name} has {len(flat)} entries for {n} axes")
    return list(zip(flat[::2], flat[1::2], strict=True))


def window_list(op: Op, name: str, n: int) -> list[int]:
    """Return strides or dilations, one positive integer per spatial axis."""
    found = op.ints(name, [1] * n)
    if len(found) != n or min(found) < 1:
        raise op.broken(f"{name} is {found} for {n} spatial axes")
    return found


def window_pads(op: Op, x: Val, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
    mode = op.text("pad_type", "valid")
    n = len(kernel)
    if mode == "valid":
        return [(0, 0)] * n
    if mode == "custom":
        pads = pairs(op, "pad", n)
        if min(v for p in pads for v in p) < 0:
            raise op.broken(f"negative padding {pads}")
        return pads
    if mode in ("same", "same_lower"):
        return same_pads(x.shape[2:], kernel, strides, dilations, lower=mode == "same_lower")
    raise op.refuse(f"pad_type {mode!r} is unknown")


def kernel_of(op: Op, x: Val, weight: Val) -> list[int]:
    if x.rank not in (3, 4, 5) or weight.rank != x.rank:
        raise op.broken(f"x has rank {x.rank}, weight rank {weight.rank}")
    return list(weight.shape[2:])


@mil_op("conv")
def onnx_from_conv(op: Op) -> Val:
    x, weight = op["x"], op["weight"]
    kernel = kernel_of(op, x, weight)
    strides = window_list(op, "strides", len(kernel))
    dilations = window_list(op, "dilations", len(kernel))
    pads = window_pads(op, x, kernel, strides, dilations)
    return op.g(
        "Conv",
        x,
        weight,
        op.get("bias"),
        group=op.integer("groups", 1),
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=onnx_pads(pads),
    )


@mil_op("conv_transpose")
def onnx_from_conv_transpose(op: Op) -> Val:
    """Padding crops the full result; an explicit output_shape moves the crop at the end."""
    x, weight = op["x"], op["weight"]
    kernel = kernel_of(op, x, weight)
    n = len(kernel)
    strides, dilations = window_list(op, "strides", n), window_list(op, "dilations", n)
    full = [
        (size - 1) * s + (k - 1) * d + 1
        for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True)
    ]
    mode = op.text("pad_type", "valid")
    if mode in ("same", "same_lower"):
        # the input size that the forward convolution with "same" padding would need
        wanted = [size * s for size, s in zip(x.shape[2:], strides, strict=True)]
        crops = []
        for f, w in zip(full, wanted, strict=True):
            total = f - w
            small, large = total // 2, total - total // 2
            crops.append((large, small) if mode == "same_lower" else (small, large))
    elif mode == "custom":
        crops = pairs(op, "pad", n)
    elif mode == "valid":
        crops = [(0, 0)] * n
    else:
        raise op.refuse(f"pad_type {mode!r} is unknown")
    if "output_shape" in op:
        sizes = op.ints("output_shape")[-n:]
        crops = [(b, f - b - out) for (b, _), f, out in zip(crops, full, sizes, strict=True)]
    y = op.g(
        "ConvTranspose",
        x,
        weight,
        op.get("bias"),
        group=op.integer("groups", 1),
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=onnx_pads([(max(b, 0), max(e, 0)) for b, e in crops]),
    )
    if all(v >= 0 for c in crops for v in c):
        return y
    grow = [(max(-b, 0), max(-e, 0)) for b, e in crops]
    return op.g("Pad", y, np.array([0, 0, *[b for b, _ in grow], 0, 0, *[e for _, e in grow]]))
