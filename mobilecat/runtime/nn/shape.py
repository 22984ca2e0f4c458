"""Layers that rearrange, join, cut and make blobs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mobilecat.runtime.graph import Val
from mobilecat.runtime.mil.pool import pad_spatial
from mobilecat.runtime.nn.conv import border
from mobilecat.runtime.nn.layer import Layer
from mobilecat.runtime.nn.table import nn_layer

_FAR = 1 << 62


def shaped(layer: Layer, x: Val, shape: list[int]) -> Val:
    """Return `x` in `shape`; 0 copies the size at that place, −1 is what is left."""
    return layer.g("Reshape", x, np.array(shape, np.int64), allowzero=0)


@nn_layer("reshape")
def onnx_from_reshape(layer: Layer) -> Val:
    """targetShape is [C,H,W], or [S,C,H,W] with a sequence axis in front."""
    p, x = layer.p, layer.x
    target = [int(d) for d in p.targetShape]
    if len(target) not in (3, 4):
        raise layer.broken(f"target shape {target}")
    if x.rank == 5:
        lead = [-1, x.shape[1]] if len(target) == 3 else [target[0], x.shape[1]]
    else:
        lead = [x.shape[0]] if x.rank == 4 and len(target) == 3 else target[:-3]
    tail = target[-3:]
    if p.mode == 0:
        return shaped(layer, x, [*lead, *tail])
    # channel last: read [H,W,C], write [H,W,C]
    n = x.rank
    last = layer.g("Transpose", x, perm=[*range(n - 3), n - 2, n - 1, n - 3])
    y = shaped(layer, last, [*lead, tail[1], tail[2], tail[0]])
    n = y.rank
    return layer.g("Transpose", y, perm=[*range(n - 3), n - 1, n - 3, n - 2])


@nn_layer("flatten")
def onnx_from_flatten(layer: Layer) -> Val:
    x = layer.x
    if x.rank < 3:
        raise layer.broken(f"a blob of rank {x.rank} has no channels")
    if layer.p.mode == 1:
        n = x.rank
        x = layer.g("Transpose", x, perm=[*range(n - 3), n - 2, n - 1, n - 3])
    count = math.prod(x.shape[-3:])
    return layer.g("Reshape", x, np.array([*x.shape[:-3], count, 1, 1]))


@nn_layer("permute")
def onnx_from_permute(layer: Layer) -> Val:
    """axis orders [sequence, C, H, W]; the batch axis of rank 5 stays in place."""
    x = layer.x
    order = [int(a) for a in layer.p.axis]
    if sorted(order) != [0, 1, 2, 3]:
        raise layer.broken(f"axes {order}")
    if x.rank == 5:
        place = [0, 2, 3, 4]
        perm = [place[order[0]], 1, *[place[a] for a in order[1:]]]
        return layer.g("Transpose", x, perm=perm)
    if x.rank == 3:
        if order[0] != 0:
            raise layer.broken("the blob has no sequence axis")
        return layer.g("Transpose", x, perm=[a - 1 for a in order[1:]])
    return layer.g("Transpose", x, perm=order)


@nn_layer("concat")
def onnx_from_concat(layer: Layer) -> Val:
    axis = 0 if layer.p.sequenceConcat else layer.x.rank - 3
    if axis < 0:
        raise layer.broken(f"a blob of rank {layer.x.rank} has no channels")
    return layer.g("Concat", *layer.xs, axis=axis)


@nn_layer("split")
def onnx_from_split(layer: Layer) -> tuple[Val, ...]:
    return _split(layer, layer.axis(-3, layer.x.rank), int(layer.p.nOutputs), [])


@nn_layer("splitND")
def onnx_from_splitND(layer: Layer) -> tuple[Val, ...]:
    """Sizes that do not divide: the first parts are one longer, as in numpy's array_split."""
    p = layer.p
    axis = layer.axis(int(p.axis), layer.x.rank)
    sizes, count = [int(s) for s in p.splitSizes], int(p.numSplits)
    if not sizes and 1 <= count <= layer.x.shape[axis]:
        each, longer = divmod(layer.x.shape[axis], count)
        sizes = [each + (i < longer) for i in range(count)]
    return _split(layer, axis, count, sizes)


