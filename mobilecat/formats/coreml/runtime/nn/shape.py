"""Layers that rearrange, join, cut and make blobs."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer

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
