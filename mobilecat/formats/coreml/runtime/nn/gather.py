"""Gathers, scatters, sorting, resizing and the rest that reads by position."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.crops import crop_bilinear, split_roi
from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.nms import suppress
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer
from mobilecat.formats.coreml.runtime.sampling import resize_linear, resize_nearest

_REDUCTION = {0: None, 1: "add", 2: "add", 3: "mul", 4: "mul", 5: "max", 6: "min"}


@nn_layer("gather")
def onnx_from_gather(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    return layer.g("Gather", layer.x, layer.index(layer.at(1)), axis=axis)


@nn_layer("gatherND")
def onnx_from_gatherND(layer: Layer) -> Val:
    index = layer.index(layer.at(1))
    if index.rank == 1:  # one element or row; a scalar is a vector of one element
        index = layer.g("Unsqueeze", index, np.array([0]))
        y = layer.g("GatherND", layer.x, index)
        return y if y.rank == 1 else layer.g("Squeeze", y, np.array([0]))
    return layer.g("GatherND", layer.x, index)


@nn_layer("gatherAlongAxis")
def onnx_from_gatherAlongAxis(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    return layer.g("GatherElements", layer.x, layer.index(layer.at(1)), axis=axis)


def _scattered(layer: Layer, onnx_op: str, index: Val, updates: Val, **attrs: int) -> Val:
    mode = int(layer.p.mode)
    if mode == 2:
        updates = layer.g("Neg", updates)
    if mode == 4:
        updates = layer.g("Reciprocal", updates)
    return layer.g(onnx_op, layer.x, index, updates, reduction=_REDUCTION[mode], **attrs)


@nn_layer("scatter")
def onnx_from_scatter(layer: Layer) -> Val:
    """Inputs: container, indices, updates."""
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    index, updates = layer.index(layer.at(1)), layer.at(2)
    spread = [1] * layer.x.rank
    spread[axis] = -1
    size = math.prod(index.shape)
    shape = [*layer.x.shape[:axis], size, *layer.x.shape[axis + 1 :]]
    full = layer.g("Expand", layer.g("Reshape", index, np.array(spread)), np.array(shape))
    return _scattered(
        layer, "ScatterElements", full, layer.g("Reshape", updates, np.array(shape)), axis=axis
    )


@nn_layer("scatterAlongAxis")
def onnx_from_scatterAlongAxis(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    return _scattered(layer, "ScatterElements", layer.index(layer.at(1)), layer.at(2), axis=axis)


@nn_layer("scatterND")
def onnx_from_scatterND(layer: Layer) -> Val:
    return _scattered(layer, "ScatterND", layer.index(layer.at(1)), layer.at(2))


# sorting and counting -------------------------------------------------------------------------


def _largest(layer: Layer, axis: int, count: int, largest: bool) -> tuple[Val, Val]:
    values, index = layer.g.several(
        2, "TopK", layer.x, np.array([count]), axis=axis, largest=int(largest)
    )
    return values, layer.blob(index)


@nn_layer("topK")
def onnx_from_topK(layer: Layer) -> tuple[Val, Val]:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    count = layer.ints(1)[0] if len(layer.xs) > 1 else int(layer.p.K)
    return _largest(layer, axis, count, not layer.p.useBottomK)


@nn_layer("argSort")
def onnx_from_argSort(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    return _largest(layer, axis, layer.x.shape[axis], bool(layer.p.descending))[1]


@nn_layer("argMax", "argMin")
def onnx_from_argMax(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    op = "ArgMax" if layer.type == "argMax" else "ArgMin"
    keep = not layer.p.removeDim or layer.x.rank == 1
    return layer.blob(layer.g(op, layer.x, axis=axis, keepdims=int(keep)))


@nn_layer("whereNonZero")
def onnx_from_whereNonZero(layer: Layer) -> Val:
    return layer.blob(layer.g("Transpose", layer.g("NonZero", layer.x), perm=[1, 0]))


@nn_layer("cumSum")
def onnx_from_cumSum(layer: Layer) -> Val:
    p = layer.p
    axis = layer.ints(1)[0] if len(layer.xs) > 1 else int(p.axis)
    where = np.array(layer.axis(axis, layer.x.rank))
    flags = {"exclusive": int(p.excludeFinalSum), "reverse": int(p.reverse)}
    return layer.g("CumSum", layer.x, where, **flags)


@nn_layer("oneHot")
def onnx_from_oneHot(layer: Layer) -> Val:
    p, index = layer.p, layer.index(layer.x)
    size = layer.ints(1)[0] if len(layer.xs) > 1 else int(p.oneHotVectorSize)
    if not 1 <= size <= 1 << 24:
        raise layer.broken(f"one-hot vectors of {size} elements")
    axis = layer.axis(int(p.axis), index.rank + 1)
    shape = [1] * (index.rank + 1)
    shape[axis] = size
    classes = layer.g.const(np.arange(size, dtype=np.int64).reshape(shape))
    hit = layer.g("Equal", layer.g("Unsqueeze", index, np.array([axis])), classes)
    return layer.g("Where", hit, layer.scalar(p.onValue), layer.scalar(p.offValue))


def _band(layer: Layer, lower: int, upper: int) -> Val:
    """Keep lower (−1: all) diagonals below the main one and upper above it."""
    x = layer.x
    row, column = np.ogrid[: x.shape[-2], : x.shape[-1]]
    band = ((lower < 0) | (row - column <= lower)) & ((upper < 0) | (column - row <= upper))
    return layer.g("Where", layer.g.const(band), x, layer.scalar(0))


@nn_layer("matrixBandPart")
def onnx_from_matrixBandPart(layer: Layer) -> Val:
    return _band(layer, int(layer.p.numLower), int(layer.p.numUpper))


@nn_layer("lowerTriangular", "upperTriangular")
def onnx_from_triangular(layer: Layer) -> Val:
    x, k = layer.x, int(layer.p.k)
    ones = np.ones(x.shape[-2:], bool)
    keep = np.tril(ones, k) if layer.type == "lowerTriangular" else np.triu(ones, k)
    return layer.g("Where", layer.g.const(keep), x, layer.scalar(0))


# pictures -------------------------------------------------------------------------------------

_SAMPLING = {0: "STRICT_ALIGN_CORNERS", 1: "ALIGN_CORNERS", 2: "DEFAULT", 3: "OFFSET_CORNERS"}
_BOXES = {
    0: "CORNERS_HEIGHT_FIRST",
    1: "CORNERS_WIDTH_FIRST",
    2: "CENTER_SIZE_HEIGHT_FIRST",
    3: "CENTER_SIZE_WIDTH_FIRST",
}
_UPSAMPLING = {0: "DEFAULT", 1: "STRICT_ALIGN_CORNERS", 2: "UNALIGN_CORNERS"}


@nn_layer("upsample")
def onnx_from_upsample(layer: Layer) -> Val:
    p, x = layer.p, layer.x
    scale = [float(s) for s in p.scalingFactor] or [float(s) for s in p.fractionalScalingFactor]
    if len(scale) != 2 or x.rank < 3 or not all(0 < s <= 4096 for s in scale):
        raise layer.broken(f"scales {scale} at rank {x.rank}")
    h, w = x.shape[-2:]
    height, width = (int(np.floor(np.float32(s) * d)) for s, d in zip(scale, (h, w), strict=True))
    if p.mode == 1:
        return resize_linear(layer.g, x, _UPSAMPLING[p.linearUpsampleMode], height, width)
    rows, columns = np.arange(height) * h // height, np.arange(width) * w // width
    return resize_nearest(layer.g, x, rows, columns)


def _target(layer: Layer, size: Any) -> tuple[int, int]:
    found = [int(v) for v in size] or [1, 1]
    if len(found) != 2 or not all(1 <= v <= 1 << 20 for v in found):
        raise layer.broken(f"a target size of {found}")
    return found[0], found[1]


@nn_layer("resizeBilinear")
def onnx_from_resizeBilinear(layer: Layer) -> Val:
    mode = _SAMPLING[layer.p.mode.samplingMethod]
    return resize_linear(layer.g, layer.x, mode, *_target(layer, layer.p.targetSize))


@nn_layer("cropResize")
def onnx_from_cropResize(layer: Layer) -> Val:
    """x [1,B,C,H,W] and regions [N,1,4|5,1,1] → [N, B or 1, C, h, w]."""
    p, g = layer.p, layer.g
    x = layer.x
    batch, channels = (x.shape[-4] if x.rank > 3 else 1), x.shape[-3]
    pictures_in = g("Reshape", x, np.array([batch, channels, *x.shape[-2:]]))
    boxes, pictures = split_roi(g, layer.at(1))
    size = _target(layer, p.targetSize)
    y = crop_bilinear(
        g,
        pictures_in,
        boxes,
        pictures,
        size_hw=size,
        box_mode=_BOXES[p.boxIndicesMode.boxMode],
        sampling_mode=_SAMPLING[p.mode.samplingMethod],
        spatial_scale=p.spatialScale or 1.0,
        normalized=bool(p.normalizedCoordinates),
        pad_value=0.0,
    )
    rows = batch if pictures is None else 1
    return g("Reshape", y, np.array([boxes.shape[0], rows, channels, *size]))


@nn_layer("NonMaximumSuppression")
def onnx_from_NonMaximumSuppression(layer: Layer) -> tuple[Val, ...]:
    """Inputs: boxes, scores, and as far as they come iou and score thresholds and max boxes."""
    p = layer.p
    given = [float(x.numpy().reshape(-1)[0]) for x in layer.xs[2:5]]
    stored = [float(p.iouThreshold), float(p.scoreThreshold), float(p.maxBoxes)]
    iou, score, most = given + stored[len(given) :]
    if not 1 <= most <= 1 << 20:
        raise layer.broken(f"{most} boxes at most")
    found = suppress(
        layer.g,
        layer.x,
        layer.at(1),
        iou_threshold=iou,
        score_threshold=score,
        max_boxes=int(most),
        per_class=bool(p.perClassSuppression),
    )
    return found[0], found[1], layer.blob(found[2]), layer.blob(found[3])