def _split(layer: Layer, axis: int, count: int, sizes: list[int]) -> tuple[Val, ...]:
    size = layer.x.shape[axis]
    if not sizes:
        if count < 1 or size % count or count > 4096:
            raise layer.broken(f"{size} elements do not split into {count}")
        sizes = [size // count] * count
    if len(sizes) == 1:
        return (layer.x,)
    return tuple(layer.g.several(len(sizes), "Split", layer.x, np.array(sizes), axis=axis))


@nn_layer("concatND")
def onnx_from_concatND(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    if not layer.p.interleave:
        return layer.g("Concat", *layer.xs, axis=axis)
    where = np.array([axis + 1])
    lifted = [layer.g("Unsqueeze", x, where) for x in layer.xs]
    shape = list(layer.x.shape)
    shape[axis] *= len(lifted)
    return layer.g("Reshape", layer.g("Concat", *lifted, axis=axis + 1), np.array(shape))


@nn_layer("stack")
def onnx_from_stack(layer: Layer) -> Val:
    axis = layer.axis(int(layer.p.axis), layer.x.rank + 1)
    return layer.g(
        "Concat", *[layer.g("Unsqueeze", x, np.array([axis])) for x in layer.xs], axis=axis
    )


@nn_layer("sequenceRepeat")
def onnx_from_sequenceRepeat(layer: Layer) -> Val:
    reps = np.ones(layer.x.rank, np.int64)
    reps[0] = layer.p.nRepetitions
    return layer.g("Tile", layer.x, reps)


@nn_layer("reorganizeData")
def onnx_from_reorganizeData(layer: Layer) -> Val:
    p = layer.p
    x, lead = layer.picture(layer.x)
    size = int(p.blockSize)
    if not 2 <= size <= 4096:
        raise layer.broken(f"block size {size}")
    if p.mode == 0:
        y = layer.g("SpaceToDepth", x, blocksize=size)
    else:
        y = layer.g("DepthToSpace", x, blocksize=size, mode="DCR" if p.mode == 1 else "CRD")
    return layer.restore(y, lead)


@nn_layer("transpose")
def onnx_from_transpose(layer: Layer) -> Val:
    """Fewer axes than the blob has order its last ones (coremltools' NHWC image inputs do that)."""
    axes, rank = layer.p.axes, layer.x.rank
    kept = max(rank - len(axes), 0)
    perm = [*range(kept), *[kept + layer.axis(int(a), rank - kept) for a in axes]]
    if sorted(perm) != list(range(rank)):
        raise layer.broken(f"axes {list(axes)} for rank {rank}")
    return layer.g("Transpose", layer.x, perm=perm)


@nn_layer("squeeze")
def onnx_from_squeeze(layer: Layer) -> Val:
    p, x = layer.p, layer.x
    axes = (
        [i for i, d in enumerate(x.shape) if d == 1]
        if p.squeezeAll
        else [layer.axis(int(a), x.rank) for a in p.axes]
    )
    if len(axes) == x.rank:  # a scalar is a vector of one element
        axes = axes[1:]
    return layer.g("Squeeze", x, np.array(axes, np.int64)) if axes else x


@nn_layer("expandDims")
def onnx_from_expandDims(layer: Layer) -> Val:
    rank = layer.x.rank + len(layer.p.axes)
    axes = sorted(layer.axis(int(a), rank) for a in layer.p.axes)
    return layer.g("Unsqueeze", layer.x, np.array(axes))


@nn_layer("flattenTo2D")
def onnx_from_flattenTo2D(layer: Layer) -> Val:
    axis, rank = int(layer.p.axis), layer.x.rank
    if not -rank <= axis <= rank:
        raise layer.broken(f"axis {axis} does not exist in rank {rank}")
    return layer.g("Flatten", layer.x, axis=axis)


@nn_layer("reshapeStatic")
def onnx_from_reshapeStatic(layer: Layer) -> Val:
    return shaped(layer, layer.x, [int(d) for d in layer.p.targetShape])


@nn_layer("reshapeDynamic")
def onnx_from_reshapeDynamic(layer: Layer) -> Val:
    return shaped(layer, layer.x, layer.ints(1))


@nn_layer("reshapeLike")
def onnx_from_reshapeLike(layer: Layer) -> Val:
    return shaped(layer, layer.x, list(layer.at(1).shape))


@nn_layer("rankPreservingReshape")
def onnx_from_rankPreservingReshape(layer: Layer) -> Val:
    return shaped(layer, layer.x, [int(d) for d in layer.p.targetShape])


@nn_layer("getShape")
def onnx_from_getShape(layer: Layer) -> Val:
    return layer.g.const(np.array(layer.x.shape, np.float32))


@nn_layer("broadcastToLike", "broadcastToStatic", "broadcastToDynamic")
def onnx_from_broadcastTo(layer: Layer) -> Val:
    if layer.type == "broadcastToStatic":
        target = [int(d) for d in layer.p.targetShape]
    elif layer.type == "broadcastToLike":
        target = list(layer.at(1).shape)
    else:
        target = layer.ints(1)
    # a −1 keeps the size that is there
    lead = len(target) - layer.x.rank
    sizes = [layer.x.shape[i - lead] if d == -1 else d for i, d in enumerate(target)]
    return layer.g("Expand", layer.x, np.array(sizes))


@nn_layer("tile")
def onnx_from_tile(layer: Layer) -> Val:
    reps = layer.ints(1) if len(layer.xs) > 1 else [int(r) for r in layer.p.reps]
    return layer.g("Tile", layer.x, np.array([1] * (layer.x.rank - len(reps)) + reps))


@nn_layer("reverse")
def onnx_from_reverse(layer: Layer) -> Val:
    axes = [i for i, flag in enumerate(layer.p.reverseDim) if flag]
    if not axes:
        return layer.x
    if axes[-1] >= layer.x.rank:
        raise layer.broken(f"axis {axes[-1]} does not exist in rank {layer.x.rank}")
    n = len(axes)
    ends, steps = np.full(n, -_FAR), np.full(n, -1)
    return layer.g("Slice", layer.x, np.full(n, -1), ends, np.array(axes), steps)


@nn_layer("reverseSeq")
def onnx_from_reverseSeq(layer: Layer) -> Val:
    """As a gather: position t of row b reads lengths[b]−1−t while t < lengths[b], else t."""
    g, x = layer.g, layer.x
    seq = layer.axis(int(layer.p.sequenceAxis), x.rank)
    batch = layer.axis(int(layer.p.batchAxis), x.rank)
    steps = g.const(np.arange(x.shape[seq], dtype=np.int64).reshape(1, -1))
    lengths = g("Reshape", layer.index(layer.at(1)), np.array([-1, 1]))
    index = g(
        "Where",
        g("Less", steps, lengths),
        g("Sub", g("Sub", lengths, np.array([[1]])), steps),
        steps,
    )
    shape = [1] * x.rank
    shape[seq], shape[batch] = x.shape[seq], x.shape[batch]
    if batch > seq:
        index = g("Transpose", index, perm=[1, 0])
    index = g("Expand", g("Reshape", index, np.array(shape)), np.array(x.shape))
    return g("GatherElements", x, index, axis=seq)


# constants ------------------------------------------------------------------------------------


@nn_layer("loadConstant", "loadConstantND")
def onnx_from_loadConstant(layer: Layer) -> Val:
    array = layer.weight(layer.p.data, [int(d) for d in layer.p.shape])
    if layer.type == "loadConstant" and layer.rank5:
        array = array.reshape(1, 1, *array.shape)
    return layer.g.const(array)


@nn_layer("fillStatic", "fillLike", "fillDynamic")
def onnx_from_fill(layer: Layer) -> Val:
    if layer.type == "fillStatic":
        shape = [int(d) for d in layer.p.targetShape]
    elif layer.type == "fillLike":
        shape = list(layer.x.shape)
    else:
        shape = layer.ints(0)
    return layer.g("Expand", layer.scalar(layer.p.value), np.array(shape, np.int64))


@nn_layer("rangeStatic", "rangeDynamic")
def onnx_from_range(layer: Layer) -> Val:
    """rangeDynamic reads end, then start, then step from its inputs, as far as there are any."""
    p = layer.p
    if layer.type == "rangeStatic":
        numbers = [p.endValue, p.startValue, p.stepSizeValue]
    else:
        given = [float(x.numpy().reshape(-1)[0]) for x in layer.xs]
        numbers = [*given, *[p.startValue, p.stepSizeValue][len(given) - 1 :]]
    end, start, step = numbers[:3]
    if (
        not all(map(math.isfinite, (start, end, step)))
        or step == 0
        or (end - start) / step > 1 << 26
    ):
        raise layer.broken(f"a range from {start} to {end} by {step}")
    return layer.g.const(np.arange(start, end, step, dtype=np.float32))


# cuts -----------------------------------------------------------------------------------------


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
