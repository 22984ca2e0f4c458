"""Convolutions: channels last, weights rearranged at compile time."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.focus import focus_behind, spread_weights
from mobilecat.formats.tflite.lower.layout import channels_last
from mobilecat.formats.tflite.lower.lowering import Build, Node, const_inputs, first_of, lowers
from mobilecat.formats.tflite.lower.shape import pad, slice_of
from mobilecat.formats.tflite.lower.windows import ONE, in_blocks, padding_of, windows_of
from mobilecat.formats.tflite.program import VALID, Tensor
from mobilecat.graph import Array, attr, const_of, opt_input, shape_of


def _dimensions_problem(node: ir.Node) -> str | None:
    x = node.inputs[0]
    assert x is not None
    spatial = len(shape_of(x)) - 2
    return None if spatial in (1, 2) else f"{spatial} spatial dimensions, 1 or 2 have a form"


def image_of(n: Node) -> Tensor:
    """Return input 0 as [N,H,W,C]; one spatial axis becomes W, H is 1."""
    x = n.build.laid_out(n.held(), channels_last(len(n.shape())))
    return n.build.reshape(x, (x.shape[0], 1, *x.shape[1:])) if x.rank == 3 else x


def put_image(n: Node, y: Tensor) -> None:
    """Make [N,H,W,C] the node's output, back in the rank it had."""
    rank = len(n.out_shape())
    if rank == 3:
        y = n.build.reshape(y, (y.shape[0], *y.shape[2:]))
    n.put(y, channels_last(rank))


def _kernel(n: Node) -> Array:
    """Return the weights with two spatial axes: [O,I,kh,kw]."""
    w = n.const(1)
    assert w is not None
    return w.reshape(*w.shape[:2], 1, w.shape[2]) if w.ndim == 3 else w


def _bias(n: Node, size: int) -> Array:
    bias = n.const(2)
    return np.zeros(size, np.float32) if bias is None else bias


def conv(
    build: Build,
    x: Tensor,
    w: Array,
    bias: Array,
    out_hw: tuple[int, int],
    *,
    groups: int = 1,
    padding: int = VALID,
    strides: tuple[int, int] = (1, 1),
    dilations: tuple[int, int] = (1, 1),
) -> Tensor:
    """Append the convolution of `x` [N,H,W,C] with `w` [O,C/groups,kh,kw]."""
    shape = (x.shape[0], *out_hw, w.shape[0])
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
    }
    if groups == x.shape[3] and groups > 1:
        weights = w.transpose(1, 2, 3, 0)
        options["depthMultiplier"] = w.shape[0] // groups
        return build.op("DEPTHWISE_CONV_2D", [x, weights, bias], shape, **options)
    return build.op("CONV_2D", [x, w.transpose(0, 2, 3, 1), bias], shape, **options)


@lowers("Conv", check=first_of(_dimensions_problem, const_inputs(1, 2)))
def lower_conv(n: Node) -> None:
    w, x = _kernel(n), None
    windows = windows_of(n, n.shape(1)[2:])
    if (focus := focus_behind(n.build, n.node)) is not None:
        w, windows = spread_weights(w, focus), [in_blocks(v, focus.block) for v in windows]
        x = n.build.laid_out(n.build.value(focus.source), channels_last(4))
    padding, pads = padding_of(windows)
    rows, cols = [ONE, *windows] if len(windows) == 1 else windows
    pads = [(0, 0)] * (2 - len(windows)) + pads
    y = conv(
        n.build,
        pad(n.build, image_of(n) if x is None else x, [(0, 0), *pads, (0, 0)]),
        w,
        _bias(n, w.shape[0]),
        (rows.out, cols.out),
        groups=n.attr("group", 1),
        padding=padding,
        strides=(rows.stride, cols.stride),
        dilations=(rows.dilation, cols.dilation),
    )
    put_image(n, y)


def _transposed_pads(n: Node, count: int) -> list[tuple[int, int]]:
    """Return what to cut off the full result on each axis, negative where zeros are appended.

    Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
    """
    kernel = n.shape(1)[2:]
    strides = n.attr("strides", (1,) * count)
    dilations = n.attr("dilations", (1,) * count)
    pads = n.attr("pads", (0,) * 2 * count)
    auto = n.attr("auto_pad", "NOTSET")
    extra = n.attr("output_padding", (0,) * count)
    stated = n.attr("output_shape", ()) or (n.out_shape()[2:] if auto.startswith("SAME") else ())
    result = []
    for i in range(count):
        full = strides[i] * (n.shape()[2 + i] - 1) + (kernel[i] - 1) * dilations[i] + 1
        out = n.out_shape()[2 + i]
        before = 0 if auto == "VALID" else pads[i]
        if stated:
            total = full + extra[i] - out
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        result.append((before, full - before - out))
    return result


