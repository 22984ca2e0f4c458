"""Convolutions and products of matrices. Weights lie [out, rows, columns, in] in the file."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import Call, First, Given, Refused, reads
from mobilecat.formats.tflite.read.writer import INT64

SAME, VALID = 0, 1


def pads_of(call: Call, kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    """Return ONNX's pads, all that come before, then all that come after.

    SAME: as many that the output is ceil(side / stride), the odd one after.
    """
    if call.option("padding") == VALID:
        return [0] * (2 * len(kernel))
    if call.option("padding") != SAME:
        raise Refused(f"its padding {call.option('padding')} is not known")
    before, after = [], []
    sides = call.shape(0)[1 : 1 + len(kernel)]
    for side, k, s, d in zip(sides, kernel, strides, dilations, strict=True):
        total = max((-(-side // s) - 1) * s + (k - 1) * d + 1 - side, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before + after


def steps(call: Call, what: str, *axes: str) -> list[int]:
    found = [int(call.option(f"{what}{axis}", 1)) for axis in axes]
    if min(found) < 1:
        raise Refused(f"{what} {found}")
    return found


def _bias(call: Call, i: int) -> list[str]:
    return [call.x(i)] if call.has(i) else []


@reads("CONV_2D")
def read_conv(call: Call) -> Given:
    strides = steps(call, "stride", "H", "W")
    dilations = [int(call.option(f"dilation{a}Factor", 1)) or 1 for a in "HW"]
    weights, channels = call.shape(1), call.shape(0)[-1]
    if len(weights) != 4 or call.rank(0) != 4 or not weights[3] or channels % weights[3]:
        raise Refused(f"weights {list(weights)} on {list(call.shape(0))}")
    kernel = list(weights[1:3])
    y = call.g.op(
        "Conv", call.first(0), call.turned(1, (0, 3, 1, 2)), *_bias(call, 2),
        kernel_shape=kernel, strides=strides, dilations=dilations,
        pads=pads_of(call, kernel, strides, dilations), group=channels // weights[3],
    )  # fmt: skip
    return First(call.activated(y))


@reads("DEPTHWISE_CONV_2D")
def read_depthwise(call: Call) -> Given:
    strides = steps(call, "stride", "H", "W")
    dilations = [int(call.option(f"dilation{a}Factor", 1)) or 1 for a in "HW"]
    weights, channels = call.shape(1), call.shape(0)[-1]
    if len(weights) != 4 or call.rank(0) != 4 or not channels or weights[3] % channels:
        raise Refused(f"weights {list(weights)} on {list(call.shape(0))}")
    kernel = list(weights[1:3])
    y = call.g.op(
        "Conv", call.first(0), call.turned(1, (3, 0, 1, 2)), *_bias(call, 2),
        kernel_shape=kernel, strides=strides, dilations=dilations,
        pads=pads_of(call, kernel, strides, dilations), group=channels,
    )  # fmt: skip
    return First(call.activated(y))


@reads("CONV_3D")
def read_conv3d(call: Call) -> Given:
    strides = steps(call, "stride", "D", "H", "W")
    dilations = [int(call.option(f"dilation{a}Factor", 1)) or 1 for a in "DHW"]
    weights, channels = call.shape(1), call.shape(0)[-1]
    if len(weights) != 5 or call.rank(0) != 5 or weights[3] != channels:
        raise Refused(f"weights {list(weights)} on {list(call.shape(0))}")
    kernel = list(weights[:3])
    y = call.g.op(
        "Conv", call.first(0), call.turned(1, (4, 3, 0, 1, 2)), *_bias(call, 2),
        kernel_shape=kernel, strides=strides, dilations=dilations,
        pads=pads_of(call, kernel, strides, dilations),
    )  # fmt: skip
    return First(call.activated(y))


@reads("TRANSPOSE_CONV")
def read_transposed(call: Call) -> Given:
    """Its output shape is an input: as large as a convolution's input could have been."""
    strides = steps(call, "stride", "H", "W")
    weights, out = call.shape(1), call.out().shape
    if len(weights) != 4 or call.rank(2) != 4 or len(out) != 4 or weights[3] != call.shape(2)[3]:
        raise Refused(f"weights {list(weights)} on {list(call.shape(2))}")
    kernel = list(weights[1:3])
    before, after, extra = [], [], []
    sides = zip(call.shape(2)[1:3], out[1:3], kernel, strides, strict=True)
    for side, made, k, s in sides:
        whole = (side - 1) * s + k
        cut = max(whole - made, 0)
        before.append(cut // 2 if call.option("padding") == SAME else 0)
        after.append(cut - before[-1])
        extra.append(max(made - whole, 0))
    if max(e - s for e, s in zip(extra, strides, strict=True)) >= 0:
        raise Refused(f"an output {list(out)} larger than its windows reach")
    y = call.g.op(
        "ConvTranspose", call.first(2), call.turned(1, (3, 0, 1, 2)), *_bias(call, 3),
        kernel_shape=kernel, strides=strides, pads=before + after, output_padding=extra,
    )  # fmt: skip
    return First(call.activated(y))


@reads("FULLY_CONNECTED")
def read_fully_connected(call: Call) -> Given:
    if call.option("weightsFormat"):
        raise Refused("weights in a shuffled format")
    weights = call.shape(1)
    if len(weights) != 2:
        raise Refused(f"weights {list(weights)}")
    x, out, keeps = call.x(0), call.out().shape, bool(call.option("keepNumDims"))
    flat = np.array([-1, weights[1]], np.int64)
    if call.rank(0) != 2 or call.shape(0)[1] != weights[1]:
        x = call.g.op("Reshape", x, flat)
    y = call.g.op("Gemm", x, call.x(1), *_bias(call, 2), transB=1)
    if keeps and call.rank(0) != 2:
        y = call.g.op("Reshape", y, np.array([*call.shape(0)[:-1], weights[0]], np.int64))
    elif not keeps and len(out) != 2:
        y = call.g.op("Reshape", y, np.array(out, np.int64))
    return call.activated(y)


@reads("BATCH_MATMUL")
def read_matmul(call: Call) -> Given:
    sides = []
    for i, flag in enumerate(("adjX", "adjY")):
        rank = call.rank(i)
        if rank < 2:
            raise Refused(f"a product of {rank} dimensions")
        turned = [*range(rank - 2), rank - 1, rank - 2]
        sides.append(call.turned(i, turned) if call.option(flag) else call.x(i))
    return call.g.op("MatMul", *sides)


@reads("EMBEDDING_LOOKUP")
def read_embedding(call: Call) -> Given:
    ids = call.g.op("Cast", call.x(0), to=INT64)
    return call.g.op("Gather", call.x(1), ids, axis=0)
