"""What moves elements and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mobilecat.formats.tflite.read.op import (
    Call,
    First,
    Given,
    Refused,
    axis_of,
    channels_first,
    lain,
    reads,
)
from mobilecat.formats.tflite.read.writer import INT64
from mobilecat.graph import Array


@reads("RESHAPE")
def read_reshape(call: Call) -> Given:
    out = call.out().shape
    said = call.const(1) if call.has(1) else None
    if said is None and (new := call.option("newShape", None)) is not None and np.size(new):
        said = np.asarray(new)
    wanted = out if said is None else tuple(int(d) for d in said.reshape(-1))
    if said is None and int(np.prod(out)) != int(np.prod(call.shape(0))):
        raise Refused("its shape depends on data")
    if min(wanted, default=0) < -1 or wanted.count(-1) > 1:
        raise Refused(f"the shape {list(wanted)}")
    return call.g.op("Reshape", _in_order(call), np.array(wanted, np.int64))


def _in_order(call: Call) -> str:
    """Return the input such that its elements follow each other as in the file."""
    shape = call.shape(0)
    one_side = call.lies_first(0) and (int(np.prod(shape[1:-1])) == 1 or shape[-1] == 1)
    return call.first(0) if one_side else call.x(0)


@reads("EXPAND_DIMS")
def read_expand(call: Call) -> Given:
    rank = call.rank(0) + 1
    axis = axis_of(call.ints(1, "axis")[0], rank)
    return call.g.op("Unsqueeze", call.x(0), np.array([axis], np.int64))


@reads("SQUEEZE")
def read_squeeze(call: Call) -> Given:
    shape = call.shape(0)
    dims = call.option("squeezeDims", None)
    asked = [] if dims is None or isinstance(dims, int) else [int(d) for d in dims]
    axes = sorted({axis_of(d, len(shape)) for d in asked}) or [
        i for i, d in enumerate(shape) if d == 1
    ]
    kept = [d for i, d in enumerate(shape) if i not in axes]
    return call.g.op("Reshape", _in_order(call), np.array(kept, np.int64))


@reads("TRANSPOSE")
def read_transpose(call: Call) -> Given:
    """Where the result is a value as it lies already, nothing is moved."""
    rank = call.rank(0)
    perm = [axis_of(p, rank) for p in call.ints(1, "order")]
    if sorted(perm) != list(range(rank)):
        raise Refused(f"the order {perm}")
    if rank < 3 or call.const(0) is not None:
        return call.g.op("Transpose", call.x(0), perm=perm)
    order = channels_first(rank)
    turned = [perm[a] for a in order]  # of a result whose channels come first
    if call.lies_first(0):
        if perm == order:
            return call.first(0)
        if turned == order:
            return First(call.first(0))
        return call.g.op("Transpose", call.first(0), perm=[order.index(p) for p in perm])
    if turned == list(range(rank)):
        return First(call.x(0))
    return call.g.op("Transpose", call.x(0), perm=perm)


@reads("CONCATENATION")
def read_concat(call: Call) -> Given:
    count, rank = len(call.op.inputs), call.rank(0)
    if any(call.rank(i) != rank for i in range(count)):
        raise Refused("parts of several ranks")
    names, first = call.alike(*range(count))
    axis = axis_of(int(call.option("axis")), rank, first)
    # Its own activation is none that a kernel of LiteRT's applies.
    return lain(call.g.op("Concat", *names, axis=axis), first)


@reads("PACK")
def read_pack(call: Call) -> Given:
    axis = axis_of(int(call.option("axis")), call.rank(0) + 1)
    at = np.array([axis], np.int64)
    rows = [call.g.op("Unsqueeze", call.x(i), at) for i in range(len(call.op.inputs))]
    return call.g.op("Concat", *rows, axis=axis)


@reads("UNPACK")
def read_unpack(call: Call) -> list[Given]:
    axis = axis_of(int(call.option("axis")), call.rank(0))
    count = len(call.op.outputs)
    if call.shape(0)[axis] != count:
        raise Refused(f"{count} parts of {list(call.shape(0))}")
    return [call.g.op("Gather", call.x(0), np.array(i, np.int64), axis=axis) for i in range(count)]


@reads("SPLIT")
def read_split(call: Call) -> list[Given]:
    count = len(call.op.outputs)
    first = call.lies_first(1)
    axis = call.ints(0, "axis")[0]
    side = call.shape(1)[axis_of(axis, call.rank(1))]
    if not count or side % count:
        raise Refused(f"{count} equal parts of {side}")
    return _parts(call, 1, axis, [side // count] * count, first)


@reads("SPLIT_V")
def read_split_v(call: Call) -> list[Given]:
    axis, sizes = call.ints(2, "axis")[0], call.ints(1, "sizes")
    side = call.shape(0)[axis_of(axis, call.rank(0))]
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = side - sum(sizes) - 1
    if sum(sizes) != side or min(sizes) < 0 or len(sizes) != len(call.op.outputs):
        raise Refused(f"parts {sizes} of {side}")
    return _parts(call, 0, axis, sizes, call.lies_first(0))


def _parts(call: Call, i: int, axis: int, sizes: Sequence[int], first: bool) -> list[Given]:
    x = call.first(i) if first else call.x(i)
    at = axis_of(axis, call.rank(i), first)
    made = call.g.ops("Split", len(sizes), x, np.array(sizes, np.int64), axis=at)
    return [lain(name, first) for name in made]


@reads("SLICE")
def read_slice(call: Call) -> Given:
    begin, size, shape = call.ints(1, "start"), call.ints(2, "size"), call.shape(0)
    if not len(begin) == len(size) == len(shape):
        raise Refused(f"a part {size} of {list(shape)}")
    ends = [d if s == -1 else b + s for b, s, d in zip(begin, size, shape, strict=True)]
    return _sliced(call, [(b, e, 1) for b, e in zip(begin, ends, strict=True)])


def _sliced(call: Call, ranges: Sequence[tuple[int, int, int]]) -> Given:
    """Return the part of input 0 that ranges (start, end, step) name, an axis each."""
    x, first = call.kept()
    rank = call.rank(0)
    order = channels_first(rank) if first else list(range(rank))
    whole = [(0, d, 1) for d in call.shape(0)]
    cut = [a for a in range(rank) if ranges[order[a]] != whole[order[a]]]
    if not cut:
        return lain(call.g.op("Identity", x), first)
    starts, ends, steps = (np.array([ranges[order[a]][k] for a in cut], np.int64) for k in range(3))
    return lain(call.g.op("Slice", x, starts, ends, np.array(cut, np.int64), steps), first)


_MASKS = ("begin", "end", "ellipsis", "newAxis", "shrinkAxis")


@reads("STRIDED_SLICE")
def read_strided(call: Call) -> Given:
    begin, end, steps = (call.ints(i, what) for i, what in ((1, "start"), (2, "end"), (3, "step")))
    masks = {k: int(call.option(f"{k}Mask")) for k in _MASKS}
    if masks["ellipsis"] or masks["newAxis"]:
        raise Refused("an ellipsis or a new axis in its ranges")
    if not len(begin) == len(end) == len(steps) <= call.rank(0) or 0 in steps:
        raise Refused(f"ranges {begin} to {end} by {steps}")
    shape, ranges, dropped = call.shape(0), [], []
    for a, side in enumerate(shape):
        if a >= len(begin):
            ranges.append((0, side, 1))
            continue
        start, stop, step = begin[a], end[a], steps[a]
        if call.option("offset"):
            stop += start
        if masks["shrinkAxis"] >> a & 1:
            start = start + side if start < 0 else start
            ranges.append((start, start + 1, 1))
            dropped.append(a)
            continue
        from_, to = (None if masks[k] >> a & 1 else v for k, v in (("begin", start), ("end", stop)))
        low, high, step = slice(from_, to, step).indices(side)
        # What ends before the first element has no number of its own, counted from the front.
        ranges.append((low, -side - 1 if high < 0 else high, step))
    found = _sliced(call, ranges)
    if not dropped:
        return found
    if isinstance(found, First):
        rank = len(shape)
        back = [channels_first(rank).index(a) for a in range(rank)]
        found = call.g.op("Transpose", found.name, perm=back)
    assert isinstance(found, str)
    return call.g.op("Squeeze", found, np.array(dropped, np.int64))


@reads("REVERSE_V2")
def read_reverse(call: Call) -> Given:
    axes = {axis_of(a, call.rank(0)) for a in call.ints(1, "axes")}
    ranges = [(d - 1, -d - 1, -1) if a in axes else (0, d, 1) for a, d in enumerate(call.shape(0))]
    return _sliced(call, ranges)


@reads("REVERSE_SEQUENCE")
def read_reverse_sequence(call: Call) -> Given:
    time, batch = int(call.option("seqDim")), int(call.option("batchDim"))
    if {time, batch} != {0, 1}:
        raise Refused(f"sequences along axis {time}, batches along {batch}")
    lengths = call.g.op("Cast", call.x(1), to=INT64)
    return call.g.op("ReverseSequence", call.x(0), lengths, time_axis=time, batch_axis=batch)


@reads("PAD", "PADV2")
def read_pad(call: Call) -> Given:
    x, first = call.kept()
    value = call.needs(2, "value").reshape(()) if call.op.code == "PADV2" else None
    return lain(call.g.op("Pad", x, _pads(call, first), value), first)


def _pads(call: Call, first: bool) -> Array:
    """Return ONNX's pads: all that come before, then all that come after."""
    rows = np.array(call.ints(1, "pads"), np.int64).reshape(-1, 2)
    rank = call.rank(0)
    if len(rows) != rank:
        raise Refused(f"pads {rows.tolist()} for {rank} dimensions")
    order = channels_first(rank) if first else list(range(rank))
    return np.ascontiguousarray(rows[order].T.reshape(-1))


