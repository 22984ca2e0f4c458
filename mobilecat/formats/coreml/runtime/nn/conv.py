"""Convolutions, pools and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.pool import average, pad_spatial
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer
from mobilecat.formats.coreml.runtime.windows import ceil_extra, onnx_pads, same_pads

Pads = list[tuple[int, int]]


def border(layer: Layer, amounts: Any) -> Pads:
    """Return (before, after) for height and width; none where the message is empty."""
    edges = [(int(b.startEdgeSize), int(b.endEdgeSize)) for b in amounts.borderAmounts]
    if len(edges) not in (0, 2):
        raise layer.broken(f"{len(edges)} border amounts")
    return edges or [(0, 0), (0, 0)]


def pair_of(layer: Layer, values: Any, default: int = 1) -> list[int]:
    found = [int(v) for v in values] or [default, default]
    if len(found) != 2 or min(found) < 1:
        raise layer.broken(f"{found} where height and width belong")
    return found


@nn_layer("convolution")
def onnx_from_convolution(layer: Layer) -> Val:
    p = layer.p
    x, lead = layer.picture(layer.x)
    kernel = pair_of(layer, p.kernelSize, 3)
    strides, dilations = pair_of(layer, p.stride), pair_of(layer, p.dilationFactor)
    groups, out = max(int(p.nGroups), 1), int(p.outputChannels)
    if len(layer.xs) > 1:
        weight: Any = layer.at(1)
        bias: Any = layer.at(2) if len(layer.xs) > 2 else None
    else:
        inner = (
            [int(p.kernelChannels), out // groups]
            if p.isDeconvolution
            else [out, int(p.kernelChannels)]
        )
        axis = 1 if p.isDeconvolution and groups == 1 else 0
        weight = layer.g.const(layer.weight(p.weights, [*inner, *kernel], axis))
        bias = layer.g.const(layer.weight(p.bias, [out])) if p.hasBias else None
    if p.isDeconvolution:
        y = _deconvolution(layer, x, weight, bias, kernel, strides, dilations, groups)
    else:
        y = layer.g(
            "Conv",
            x,
            weight,
            bias,
            group=groups,
            strides=strides,
            dilations=dilations,
            pads=onnx_pads(_pads(layer, x, kernel, strides, dilations)),
        )
    return layer.restore(y, lead)


def _pads(
    layer: Layer, x: Val, kernel: list[int], strides: list[int], dilations: list[int]
) -> Pads:
    p = layer.p
    if p.WhichOneof(_padding_type(p)) == "same":
        lower = p.same.asymmetryMode == 1
        return same_pads(x.shape[2:], kernel, strides, dilations, lower=lower)
    return border(layer, p.valid.paddingAmounts)


def _padding_type(p: Any) -> str:
    return "ConvolutionPaddingType" if hasattr(p, "dilationFactor") else "PoolingPaddingType"


def _deconvolution(
    layer: Layer,
    x: Val,
    weight: Val,
    bias: Val | None,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    groups: int,
) -> Val:
    p = layer.p
    same = p.WhichOneof("ConvolutionPaddingType") == "same"
    declared = None if same else border(layer, p.valid.paddingAmounts)
    out = pair_of(layer, p.outputShape) if p.outputShape else None
    lower = same and p.same.asymmetryMode == 1
    crops = _crops(x.shape[2:], kernel, strides, dilations, declared, out, lower=lower)
    return _transposed(layer, x, weight, bias, crops, groups, strides, dilations)


def _crops(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    declared: Pads | None,
    out: Sequence[int] | None,
    *,
    lower: bool,
) -> Pads:
    """Return what a transposed convolution's whole result loses (before, after); below 0: gains.

    declared: None for `same`, which leaves size · stride. out: the output shape, where given; what
    is lost before stays.
    """
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(sizes, strides, kernel, dilations, strict=True)
    ]
    crops = []
    if declared is None:
        for f, n, s in zip(full, sizes, strides, strict=True):
            small = max(f - n * s, 0) // 2
            large = f - n * s - small  # below 0 where the kernel is shorter than the stride
            crops.append((large, small) if lower and large > 0 else (small, large))
    else:
        crops = declared
    if out is not None:
        crops = [(b, f - b - o) for (b, _), f, o in zip(crops, full, out, strict=True)]
    return crops


def _transposed(
    layer: Layer,
    x: Val,
    weight: Val,
    bias: Val | None,
    crops: Pads,
    groups: int,
    strides: list[int],
    dilations: list[int],
) -> Val:
    lost, gained = ([(max(sign * b, 0), max(sign * e, 0)) for b, e in crops] for sign in (1, -1))
    grows = any(map(any, gained))
    y = layer.g(
        "ConvTranspose",
        x,
        weight,
        None if grows else bias,
        group=groups,
        strides=strides,
        dilations=dilations,
        pads=onnx_pads(lost),
    )
    if not grows:
        return y
    y = pad_spatial(layer.g, y, gained, 0.0)
    if bias is None:
        return y
    return layer.g("Add", y, layer.g("Reshape", bias, np.array([-1, *[1] * len(crops)])))


@nn_layer("convolution3d")
def onnx_from_convolution3d(layer: Layer) -> Val:
    p = layer.p
    x, lead = layer.picture(layer.x, 5)
    kernel = [int(p.kernelDepth), int(p.kernelHeight), int(p.kernelWidth)]
    strides = [max(int(v), 1) for v in (p.strideDepth, p.strideHeight, p.strideWidth)]
    dilations = [max(int(v), 1) for v in (p.dilationDepth, p.dilationHeight, p.dilationWidth)]
    groups, out, channels = max(int(p.nGroups), 1), int(p.outputChannels), int(p.inputChannels)
    declared = _declared3d(p)
    bias = layer.g.const(layer.weight(p.bias, [out])) if p.hasBias else None
    if p.isDeconvolution:
        weight = layer.weight(p.weights, [channels, out // groups, *kernel])
        shape = list(p.outputShape) or None
        if shape is not None and len(shape) != 3:
            raise layer.broken(f"{shape} where depth, height and width belong")
        crops = _crops(x.shape[2:], kernel, strides, dilations, declared, shape, lower=False)
        y = _transposed(layer, x, layer.g.const(weight), bias, crops, groups, strides, dilations)
        return layer.restore(y, lead)
    if declared is None:
        declared = same_pads(x.shape[2:], kernel, strides, dilations, lower=False)
    weight = layer.weight(p.weights, [out, channels // groups, *kernel])
    common: dict[str, Any] = {"group": groups, "strides": strides, "dilations": dilations}
    y = layer.g("Conv", x, weight, bias, pads=onnx_pads(declared), **common)
    return layer.restore(y, lead)


def _declared3d(p: Any) -> Pads | None:
    """Return (before, after) for depth, height and width; None for `same`."""
    if p.paddingType == 2:
        return None
    if p.paddingType == 1:
        return [(0, 0)] * 3
    return [
        (int(p.customPaddingFront), int(p.customPaddingBack)),
        (int(p.customPaddingTop), int(p.customPaddingBottom)),
        (int(p.customPaddingLeft), int(p.customPaddingRight)),
    ]


# pools ----------------------------------------------------------------------------------------


def pooled(
    layer: Layer,
    x: Val,
    kind: int,
    kernel: list[int],
    strides: list[int],
    declared: Pads,
    grown: Pads,
    exclude: bool,
) -> Val:
    """Return max (0), average (1) or L2 (2) over windows."""
    if kind == 0:
        pads = onnx_pads(grown)
        if any(v >= k for v, k in zip(pads, kernel * 2, strict=True)):
            x, pads = pad_spatial(layer.g, x, grown, -np.inf), [0] * len(pads)
        return layer.g("MaxPool", x, kernel_shape=kernel, strides=strides, pads=pads)
    if kind == 1:
        return average(layer.g, x, kernel, strides, declared, grown, exclude=exclude)
    padded = pad_spatial(layer.g, x, grown, 0.0)
    return layer.g("LpPool", padded, p=2, kernel_shape=kernel, strides=strides)


@nn_layer("pooling")
def onnx_from_pooling(layer: Layer) -> Val:
    p = layer.p
    x, lead = layer.picture(layer.x)
    exclude = bool(p.avgPoolExcludePadding)
    if p.globalPooling:
        kernel, strides = list(x.shape[2:]), [1, 1]
        none = [(0, 0), (0, 0)]
        return layer.restore(pooled(layer, x, p.type, kernel, strides, none, none, exclude), lead)
    kernel, strides = pair_of(layer, p.kernelSize, 3), pair_of(layer, p.stride)
    if p.WhichOneof("PoolingPaddingType") == "includeLastPixel":
        amounts = [int(v) for v in p.includeLastPixel.paddingAmounts] or [0, 0]
        if len(amounts) != 2:
            raise layer.broken(f"padding {amounts}")
        pads = [(a, a) for a in amounts]
        grown = ceil_extra(x.shape[2:], kernel, strides, pads)
    else:
        pads = grown = _pads(layer, x, kernel, strides, [1, 1])
    return layer.restore(pooled(layer, x, p.type, kernel, strides, pads, grown, exclude), lead)


@nn_layer("pooling3d")
def onnx_from_pooling3d(layer: Layer) -> Val:
    p = layer.p
    x, lead = layer.picture(layer.x, 5)
    kernel = [int(p.kernelDepth), int(p.kernelHeight), int(p.kernelWidth)]
    strides = [max(int(v), 1) for v in (p.strideDepth, p.strideHeight, p.strideWidth)]
    pads = _declared3d(p)
    if pads is None:
        pads = same_pads(x.shape[2:], kernel, strides, [1, 1, 1], lower=False)
    y = pooled(layer, x, p.type, kernel, strides, pads, pads, bool(p.countExcludePadding))
    return layer.restore(y, lead)


@nn_layer("globalPooling3d")
def onnx_from_globalPooling3d(layer: Layer) -> Val:
    op = "ReduceMax" if layer.p.type == 0 else "ReduceMean"
    return layer.g(op, layer.x, np.array([-3, -2, -1]), keepdims=1)


# matrix products ------------------------------------------------------------------------------


@nn_layer("innerProduct")
def onnx_from_innerProduct(layer: Layer) -> Val:
    """Along the last axis; from rank 4 on along the last three together, which become [C,1,1]."""
    p, x = layer.p, layer.x
    weight = layer.weight(p.weights, [int(p.outputChannels), int(p.inputChannels)])
    legacy = x.rank >= 4
    if legacy:
        lead = list(x.shape[:-3])
        x = layer.g("Reshape", x, np.array([*lead, math.prod(x.shape[-3:])]))
    y = layer.g("MatMul", x, np.ascontiguousarray(weight.T))
    if p.hasBias:
        y = layer.g("Add", y, layer.weight(p.bias, [int(p.outputChannels)]))
    return layer.g("Unsqueeze", y, np.array([-2, -1])) if legacy else y


@nn_layer("batchedMatmul")
def onnx_from_batchedMatmul(layer: Layer) -> Val:
    p, a = layer.p, layer.x
    if len(layer.xs) > 1:
        b = layer.at(1)
    else:
        # stored with the second dimension first, as an inner product's weights are
        rows, columns = int(p.weightMatrixFirstDimension), int(p.weightMatrixSecondDimension)
        b = layer.g.const(np.ascontiguousarray(layer.weight(p.weights, [columns, rows]).T))
    if len(layer.xs) > 1:  # constant weights: coremltools has transposed both sides itself
        a = _swapped(layer, a) if p.transposeA else a
        b = _swapped(layer, b) if p.transposeB else b
        # a vector becomes a row or a column, and stays one in the result
        a = layer.g("Unsqueeze", a, np.array([0])) if a.rank == 1 else a
        b = layer.g("Unsqueeze", b, np.array([1])) if b.rank == 1 else b
    y = layer.g("MatMul", a, b)
    if p.hasBias:
        y = layer.g("Add", y, layer.weight(p.bias, [int(p.weightMatrixSecondDimension)]))
    return y


def _swapped(layer: Layer, v: Val) -> Val:
    if v.rank < 2:
        raise layer.broken("a vector has no two axes to exchange")
    order = [*range(v.rank - 2), v.rank - 1, v.rank - 2]
    return layer.g("Transpose", v, perm=order)


@nn_layer("embedding")
def onnx_from_embedding(layer: Layer) -> Val:
    """[…,1,1,1] indices → […,C,1,1]."""
    p = layer.p
    index = layer.g("Squeeze", layer.index(layer.x), np.array([-3, -2, -1]))
    y = _embedded(layer, index, int(p.inputDim), int(p.outputChannels))
    return layer.g("Unsqueeze", y, np.array([-2, -1]))


@nn_layer("embeddingND")
def onnx_from_embeddingND(layer: Layer) -> Val:
    p = layer.p
    index = layer.g("Squeeze", layer.index(layer.x), np.array([-1]))
    return _embedded(layer, index, int(p.vocabSize), int(p.embeddingSize))


def _embedded(layer: Layer, index: Val, rows: int, columns: int) -> Val:
    p = layer.p
    table = layer.weight(p.weights, [columns, rows])
    y: Val = layer.g("Gather", np.ascontiguousarray(table.T), index, axis=0)
    return layer.g("Add", y, layer.weight(p.bias, [columns])) if p.hasBias else y
