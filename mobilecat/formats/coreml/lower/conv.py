"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.windows import Pairs, window_pads
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node, used
from mobilecat.formats.coreml.lower.mil import Var, mb
from mobilecat.graph import Array, attr, const_of, opt_input, shape_of


def ints_of(node: ir.Node, name: str) -> tuple[int, ...]:
    found: tuple[int, ...] = attr(node, name, ())
    return tuple(int(v) for v in found)


def flat(pairs: Pairs) -> list[int]:
    return [p for pair in pairs for p in pair]


def _check_conv(node: ir.Node) -> str | None:
    rank = len(shape_of(node.inputs[0])) if node.inputs[0] is not None else 0
    if not 3 <= rank <= 5:
        return f"convolution of rank {rank}; Core ML convolves 1, 2 or 3 spatial axes"
    if any(p < 0 for p in ints_of(node, "pads")):
        return "negative padding; crop the input with a Slice instead"
    return None


@LOWERINGS.op("Conv", check=_check_conv)
def lower_conv(n: Node) -> Var:
    bias = n.x(2) if n.const(2) is not None else None
    out = convolve(n, n.x(1), bias)
    return _add_bias(n, out) if n.has(2) and bias is None else out


def convolve(n: Node, weight: Var | Array, bias: Var | Array | None) -> Var:
    """Emit the convolution `n` with these weights in place of its own."""
    kernel, spatial = n.shape(1)[2:], n.shape(0)[2:]
    pads = window_pads(n.node, spatial, kernel, n.out_shape()[2:])
    constant = n.const(1) is not None
    return mb.conv(
        x=n.fed(0) if constant else n.x(0),
        weight=weight,
        bias=bias,
        strides=list(n.attr("strides", (1,) * len(kernel))),
        pad_type="custom" if any(flat(pads)) else "valid",
        pad=flat(pads),
        dilations=list(n.attr("dilations", (1,) * len(kernel))),
        groups=int(n.attr("group", 1)),
    )


def _add_bias(n: Node, x: Var) -> Var:
    shape = [1, -1] + [1] * (len(n.shape(0)) - 2)
    return mb.add(x=x, y=mb.reshape(x=n.x(2), shape=shape))


def _check_conv_transpose(node: ir.Node) -> str | None:
    if const_of(opt_input(node, 1)) is None:
        return "a transposed convolution needs constant weights"
    return _check_conv(node)


@LOWERINGS.op("ConvTranspose", check=_check_conv_transpose)
def lower_conv_transpose(n: Node) -> Var:
    """Crop the full transposed convolution by the pads; output_padding is that much less crop.

    Where output_padding asks for more than there is, the rest is zeros (plus bias), as ONNX says.
    Dilated kernels are spread out with zeros: NeuralNetwork deconvolutions know no dilation.
    """
    weight = n.const(1)
    assert weight is not None
    rank = weight.ndim - 2
    strides = n.attr("strides", (1,) * rank)
    weight = _spread(weight, n.attr("dilations", (1,) * rank))
    crops = _transpose_crops(n, weight.shape[2:], strides)
    short = [(max(0, -b), max(0, -e)) for b, e in crops]
    crops = [(max(0, b), max(0, e)) for b, e in crops]
    bias = n.const(2)
    fused = bias is not None and not any(flat(short))
    out = mb.conv_transpose(
        x=n.x(0),
        weight=n.num(weight),
        bias=n.x(2) if fused else None,
        strides=list(strides),
        pad_type="custom",
        pad=flat(crops),
        groups=int(n.attr("group", 1)),
    )
    if any(flat(short)):
        out = mb.pad(x=out, pad=[0, 0, 0, 0, *flat(short)], mode="constant", constant_val=n.num(0))
    return out if fused or not n.has(2) else _add_bias(n, out)


def _spread(weight: Array, dilations: Sequence[int]) -> Array:
    if set(dilations) <= {1}:
        return weight
    spatial = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    wide = np.zeros((*weight.shape[:2], *spatial), weight.dtype)
    cells: tuple[slice, ...] = tuple(slice(None, None, d) for d in dilations)
    wide[(slice(None), slice(None), *cells)] = weight
    return wide