@lowers("ConvTranspose", check=first_of(_dimensions_problem, const_inputs(1, 2)))
def lower_conv_transpose(n: Node) -> None:
    """The full result, cropped; groups: zeros between the pixels, then an ordinary convolution."""
    build, groups = n.build, n.attr("group", 1)
    w = _dilated(_kernel(n), n)
    outputs = w.shape[1] * groups
    count = len(n.shape()) - 2
    strides = (1,) * (2 - count) + tuple(n.attr("strides", (1,) * count))
    cuts = [(0, 0)] * (2 - count) + _transposed_pads(n, count)
    x = image_of(n)
    full = [s * (d - 1) + k for s, d, k in zip(strides, x.shape[1:3], w.shape[2:], strict=True)]
    bias = _bias(n, outputs)
    if groups == 1:
        shape = (x.shape[0], *full, outputs)
        operands = [np.array(shape, np.int32), w.transpose(1, 2, 3, 0), x, bias]
        options = {"padding": VALID, "strideH": strides[0], "strideW": strides[1]}
        y = build.op("TRANSPOSE_CONV", operands, shape, np.float32, **options)
    else:
        for axis, stride in ((1, strides[0]), (2, strides[1])):
            x = _zeros_between(build, x, axis, stride)
        border = [(k - 1, k - 1) for k in w.shape[2:]]
        x = pad(build, x, [(0, 0), *border, (0, 0)])
        y = conv(build, x, _as_forward(w, groups), bias, (full[0], full[1]), groups=groups)
    put_image(n, _cropped(build, y, cuts, bias))


def _cropped(build: Build, y: Tensor, cuts: list[tuple[int, int]], bias: Array) -> Tensor:
    kept = [(-max(a, 0), -max(b, 0)) for a, b in cuts]
    y = pad(build, y, [(0, 0), *kept, (0, 0)])
    more = [(max(-a, 0), max(-b, 0)) for a, b in cuts]
    if not any(a or b for a, b in more):
        return y
    # Beyond the full result there is nothing but the bias.
    y = pad(build, build.ew("SUB", y, bias), [(0, 0), *more, (0, 0)])
    return build.ew("ADD", y, bias)


def _dilated(w: Array, n: Node) -> Array:
    dilations = n.attr("dilations", (1,) * (len(n.shape()) - 2))
    if all(d == 1 for d in dilations):
        return w
    rows, cols = (1,) * (2 - len(dilations)) + tuple(dilations)
    wide = np.zeros(
        (*w.shape[:2], (w.shape[2] - 1) * rows + 1, (w.shape[3] - 1) * cols + 1), w.dtype
    )
    wide[:, :, ::rows, ::cols] = w
    return wide


def _zeros_between(build: Build, x: Tensor, axis: int, stride: int) -> Tensor:
    """Return `x` with stride − 1 zeros between neighbours along a physical axis."""
    if stride == 1 or x.shape[axis] == 1:
        return x
    before = int(np.prod(x.shape[: axis + 1]))
    after = int(np.prod(x.shape[axis + 1 :]))
    spread = pad(build, build.reshape(x, (before, 1, after)), [(0, 0), (0, stride - 1), (0, 0)])
    shape = [d * stride if i == axis else d for i, d in enumerate(x.shape)]
    picks = [(0, 1, d - (stride - 1) if i == axis else d) for i, d in enumerate(shape)]
    return slice_of(build, build.reshape(spread, shape), picks)


def _as_forward(w: Array, groups: int) -> Array:
    """Return ConvTranspose's [I,O/groups,kh,kw] as a forward kernel [O,I/groups,kh,kw], flipped."""
    flipped = w[:, :, ::-1, ::-1]
    parts = np.split(flipped, groups, axis=0)
    return np.concatenate([p.transpose(1, 0, 2, 3) for p in parts], axis=0)


def _norm_problem(node: ir.Node) -> str | None:
    if attr(node, "training_mode", 0) or (len(node.outputs) > 1 and node.outputs[1].name):
        return "training mode"
    return const_inputs(1, 2, 3, 4)(node)


@lowers("BatchNormalization", check=_norm_problem)
def lower_batch_normalization(n: Node) -> None:
    """x·a + b with a = scale/√(var+ε), b = bias − mean·a; folded into the convolution before it."""
    scale, bias, mean, var = (
        np.asarray(const_of(opt_input(n.node, i)), np.float64) for i in (1, 2, 3, 4)
    )
    a = scale / np.sqrt(var + n.attr("epsilon", 1e-5))
    b = bias - mean * a
    held = n.held()
    rank = len(held.perm)
    shape = [1] * rank
    if rank > 1:
        shape[1] = -1
    per_channel = [v.astype(np.float32).reshape(shape).transpose(held.perm) for v in (a, b)]
    y = n.build.ew("MUL", held.tensor, per_channel[0])
    n.put(n.build.ew("ADD", y, per_channel[1]), held.perm)
