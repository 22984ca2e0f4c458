"""Layers that cut blobs and pad them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.pool import pad_spatial
from mobilecat.formats.coreml.runtime.nn.conv import border
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer

_FAR = 1 << 62


@nn_layer("slice")
def onnx_from_slice(layer: Layer) -> Val:
    p = layer.p
    end = int(p.endIndex)
    return layer.g(
        "Slice",
        layer.x,
        np.array([int(p.startIndex)]),
        np.array([end if end else _FAR]),
        np.array([layer.axis(p.axis - 3, layer.x.rank)]),
        np.array([max(int(p.stride), 1)]),
    )


def sliced(layer: Layer, begins: list[int], ends: list[int], p: Any, strides: list[int]) -> Val:
    x, n = layer.x, layer.x.rank
    if not len(begins) == len(ends) == n:
        raise layer.broken(f"{len(begins)} begins and {len(ends)} ends for rank {n}")
    # the builder writes five masks and strides whatever the rank: the first n count
    flags = [list(f)[:n] or [False] * n for f in (p.beginMasks, p.endMasks, p.squeezeMasks)]
    strides = strides[:n] or [1] * n
    if any(len(f) != n for f in (*flags, strides)):
        raise layer.broken("masks and strides do not fit the rank")
    begin_mask, end_mask, squeeze = flags
    for a in range(n):
        if begin_mask[a]:
            begins[a] = 0 if strides[a] > 0 else _FAR
        if squeeze[a]:
            strides[a], ends[a] = 1, begins[a] + 1 if begins[a] != -1 else _FAR
        elif end_mask[a]:
            ends[a] = _FAR if strides[a] > 0 else -_FAR
    y: Val = layer.g("Slice", x, np.array(begins), np.array(ends), np.arange(n), np.array(strides))
    gone = [a for a in range(n) if squeeze[a]]
    if len(gone) == n:
        gone = gone[1:]
    return layer.g("Squeeze", y, np.array(gone)) if gone else y


@nn_layer("sliceStatic")
def onnx_from_sliceStatic(layer: Layer) -> Val:
    p = layer.p
    begins, ends = [int(v) for v in p.beginIds], [int(v) for v in p.endIds]
    return sliced(layer, begins, ends, p, [int(v) for v in p.strides])


@nn_layer("sliceDynamic")
def onnx_from_sliceDynamic(layer: Layer) -> Val:
    """Inputs: begins, then as far as they come ends, strides, begin, end and squeeze masks."""
    p = layer.p
    given = [layer.ints(i) for i in range(1, len(layer.xs))]
    if not given:
        raise layer.broken("there are no begins")
    ends = given[1] if len(given) > 1 else [int(v) for v in p.endIds]
    strides = given[2] if len(given) > 2 else [int(v) for v in p.strides]
    masks = _Masks(p.beginMasks, p.endMasks, p.squeezeMasks)
    for name, values in zip(("beginMasks", "endMasks", "squeezeMasks"), given[3:], strict=False):
        setattr(masks, name, [bool(v) for v in values])
    return sliced(layer, given[0], ends, masks, strides)


class _Masks:
    """Stands in for the message's masks where inputs give them."""

    def __init__(self, begin: Any, end: Any, squeeze: Any) -> None:
        self.beginMasks, self.endMasks, self.squeezeMasks = list(begin), list(end), list(squeeze)


@nn_layer("sliceBySize")
def onnx_from_sliceBySize(layer: Layer) -> Val:
    (begin,) = layer.ints(1)[:1] or [0]
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    begin = begin + layer.x.shape[axis] if begin < 0 else begin
    ends = np.array([begin + int(layer.p.size)])
    return layer.g("Slice", layer.x, np.array([begin]), ends, np.array([axis]))


@nn_layer("slidingWindows")
def onnx_from_slidingWindows(layer: Layer) -> Val:
    p, x = layer.p, layer.x
    axis = layer.axis(int(p.axis), x.rank)
    size, step = int(p.windowSize), max(int(p.step), 1)
    if not 1 <= size <= x.shape[axis]:
        raise layer.broken(f"windows of {size} over {x.shape[axis]} elements")
    starts = np.arange(0, x.shape[axis] - size + 1, step)
    return layer.g("Gather", x, starts[:, None] + np.arange(size)[None, :], axis=axis)


@nn_layer("crop")
def onnx_from_crop(layer: Layer) -> Val:
    """One input: cut the borders; two: the second's size, from an offset."""
    x = layer.x
    h, w = x.shape[-2:]
    if len(layer.xs) > 1:
        top, left = [int(v) for v in layer.p.offset] or [0, 0]
        bottom, right = top + layer.at(1).shape[-2], left + layer.at(1).shape[-1]
    else:
        (top, below), (left, after) = border(layer, layer.p.cropAmounts)
        bottom, right = h - below, w - after
    where = np.array([x.rank - 2, x.rank - 1])
    return layer.g("Slice", x, np.array([top, left]), np.array([bottom, right]), where)


@nn_layer("padding")
def onnx_from_padding(layer: Layer) -> Val:
    p = layer.p
    amounts = border(layer, p.paddingAmounts)
    kind = p.WhichOneof("PaddingType") or "constant"
    if kind == "constant":
        return pad_spatial(layer.g, layer.x, amounts, p.constant.value)
    lead = [0] * (layer.x.rank - 2)
    flat = np.array([*lead, *[b for b, _ in amounts], *lead, *[e for _, e in amounts]])
    return layer.g("Pad", layer.x, flat, mode="reflect" if kind == "reflection" else "edge")


@nn_layer("constantPad")
def onnx_from_constantPad(layer: Layer) -> Val:
    """Amounts per axis, first and last; or, by a flag, the sizes to be reached by padding."""
    p, x = layer.p, layer.x
    amounts = layer.ints(1) if len(layer.xs) > 1 else [int(v) for v in p.padAmounts]
    if len(amounts) % 2 or len(amounts) // 2 > x.rank or any(abs(a) > 1 << 24 for a in amounts):
        raise layer.broken(f"padding {amounts} for rank {x.rank}")
    lead = [0] * (x.rank - len(amounts) // 2)
    before, after = [*lead, *amounts[::2]], [*lead, *amounts[1::2]]
    if p.padToGivenOutputSizeMode:
        for a, size in enumerate(x.shape):
            if before[a]:
                before[a] -= size
            elif after[a]:
                after[a] -= size
    value = layer.scalar(p.value)
    return layer.g("Pad", x, np.array([*before, *after]), value)
