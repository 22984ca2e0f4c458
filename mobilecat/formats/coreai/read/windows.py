"""Convolution, pooling, matrix products. Padding is another op's in Core AI."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.formats.coreai.read.op import Call, is_float, reads
from mobilecat.formats.coreai.read.writer import Refused


@reads("coreai.conv2d", "coreai.conv3d")
def conv(c: Call) -> str:
    c.floats()
    return c.g(
        "Conv",
        c[0],
        c[1],
        strides=c.ints(2, "stride"),
        dilations=c.ints(3, "dilation"),
        group=c.integer(4, "groups"),
    )


@reads("coreai.conv_transpose2d", "coreai.conv_transpose3d")
def conv_transpose(c: Call) -> str:
    c.floats()
    pads = c.ints(3, "padding")
    return c.g(
        "ConvTranspose",
        c[0],
        c[1],
        strides=c.ints(2, "stride"),
        pads=[*pads, *pads],
        dilations=c.ints(4, "dilation"),
        output_padding=c.ints(5, "output padding"),
        group=c.integer(6, "groups"),
    )


@reads("coreai.max_pool_2d", "coreai.max_pool_3d")
def max_pool(c: Call) -> str:
    """With ceil_mode the last window hangs over the edge, where there is nothing: −∞."""
    c.floats()
    kernel, strides = c.ints(1, "kernel"), c.ints(2, "stride")
    dilations = c.ints(3, "dilation")
    x = c[0]
    if c.flag(4, "ceil_mode"):
        sides = c.inputs[0].shape[2:]
        over = [
            max(0, (out - 1) * s + d * (k - 1) + 1 - side)
            for out, s, d, k, side in zip(
                c.shape[2:], strides, dilations, kernel, sides, strict=True
            )
        ]
        if any(over):
            widths = [0] * (2 + len(sides)) + [0, 0, *over]
            x = c.g("Pad", x, c.g.ints(widths), c.g.const(-np.inf, np.float32))
    return c.g("MaxPool", x, kernel_shape=kernel, strides=strides, dilations=dilations)


@reads("coreai.sum_pool_2d", "coreai.sum_pool_3d")
def sum_pool(c: Call) -> str:
    """A convolution of each channel with ones: an average, multiplied back, would round twice."""
    c.floats()
    kernel = c.ints(1, "kernel")
    channels = c.inputs[0].tensor.dims[1]
    if channels is None or channels * math.prod(kernel) > 1 << 24:
        raise Refused("over channels that are only known when it runs")
    ones = c.g.const(np.ones((channels, 1, *kernel), np.float32))
    return c.g(
        "Conv",
        c[0],
        ones,
        strides=c.ints(2, "stride"),
        dilations=c.ints(3, "dilation"),
        group=channels,
    )


@reads("coreai.batch_matmul", "coreai.decomposable.broadcasting_batch_matmul")
def matmul(c: Call) -> str:
    """Adds up in float32, also of float16, where Apple's Linux interpreter rounds every step."""
    if is_float(c.inputs[0]):
        return c.g("MatMul", c[0], c[1])
    return c.narrowed(c.g("MatMul", c.wide(0), c.wide(1)))