@reads("MIRROR_PAD")
def read_mirror(call: Call) -> Given:
    x, first = call.kept()
    pads = _pads(call, first)
    if call.option("mode") == 0:
        return lain(call.g.op("Pad", x, pads, mode="reflect"), first)
    rank = call.rank(0)
    shape = [call.shape(0)[a] for a in (channels_first(rank) if first else range(rank))]
    for axis, (before, after) in enumerate(pads.reshape(2, -1).T):
        if before or after:  # the border itself is doubled, which ONNX has no mode for
            if not 0 <= before + after <= 2 * shape[axis]:
                raise Refused(f"pads {before} and {after} of {shape[axis]}")
            rows = np.pad(np.arange(shape[axis]), (before, after), mode="symmetric")
            x = call.g.op("Gather", x, rows.astype(np.int64), axis=axis)
    return lain(x, first)


@reads("TILE")
def read_tile(call: Call) -> Given:
    return call.g.op("Tile", call.x(0), np.array(call.ints(1, "counts"), np.int64))


@reads("BROADCAST_TO")
def read_broadcast(call: Call) -> Given:
    return call.g.op("Expand", call.x(0), np.array(call.ints(1, "shape"), np.int64))


@reads("BROADCAST_ARGS")
def read_broadcast_args(call: Call) -> Given:
    shapes = [call.ints(i, "shape") for i in (0, 1)]
    try:
        return np.array(np.broadcast_shapes(*map(tuple, shapes)), call.out().dtype)
    except ValueError:
        raise Refused(f"shapes {shapes} that do not fit") from None