def _transpose_crops(n: Node, kernel: Sequence[int], strides: Sequence[int]) -> Pairs:
    """Return the crops that lead from the full result to the output's declared size."""
    rank, size, out = len(kernel), n.shape(0)[2:], n.out_shape()[2:]
    full = [strides[i] * (size[i] - 1) + kernel[i] for i in range(rank)]
    auto = n.attr("auto_pad", "NOTSET")
    if auto in {"NOTSET", ""} and not n.attr("output_shape", ()):
        begins = n.attr("pads", (0,) * (2 * rank))[:rank]
    else:  # the total follows from the output's size; the smaller half comes first, or last
        total = [full[i] - out[i] + n.attr("output_padding", (0,) * rank)[i] for i in range(rank)]
        upper = auto == "SAME_UPPER"
        begins = tuple(max(t, 0) // 2 if upper else max(t, 0) - max(t, 0) // 2 for t in total)
    return [(int(begins[i]), full[i] - out[i] - int(begins[i])) for i in range(rank)]


# Pooling.


def _check_pool(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    if not 3 <= len(shape_of(source)) <= 5:
        return "pooling needs 1, 2 or 3 spatial axes"
    if used(node, 1):
        return "Core ML returns no indices from a pooling; drop the second output"
    if any(p < 0 for p in ints_of(node, "pads")):
        return "negative padding; crop the input with a Slice instead"
    return None


def _pool_pads(n: Node) -> tuple[Pairs, Pairs]:
    """Return the node's own pads, and those that make a floor division give the output's size.

    ONNX's ceil_mode lets windows reach past the end; MIL allows it with symmetric pads only, so
    the reach becomes padding, which both poolings ignore.
    """
    kernel = ints_of(n.node, "kernel_shape")
    strides = n.attr("strides", (1,) * len(kernel))
    dilations = n.attr("dilations", (1,) * len(kernel))
    size, out = n.shape(0)[2:], n.out_shape()[2:]
    own = window_pads(n.node, size, kernel, out)
    reached = []
    for i, (before, after) in enumerate(own):
        reach = (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        reached.append((before, max(after, reach - size[i] - before)))
    return own, reached


@LOWERINGS.op("MaxPool", check=_check_pool)
def lower_max_pool(n: Node) -> Var:
    kernel = list(ints_of(n.node, "kernel_shape"))
    _, pads = _pool_pads(n)
    x = n.as_kind(n.x(), "float")
    if set(n.attr("dilations", (1,))) != {1}:
        out = _dilated_max_pool(n, x, kernel, pads)
    else:
        out = mb.max_pool(
            x=x,
            kernel_sizes=kernel,
            strides=list(n.attr("strides", (1,) * len(kernel))),
            pad_type="custom" if any(flat(pads)) else "valid",
            pad=flat(pads),
        )
    return n.as_kind(out, n.kind())


def _dilated_max_pool(n: Node, x: Var, kernel: list[int], pads: Pairs) -> Var:
    """The maximum of one strided slice per cell of the kernel: MIL's pooling has no dilation."""
    lowest = np.finfo(np.float32 if n.float_type == "fp32" else np.float16).min
    x = mb.pad(x=x, pad=[0, 0, 0, 0, *flat(pads)], mode="constant", constant_val=n.num(lowest))
    return reduce(lambda a, b: mb.maximum(x=a, y=b), _cells(n, x, kernel))


def _cells(n: Node, x: Var, kernel: list[int]) -> Iterator[Var]:
    """Yield, for each cell of the kernel, what it sees: a strided slice of the output's size."""
    rank = len(kernel)
    strides, dilations = n.attr("strides", (1,) * rank), n.attr("dilations", (1,) * rank)
    batch, channels, *out = n.out_shape()
    for cell in np.ndindex(*kernel):
        begin = [c * d for c, d in zip(cell, dilations, strict=True)]
        end = [b + (o - 1) * s + 1 for b, o, s in zip(begin, out, strides, strict=True)]
        yield mb.slice_by_index(
            x=x,
            begin=[0, 0, *begin],
            end=[batch, channels, *end],
            stride=[1, 1, *(int(s) for s in strides)],
        )


@LOWERINGS.op("AveragePool", check=_check_pool)
def lower_average_pool(n: Node) -> Var:
    """count_include_pad counts the node's own pads, but never what ceil_mode adds past them."""
    kernel = list(ints_of(n.node, "kernel_shape"))
    own, reached = _pool_pads(n)
    if set(n.attr("dilations", (1,))) != {1}:
        return _dilated_average_pool(n, kernel, own, reached)
    x, pads, exclude = n.x(), reached, True
    if n.attr("count_include_pad", 0) and any(flat(own)):
        if own == reached:
            exclude = False
        else:
            x = mb.pad(x=x, pad=[0, 0, 0, 0, *flat(own)], mode="constant", constant_val=n.num(0))
            pads = [(0, r[1] - o[1]) for o, r in zip(own, reached, strict=True)]
    return mb.avg_pool(
        x=x,
        kernel_sizes=kernel,
        strides=list(n.attr("strides", (1,) * len(kernel))),
        pad_type="custom" if any(flat(pads)) else "valid",
        pad=flat(pads),
        exclude_padding_from_average=exclude,
    )


def _dilated_average_pool(n: Node, kernel: list[int], own: Pairs, reached: Pairs) -> Var:
    """Sum the slices, divide by how many cells of each window count."""
    spatial = [(0, 0), (0, 0)]
    x = mb.pad(x=n.x(), pad=flat(spatial + reached), mode="constant", constant_val=n.num(0))
    total = reduce(lambda a, b: mb.add(x=a, y=b), _cells(n, x, kernel))
    counted = np.ones((1, 1, *n.shape()[2:]))
    if n.attr("count_include_pad", 0):
        counted = np.pad(counted, spatial + own, constant_values=1)
        reached = [(0, r[1] - o[1]) for o, r in zip(own, reached, strict=True)]
    counted = np.pad(counted, spatial + reached)
    rank = len(kernel)
    strides, dilations = n.attr("strides", (1,) * rank), n.attr("dilations", (1,) * rank)
    counts = np.zeros((1, 1, *n.out_shape()[2:]))
    for at in np.ndindex(*counts.shape[2:]):
        window = tuple(
            slice(a * s, a * s + (k - 1) * d + 1, d)
            for a, s, k, d in zip(at, strides, kernel, dilations, strict=True)
        )
        counts[0, 0][at] = counted[0, 0][window].sum()
    return mb.mul(x=total, y=n.num(1.0 / counts))


@LOWERINGS.op("GlobalAveragePool")
def lower_global_average_pool(n: Node) -> Var:
    return mb.reduce_mean(x=n.x(), axes=list(range(2, len(n.shape()))), keep_dims=True)


@LOWERINGS.op("GlobalLpPool")
def lower_global_lp_pool(n: Node) -> Var:
    """(Σ |x|^p)^(1/p), p whole and 2 by default; the sum over rows and columns, not their mean."""
    x, p, axes = n.x(), int(n.attr("p", 2)), list(range(2, len(n.shape())))
    if p in (1, 2):
        norm = mb.reduce_l1_norm if p == 1 else mb.reduce_l2_norm
        return norm(x=x, axes=axes, keep_dims=True)
    powers = mb.pow(x=mb.abs(x=x), y=n.num(float(p)))
    total = mb.reduce_sum(x=powers, axes=axes, keep_dims=True)
    return mb.pow(x=total, y=n.num(1.0 / p))


@LOWERINGS.op("GlobalMaxPool")
def lower_global_max_pool(n: Node) -> Var:
    return mb.reduce_max(x=n.x(), axes=list(range(2, len(n.shape()))), keep_dims=True)
