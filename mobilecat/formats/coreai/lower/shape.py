"""Reshaping, slicing, joining, padding: ops that move values without changing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Var
from mobilecat.formats.coreai.lower.node import ANY, Node, constant, lowers
from mobilecat.graph import attr


@lowers("Reshape", "Flatten", "Squeeze", "Unsqueeze", types=ANY)
def lower_reshape(n: Node) -> Var:
    return n.build.reshape(n.x(), n.out_shape())


@lowers("Transpose", types=ANY)
def lower_transpose(n: Node) -> Var:
    return n.build.transpose(n.x(), n.attr("perm", tuple(reversed(range(len(n.shape()))))))


@lowers("Concat", types=ANY)
def lower_concat(n: Node) -> Var:
    return n.build.concat(n.xs(), n.axis())


@lowers("Split", types=ANY, check=constant(1, name="split"))
def lower_split(n: Node) -> Sequence[Var]:
    axis, start, parts = n.axis(), 0, []
    for k in range(len(n.node.outputs)):
        end = start + n.out_shape(k)[axis]
        parts.append(n.build.take(n.x(), axis, range(start, end)))
        start = end
    return parts


@lowers("Slice", types=ANY, check=constant(1, 2, 3, 4, name="starts, ends, axes and steps"))
def lower_slice(n: Node) -> Var:
    shape = n.shape()
    starts, ends = n.ints(1), n.ints(2)
    axes = n.ints(3) if n.has(3) else tuple(range(len(starts)))
    steps = n.ints(4) if n.has(4) else (1,) * len(starts)
    taken = [range(d) for d in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        taken[axis % len(shape)] = range(shape[axis])[slice(start, end, step)]
    return n.build.slice(n.x(), taken)


@lowers("Expand", types=ANY)
def lower_expand(n: Node) -> Var:
    return n.build.broadcast_to(n.x(), n.out_shape())


@lowers("Tile", types=ANY, check=constant(1, name="repeats"))
def lower_tile(n: Node) -> Var:
    repeats = n.ints(1)
    if set(repeats) <= {1}:
        return n.x()
    return n.build.op("tile", n.x(), np.array(repeats, np.uint32))


# Padding.

_POSITIONS = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _check_pad(node: ir.Node) -> str | None:
    mode = attr(node, "mode", "constant")
    if mode != "constant" and mode not in _POSITIONS:
        return f"padding mode {mode!r}"
    return constant(1, 2, 3, name="pads, value and axes")(node)


@lowers("Pad", types=ANY, check=_check_pad)
def lower_pad(n: Node) -> Var:
    """Constants by Apple's pad; the other modes pick each row from a constant place."""
    rank, pads = len(n.shape()), n.ints(1)
    axes = [a % rank for a in n.ints(3)] if n.has(3) else list(range(rank))
    pairs = [(0, 0)] * rank
    for k, axis in enumerate(axes):
        pairs[axis] = (pads[k], pads[k + len(axes)])
    mode = n.attr("mode", "constant")
    if mode == "constant":
        fill = n.const(2)
        return n.build.pad(n.x(), pairs, 0 if fill is None else fill.reshape(-1)[0])
    x = n.build.pad(n.x(), [(min(b, 0), min(e, 0)) for b, e in pairs])
    for axis, (before, after) in enumerate(pairs):
        size = n.shape()[axis] + min(before, 0) + min(after, 0)
        around = (max(before, 0), max(after, 0))
        if any(around):
            places = np.pad(np.arange(size), around, mode=_POSITIONS[mode])  # type: ignore[call-overload]
            x = n.build.gather(x, places.astype(np.int32), axis)
    return x


# Blocks of pixels and channels.


def _blocks(n: Node, shape: Sequence[int], perm: Sequence[int]) -> Var:
    """Reshape, permute, reshape; a batch of one is left out, since engines stop at five axes."""
    b = n.build
    if shape[0] == 1 and perm[0] == 0:
        shape, perm = shape[1:], [p - 1 for p in perm[1:]]
    return b.reshape(b.transpose(b.reshape(n.x(), shape), perm), n.out_shape())


@lowers("DepthToSpace", types=ANY)
def lower_depth_to_space(n: Node) -> Var:
    (count, depth, height, width), block = n.shape(), n.attr("blocksize", 1)
    inner = depth // block**2
    if n.attr("mode", "DCR") == "DCR":
        return _blocks(n, (count, block, block, inner, height, width), (0, 3, 4, 1, 5, 2))
    return _blocks(n, (count, inner, block, block, height, width), (0, 1, 4, 2, 5, 3))


@lowers("SpaceToDepth", types=ANY)
def lower_space_to_depth(n: Node) -> Var:
    (count, depth, height, width), block = n.shape(), n.attr("blocksize", 1)
    shape = (count, depth, height // block, block, width // block, block)
    return _blocks(
        n, shape, (0, 3, 5, 1, 2, 4) if n.attr("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    )


# Values that follow from shapes and places.


@lowers("Shape", "Size", types=ANY)
def lower_shape(n: Node) -> Var:
    """Shapes are static in a frozen graph, so this is a constant."""
    shape = np.array(n.shape(), np.int64)
    if n.node.op_type == "Size":
        return n.build.const(np.array(shape.prod(), np.int64))
    return n.build.const(shape[n.attr("start", 0) : n.attr("end", len(shape))])


@lowers("Trilu", types=ANY, check=constant(1, name="k"))
def lower_trilu(n: Node) -> Var:
    k = n.ints(1)[0] if n.has(1) else 0
    ones = np.ones(n.shape()[-2:], bool)
    keep = np.triu(ones, k) if n.attr("upper", 1) else np.tril(ones, k)
    return n.build.where(keep, n.x(), n.num(0))


@lowers("ReverseSequence", types=ANY)
def lower_reverse_sequence(n: Node) -> Var:
    """Place t of a row becomes t where t is past its length, else length − 1 − t."""
    b, shape = n.build, n.shape()
    batch, time = n.attr("batch_axis", 1), n.attr("time_axis", 0)
    along = [1] * len(shape)
    along[time] = shape[time]
    places = np.arange(shape[time], dtype=np.int32).reshape(along)
    rows = [1] * len(shape)
    rows[batch] = shape[batch]
    lengths = b.reshape(n.x(1, np.int32), rows)
    turned = b.sub(b.sub(lengths, np.int32(1)), places)
    picks = b.where(b.less(places, lengths), turned, places)
    return b.op("gather_along_axis", n.x(), b.broadcast_to(picks, shape), np.int32(time))


def _check_one_hot(node: ir.Node) -> str | None:
    return constant(1, 2, name="depth and values")(node)


@lowers("OneHot", types=ANY, check=_check_one_hot)
def lower_one_hot(n: Node) -> Var:
    """Equality with 0…depth−1 along a new axis; an index out of range gives a row of off values."""
    b, shape, values = n.build, n.out_shape(), n.const(2)
    assert values is not None
    depth = n.ints(1)[0]
    axis = n.attr("axis", -1) % len(shape)
    places = [1] * len(shape)
    places[axis] = depth
    index = n.x(0)
    if n.dtype().kind != "u":
        index = b.where(b.less(index, n.num(0)), b.add(index, n.num(depth)), index)
    index = b.reshape(index, (*shape[:axis], 1, *shape[axis + 1 :]))
    found = b.equal(index, n.num(np.arange(depth)).reshape(places))
    off, on = values.reshape(-1)
    return b.where(found, on, off)
