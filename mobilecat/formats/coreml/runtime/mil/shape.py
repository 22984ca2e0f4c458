"""Ops that rearrange, join and cut tensors."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.formats.coreml.runtime.graph import BOOL, INT32, Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


@mil_op("identity", moves=True)
def onnx_from_identity(op: Op) -> Val:
    return op["x"]


@mil_op("shape", moves=True)
def onnx_from_shape(op: Op) -> Val:
    return op.g.const(np.array(op["x"].shape, np.int32))


@mil_op("reshape", moves=True)
def onnx_from_reshape(op: Op) -> Val:
    return reshaped(op, op["x"], op.ints("shape"))


def reshaped(op: Op, x: Val, shape: list[int]) -> Val:
    """Return `x` in `shape`; 0 copies a size of x, counted from the right; −1 is what is left."""
    lead = len(shape) - x.rank
    sizes = [
        (x.shape[i - lead] if i >= lead else 1) if d == 0 and 0 not in x.shape else d
        for i, d in enumerate(shape)
    ]
    return op.g("Reshape", x, np.array(sizes, np.int64), allowzero=1)


@mil_op("reshape_like", moves=True)
def onnx_from_reshape_like(op: Op) -> Val:
    shape: list[int] = []
    refs = op.many("ref_tensors")
    begins, ends, masks = op.ints("begins"), op.ints("ends"), op.ints("end_masks")
    if not len(refs) == len(begins) == len(ends) == len(masks):
        raise op.broken("begins, ends and masks do not fit the reference tensors")
    for ref, begin, end, mask in zip(refs, begins, ends, masks, strict=True):
        shape += ref.shape[begin:] if mask else ref.shape[begin:end]
    return reshaped(op, op["x"], shape)


@mil_op("flatten2d", moves=True)
def onnx_from_flatten2d(op: Op) -> Val:
    x = op["x"]
    axis = op.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise op.broken(f"axis {axis} does not exist in rank {x.rank}")
    return op.g("Flatten", x, axis=axis)


@mil_op("expand_dims", moves=True)
def onnx_from_expand_dims(op: Op) -> Val:
    x = op["x"]
    axes = op.ints("axes")
    rank = x.rank + len(axes)
    return op.g("Unsqueeze", x, np.array(sorted(op.front(a, rank) for a in axes)))


@mil_op("squeeze", moves=True)
def onnx_from_squeeze(op: Op) -> Val:
    x = op["x"]
    if "axes" not in op:
        return op.g("Squeeze", x, np.array([i for i, d in enumerate(x.shape) if d == 1]))
    return op.g("Squeeze", x, np.array(op.axes("axes", x.rank)))


@mil_op("transpose", moves=True)
def onnx_from_transpose(op: Op) -> Val:
    x = op["x"]
    return op.g("Transpose", x, perm=op.axes("perm", x.rank))


@mil_op("concat", moves=True)
def onnx_from_concat(op: Op) -> Val:
    # a scalar among them counts as a vector of one element
    values = [op.g("Unsqueeze", v, np.array([0])) if v.rank == 0 else v for v in op.many("values")]
    axis = op.axis(rank=values[0].rank)
    if not op.flag("interleave", False):
        return op.g("Concat", *values, axis=axis)
    stacked = op.g(
        "Concat", *[op.g("Unsqueeze", v, np.array([axis + 1])) for v in values], axis=axis + 1
    )
    shape = list(values[0].shape)
    shape[axis] *= len(values)
    return op.g("Reshape", stacked, np.array(shape))


@mil_op("stack", moves=True)
def onnx_from_stack(op: Op) -> Val:
    values = op.many("values")
    axis = op.axis(rank=values[0].rank + 1)
    where = np.array([axis])
    return op.g("Concat", *[op.g("Unsqueeze", v, where) for v in values], axis=axis)


@mil_op("split", moves=True)
def onnx_from_split(op: Op) -> tuple[Val, ...]:
    x = op["x"]
    axis = op.axis()
    if "split_sizes" in op:
        sizes = op.ints("split_sizes")
    else:
        count = op.integer("num_splits")
        if count < 1 or x.shape[axis] % count:
            raise op.broken(f"{x.shape[axis]} elements do not split into {count}")
        sizes = [x.shape[axis] // count] * count
    if len(sizes) == 1:
        return (op.g("Identity", x),)
    return tuple(op.g.several(len(sizes), "Split", x, np.array(sizes), axis=axis))


@mil_op("tile", moves=True)
def onnx_from_tile(op: Op) -> Val:
    return op.g("Tile", op["x"], np.array(op.ints("reps")))


@mil_op("reverse", moves=True)
def onnx_from_reverse(op: Op) -> Val:
    x = op["x"]
    axes = op.axes("axes", x.rank, list(range(x.rank)))
    n = len(axes)
    if not n:
        return op.g("Identity", x)
    ends = np.full(n, -(1 << 31), np.int64)
    return op.g("Slice", x, np.full(n, -1), ends, np.array(axes), np.full(n, -1))


@mil_op("reverse_sequence", moves=True)
def onnx_from_reverse_sequence(op: Op) -> Val:
    """As a gather: position t of row b reads lengths[b]−1−t while t < lengths[b], else t."""
    x = op["x"]
    seq, batch = op.axis("seq_axis", 0), op.axis("batch_axis", 0)
    steps = op.g.const(np.arange(x.shape[seq], dtype=np.int32).reshape(1, -1))
    lengths = op.g("Unsqueeze", op["lengths"], np.array([1]))
    mirrored = op.g("Sub", op.g("Sub", lengths, np.ones((1, 1), np.int32)), steps)
    index = op.g("Where", op.g("Less", steps, lengths), mirrored, steps)
    shape = [1] * x.rank
    shape[seq], shape[batch] = x.shape[seq], x.shape[batch]
    if batch > seq:
        index = op.g("Transpose", index, perm=[1, 0])
    index = op.g("Expand", op.g("Reshape", index, np.array(shape)), np.array(x.shape))
    return op.g("GatherElements", x, index, axis=seq)


@mil_op("sliding_windows", moves=True)
def onnx_from_sliding_windows(op: Op) -> Val:
    x = op["x"]
    axis = op.axis()
    size, stride = op.integer("size"), op.integer("stride", 1)
    if not 1 <= size <= x.shape[axis] or stride < 1:
        raise op.broken(f"windows of {size} over {x.shape[axis]} elements")
    starts = np.arange(0, x.shape[axis] - size + 1, stride)
    return op.g("Gather", x, starts[:, None] + np.arange(size)[None, :], axis=axis)


# space, depth and batch -----------------------------------------------------------------------


@mil_op("depth_to_space", moves=True)
def onnx_from_depth_to_space(op: Op) -> Val:
    return op.g("DepthToSpace", op["x"], blocksize=op.integer("block_size"), mode="DCR")


@mil_op("pixel_shuffle", moves=True)
def onnx_from_pixel_shuffle(op: Op) -> Val:
    return op.g("DepthToSpace", op["x"], blocksize=op.integer("upscale_factor"), mode="CRD")


@mil_op("space_to_depth", moves=True)
def onnx_from_space_to_depth(op: Op) -> Val:
    return op.g("SpaceToDepth", op["x"], blocksize=op.integer("block_size"))


def factors(op: Op, x: Val, block: list[int]) -> tuple[int, int, int, int]:
    if x.rank != 4 or min(block) < 1:
        raise op.broken(f"blocks {block} of a tensor of rank {x.rank}")
    n, c, h, w = x.shape
    return n, c, h, w


@mil_op("pixel_unshuffle", moves=True)
def onnx_from_pixel_unshuffle(op: Op) -> Val:
    f = op.integer("downscale_factor")
    n, c, h, w = factors(op, op["x"], [f])
    split = op.g("Reshape", op["x"], np.array([n, c, h // f, f, w // f, f]))
    moved = op.g("Transpose", split, perm=[0, 1, 3, 5, 2, 4])
    return op.g("Reshape", moved, np.array([n, c * f * f, h // f, w // f]))


@mil_op("space_to_batch", moves=True)
def onnx_from_space_to_batch(op: Op) -> Val:
    by, bx = op.ints("block_shape")
    top, bottom, left, right = op.ints("paddings")
    pads = np.array([0, 0, top, left, 0, 0, bottom, right])
    x = op.g("Pad", op["x"], pads) if pads.any() else op["x"]
    n, c, h, w = factors(op, x, [by, bx])
    split = op.g("Reshape", x, np.array([n, c, h // by, by, w // bx, bx]))
    moved = op.g("Transpose", split, perm=[3, 5, 0, 1, 2, 4])
    return op.g("Reshape", moved, np.array([by * bx * n, c, h // by, w // bx]))


@mil_op("batch_to_space", moves=True)
def onnx_from_batch_to_space(op: Op) -> Val:
    by, bx = op.ints("block_shape")
    top, bottom, left, right = op.ints("crops")
    n, c, h, w = factors(op, op["x"], [by, bx])
    split = op.g("Reshape", op["x"], np.array([by, bx, n // (by * bx), c, h, w]))
    moved = op.g("Transpose", split, perm=[2, 3, 4, 0, 5, 1])
    whole = op.g("Reshape", moved, np.array([n // (by * bx), c, h * by, w * bx]))
    starts, ends = np.array([top, left]), np.array([h * by - bottom, w * bx - right])
    return op.g("Slice", whole, starts, ends, np.array([2, 3]))


# made from nothing but a shape ----------------------------------------------------------------


@mil_op("fill", moves=True)
def onnx_from_fill(op: Op) -> Val:
    return filled(op, op.ints("shape"))


@mil_op("fill_like", moves=True)
def onnx_from_fill_like(op: Op) -> Val:
    return filled(op, list(op["ref_tensor"].shape))


def filled(op: Op, shape: list[int]) -> Val:
    value = op.array("value", np.float32(0)).reshape(-1)
    if value.size != 1:
        raise op.broken("the value is no scalar")
    if value.dtype == np.bool_:  # no ConstantOfShape of booleans in every build
        number = op.g("Expand", op.g.const(value.astype(np.int32)), np.array(shape, np.int64))
        return op.g("Cast", number, to=BOOL)
    return op.g("Expand", op.g.const(value), np.array(shape, np.int64))


@mil_op("range_1d")
def onnx_from_range_1d(op: Op) -> Val:
    start, end, step = op["start"], op["end"], op["step"]
    numbers = [float(v.numpy().reshape(-1)[0]) for v in (start, end, step)]
    if not all(map(math.isfinite, numbers)) or numbers[2] == 0:
        raise op.broken(f"a range from {numbers[0]} to {numbers[1]} by {numbers[2]}")
    if (numbers[1] - numbers[0]) / numbers[2] > 1 << 26:
        raise op.broken("a range of absurd length")
    dtype = np.float32 if any(v.is_float for v in (start, end, step)) else np.int32
    return op.g.const(np.arange(*numbers).astype(dtype))


@mil_op("one_hot", moves=True)
def onnx_from_one_hot(op: Op) -> Val:
    indices = op["indices"]
    size = op.integer("one_hot_vector_size")
    on, off = op.array("on_value", np.int32(1)), op.array("off_value", np.int32(0))
    kind = np.float32 if "f" in (on.dtype.kind, off.dtype.kind) else np.int32
    if size < 1:
        raise op.broken(f"one-hot vectors of {size} elements")
    axis = op.front(op.integer("axis", -1), indices.rank + 1)
    shape = [1] * (indices.rank + 1)
    shape[axis] = size
    classes = op.g.const(np.arange(size, dtype=np.int32).reshape(shape))
    hit = op.g("Equal", op.g("Unsqueeze", indices, np.array([axis])), classes)
    return op.g("Where", hit, on.astype(kind).reshape(()), off.astype(kind).reshape(()))


@mil_op("band_part", moves=True)
def onnx_from_band_part(op: Op) -> Val:
    x = op["x"]
    if x.rank < 2:
        raise op.broken("x is no matrix")
    lower, upper = op.integer("lower", -1), op.integer("upper", -1)
    row, column = np.ogrid[: x.shape[-2], : x.shape[-1]]
    band = ((lower < 0) | (row - column <= lower)) & ((upper < 0) | (column - row <= upper))
    if x.dtype == np.bool_:
        return op.g("And", x, op.g.const(band))
    return op.g("Where", op.g.const(band), x, op.g.const(np.zeros((), x.dtype)))


@mil_op("non_zero")
def onnx_from_non_zero(op: Op) -> Val:
    x = op["x"]
    found = op.g("NonZero", op.g("Cast", x, to=BOOL))
    return op.g("Cast", op.g("Transpose", found, perm=[1, 0]), to=INT32)


@mil_op("cumsum")
def onnx_from_cumsum(op: Op) -> Val:
    exclusive, reverse = int(op.flag("exclusive", False)), int(op.flag("reverse", False))
    axis = np.array(op.axis(default=0), np.int64)
    return op.g("CumSum", op["x"], axis, exclusive=exclusive, reverse=reverse)


@mil_op("pad", moves=True)
def onnx_from_pad(op: Op) -> Val:
    x = op["x"]
    flat = op.ints("pad")
    n = len(flat) // 2
    if len(flat) % 2 or n > x.rank or any(abs(p) > 1 << 24 for p in flat):
        raise op.broken(f"padding {flat} for rank {x.rank}")
    lead = [0] * (x.rank - n)
    amounts = np.array([*lead, *flat[::2], *lead, *flat[1::2]])
    mode = op.text("mode", "constant")
    if mode == "constant":
        value = op.array("constant_val", np.float32(0)).reshape(()).astype(x.dtype)
        return op.g("Pad", x, amounts, op.g.const(value))
    onnx_mode = {"reflect": "reflect", "replicate": "edge"}.get(mode)
    if onnx_mode is None:
        raise op.refuse(f"pad mode {mode!r} is unknown")
    return op.g("Pad", x, amounts, mode=onnx_mode)