@reads("FILL")
def read_fill(call: Call) -> Given:
    return call.g.op("Expand", call.x(1), np.array(call.ints(0, "shape"), np.int64))


@reads("DEPTH_TO_SPACE")
def read_depth_to_space(call: Call) -> Given:
    size = int(call.option("blockSize"))
    return First(call.g.op("DepthToSpace", call.first(0), blocksize=size, mode="DCR"))


@reads("SPACE_TO_DEPTH")
def read_space_to_depth(call: Call) -> Given:
    size = int(call.option("blockSize"))
    return First(call.g.op("SpaceToDepth", call.first(0), blocksize=size))


@reads("SPACE_TO_BATCH_ND")
def read_space_to_batch(call: Call) -> Given:
    blocks, shape = call.ints(1, "blocks"), call.shape(0)
    pads = np.array(call.ints(2, "pads"), np.int64).reshape(-1, 2)
    sides = len(blocks)
    if sides >= len(shape) or len(pads) != sides or min(blocks) < 1:
        raise Refused(f"blocks {blocks} of {list(shape)}")
    around = np.zeros((len(shape), 2), np.int64)
    around[1 : 1 + sides] = pads
    x = call.g.op("Pad", call.x(0), around.T.reshape(-1).copy())
    padded = [d + int(p.sum()) for d, p in zip(shape, around, strict=True)]
    apart, order = [padded[0]], []
    for k, block in enumerate(blocks):
        apart += [padded[1 + k] // block, block]
        order.append(2 + 2 * k)
    apart += padded[1 + sides :]
    order += [0, *(1 + 2 * k for k in range(sides)), *range(1 + 2 * sides, len(apart))]
    x = call.g.op("Transpose", call.g.op("Reshape", x, np.array(apart, np.int64)), perm=order)
    made = [padded[0] * int(np.prod(blocks)), *(apart[1 + 2 * k] for k in range(sides))]
    return call.g.op("Reshape", x, np.array([*made, *padded[1 + sides :]], np.int64))


@reads("BATCH_TO_SPACE_ND")
def read_batch_to_space(call: Call) -> Given:
    blocks, shape = call.ints(1, "blocks"), call.shape(0)
    crops = np.array(call.ints(2, "crops"), np.int64).reshape(-1, 2)
    sides = len(blocks)
    fits = sides < len(shape) and len(crops) == sides and min(blocks) >= 1
    if not fits or shape[0] % int(np.prod(blocks)):
        raise Refused(f"blocks {blocks} of {list(shape)}")
    batch = shape[0] // int(np.prod(blocks))
    x = call.g.op("Reshape", call.x(0), np.array([*blocks, batch, *shape[1:]], np.int64))
    order = [sides]
    for k in range(sides):
        order += [sides + 1 + k, k]
    order += list(range(2 * sides + 1, sides + len(shape)))
    x = call.g.op("Transpose", x, perm=order)
    whole = [d * b for d, b in zip(shape[1:], blocks, strict=False)]
    x = call.g.op("Reshape", x, np.array([batch, *whole, *shape[1 + sides :]], np.int64))
    starts = crops[:, 0].copy()
    ends = np.array(whole, np.int64) - crops[:, 1]
    return call.g.op("Slice", x, starts, ends, np.arange(1, 1 + sides, dtype=np.int64))
