"""Reshaping, slicing, joining, padding: ops that move values without changing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.elementwise import broadcast_to, select
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node, kind_of_dtype
from mobilecat.formats.coreml.lower.mil import Var, cast, dtype_name, mb, shape_of_var
from mobilecat.graph import attr, const_of, dtype_of, opt_input


def constant(*inputs: int, name: str = "") -> Callable[[ir.Node], str | None]:
    """Return a check that the listed inputs, where present, are constants."""

    def check(node: ir.Node) -> str | None:
        for i in inputs:
            value = opt_input(node, i)
            if value is not None and const_of(value) is None:
                return f"{name or f'input {i}'} ({value.name!r}) must be a constant"
        return None

    return check


def without_bool(op: Callable[[Var], Var], x: Var) -> Var:
    """Run `op` on an int32 copy where `x` is bool: MIL's gather, pad and scatter take no bool."""
    return cast(op(cast(x, "int32")), "bool") if dtype_name(x) == "bool" else op(x)


@LOWERINGS.op("Reshape", "Flatten")
def lower_reshape(n: Node) -> Var:
    shape = n.out_shape()
    if not shape:
        return mb.squeeze(x=n.x())
    return mb.reshape(x=n.x(), shape=list(shape))


@LOWERINGS.op("Squeeze")
def lower_squeeze(n: Node) -> Var:
    shape = n.shape()
    if n.has(1) or n.attr("axes", ()):
        axes = [a % len(shape) for a in (n.ints(1) if n.has(1) else n.attr("axes", ()))]
    else:
        axes = [i for i, d in enumerate(shape) if d == 1]
    return mb.squeeze(x=n.x(), axes=axes) if axes else mb.identity(x=n.x())


@LOWERINGS.op("Unsqueeze")
def lower_unsqueeze(n: Node) -> Var:
    rank = len(n.out_shape())
    axes = sorted(a % rank for a in (n.ints(1) if n.has(1) else n.attr("axes", ())))
    return mb.expand_dims(x=n.x(), axes=axes) if axes else mb.identity(x=n.x())


@LOWERINGS.op("Transpose")
def lower_transpose(n: Node) -> Var:
    perm = n.attr("perm", tuple(reversed(range(len(n.shape())))))
    if len(perm) < 2:
        return mb.identity(x=n.x())
    return mb.transpose(x=n.x(), perm=[int(p) for p in perm])


@LOWERINGS.op("Concat")
def lower_concat(n: Node) -> Var:
    xs = n.xs()
    return mb.concat(values=xs, axis=n.axis()) if len(xs) > 1 else mb.identity(x=xs[0])


@LOWERINGS.op("Split", check=constant(1, name="split"))
def lower_split(n: Node) -> Var | Sequence[Var]:
    axis = n.axis()
    sizes = [n.out_shape(k)[axis] for k in range(len(n.node.outputs))]
    if len(sizes) == 1:
        return mb.identity(x=n.x())
    return list(mb.split(x=n.x(), split_sizes=sizes, axis=axis))


def _slice_ranges(n: Node) -> list[range]:
    """Return the indices that the slice takes, axis by axis, with ONNX's clamping."""
    shape = n.shape()
    starts, ends = n.ints(1), n.ints(2)
    axes = n.ints(3) if n.has(3) else tuple(range(len(starts)))
    steps = n.ints(4) if n.has(4) else (1,) * len(starts)
    taken = [range(d) for d in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        taken[axis % len(shape)] = range(shape[axis])[slice(start, end, step)]
    return taken


def slice_to(x: Var, ranges: Sequence[range]) -> Var:
    """Take `ranges` of each axis; a negative step reverses the axis after a positive slice."""
    backwards = [a for a, r in enumerate(ranges) if r.step < 0 and len(r) > 1]
    forward = [r if r.step > 0 else r[::-1] for r in ranges]
    shape = shape_of_var(x)
    if any(r != range(d) for r, d in zip(forward, shape, strict=True)):
        x = mb.slice_by_index(
            x=x,
            begin=[r[0] for r in forward],
            end=[r[-1] + 1 for r in forward],
            stride=[r.step if len(r) > 1 else 1 for r in forward],
        )
    elif not backwards:
        return mb.identity(x=x)
    return mb.reverse(x=x, axes=backwards) if backwards else x


@LOWERINGS.op("Slice", check=constant(1, 2, 3, 4, name="starts, ends, axes and steps"))
def lower_slice(n: Node) -> Var:
    return slice_to(n.x(), _slice_ranges(n))


@LOWERINGS.op("Expand")
def lower_expand(n: Node) -> Var:
    x = broadcast_to(n.x(), n.out_shape())
    return mb.identity(x=x) if x is n.x() else x


@LOWERINGS.op("Tile", check=constant(1, name="repeats"))
def lower_tile(n: Node) -> Var:
    reps = n.ints(1)
    return mb.tile(x=n.x(), reps=list(reps)) if set(reps) - {1} else mb.identity(x=n.x())


# Padding.


def _check_pad(node: ir.Node) -> str | None:
    refusal = constant(1, 2, 3, name="pads, value and axes")(node)
    mode = attr(node, "mode", "constant")
    if mode not in {"constant", "reflect", "edge", "wrap"}:
        return f"padding mode {mode!r}"
    return refusal


def _pad_pairs(n: Node) -> list[tuple[int, int]]:
    rank, pads = len(n.shape()), n.ints(1)
    axes = [a % rank for a in n.ints(3)] if n.has(3) else list(range(rank))
    pairs = [(0, 0)] * rank
    for k, axis in enumerate(axes):
        pairs[axis] = (pads[k], pads[k + len(axes)])
    return pairs


@LOWERINGS.op("Pad", check=_check_pad)
def lower_pad(n: Node) -> Var:
    """Negative pads crop first. Constants go through MIL's pad; the other modes are a gather of
    constant positions wherever MIL cannot (it reflects and replicates the last two axes only)."""
    x, pairs, mode = n.x(), _pad_pairs(n), n.attr("mode", "constant")
    crops = [range(max(0, -b), d - max(0, -e)) for (b, e), d in zip(pairs, n.shape(), strict=True)]
    if any(c != range(d) for c, d in zip(crops, n.shape(), strict=True)):
        x = slice_to(x, crops)
    pairs = [(max(0, b), max(0, e)) for b, e in pairs]
    if not any(p for pair in pairs for p in pair):
        return mb.identity(x=x) if x is n.x() else x
    if mode == "constant":
        value = n.const(2)
        fill = 0.0 if value is None else value.reshape(-1)[0]
        return _pad_constant(n, x, pairs, fill)
    spatial = all(pair == (0, 0) for pair in pairs[:-2])
    native = {"reflect": "reflect", "edge": "replicate"}.get(mode)
    fits = all(max(p) < d for p, d in zip(pairs, shape_of_var(x), strict=True))
    if native and spatial and len(pairs) > 2 and fits and n.kind() == "float":
        return mb.pad(x=x, pad=[p for pair in pairs for p in pair], mode=native)
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            size = shape_of_var(x)[axis]
            positions = _padded(np.arange(size), (before, after), mode)
            x = without_bool(partial(_gather_const, positions=positions, axis=axis), x)
    return x


def _padded(positions: np.ndarray, pair: tuple[int, int], mode: str) -> np.ndarray:
    if mode == "reflect":
        return np.pad(positions, pair, mode="reflect")
    return np.pad(positions, pair, mode="edge" if mode == "edge" else "wrap")


def _gather_const(x: Var, positions: np.ndarray, axis: int) -> Var:
    return mb.gather(x=x, indices=positions.astype(np.int32), axis=axis)


def _pad_constant(n: Node, x: Var, pairs: list[tuple[int, int]], fill: float) -> Var:
    """MIL pads floats only; integers and bools are joined with constant blocks, axis by axis."""
    if n.kind() == "float":
        flat = [p for pair in pairs for p in pair]
        return mb.pad(x=x, pad=flat, mode="constant", constant_val=n.num(fill))

    def joined(x: Var) -> Var:
        for axis, (before, after) in enumerate(pairs):
            parts = []
            for count in (before, after):
                shape = list(shape_of_var(x))
                shape[axis] = count
                parts.append(np.full(shape, fill, np.int32) if count else None)
            values = [p for p in (parts[0], x, parts[1]) if p is not None]
            x = mb.concat(values=values, axis=axis) if len(values) > 1 else x
        return x

    return without_bool(joined, x)


def _check_float(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    dtype = dtype_of(source)
    if kind_of_dtype(dtype) == "float":
        return None
    return f"{node.op_type} of {dtype}; Core ML moves floats only here, so cast to float32 before"


@LOWERINGS.op("DepthToSpace", check=_check_float)
def lower_depth_to_space(n: Node) -> Var:
    block = int(n.attr("blocksize", 1))
    if n.attr("mode", "DCR") == "CRD":
        if not n.build.is_nn or n.build.ios >= 14:
            return mb.pixel_shuffle(x=n.x(), upscale_factor=block)
        # iOS 13 knows DCR (block, then channel) alone: CRD is that of channels in another order.
        order = np.arange(n.shape()[1]).reshape(-1, block * block).T
        return mb.depth_to_space(x=_gather_const(n.x(), order.reshape(-1), 1), block_size=block)
    return mb.depth_to_space(x=n.x(), block_size=block)


@LOWERINGS.op("SpaceToDepth", check=_check_float)
def lower_space_to_depth(n: Node) -> Var:
    """MIL orders channels as DCR (block, then channel); CRD is a fixed permutation of that."""
    block, channels = int(n.attr("blocksize", 1)), n.shape()[1]
    out = mb.space_to_depth(x=n.x(), block_size=block)
    if n.attr("mode", "DCR") != "CRD":
        return out
    order = np.arange(block * block * channels).reshape(block * block, channels).T
    return _gather_const(out, order.reshape(-1), 1)


@LOWERINGS.op("Trilu", check=constant(1, name="k"))
def lower_trilu(n: Node) -> Var:
    shape = n.shape()
    k = n.ints(1)[0] if n.has(1) else 0
    ones = np.ones(shape[-2:], bool)
    keep = np.triu(ones, k) if n.attr("upper", 1) else np.tril(ones, k)
    keep = keep.reshape((1,) * (len(shape) - 2) + keep.shape)
    return select(mb.const(val=keep), n.x(), n.num(0, n.kind()), n.out_shape())


@LOWERINGS.op("ReverseSequence")
def lower_reverse_sequence(n: Node) -> Var:
    batch, time = int(n.attr("batch_axis", 1)), int(n.attr("time_axis", 0))
    return mb.reverse_sequence(x=n.x(), lengths=n.x(1), seq_axis=time, batch_axis=batch)


def _check_one_hot(node: ir.Node) -> str | None:
    return constant(1, 2, name="depth and values")(node)


@LOWERINGS.op("OneHot", check=_check_one_hot)
def lower_one_hot(n: Node) -> Var:
    """Equality with 0…depth−1 along a new axis; an index out of range gives a row of off values."""
    depth = n.ints(1)[0]
    values = n.const(2)
    assert values is not None
    off, on = (n.num(v, kind_of_dtype(dtype_of(n.value(2)))) for v in values.reshape(-1))
    shape = n.out_shape()
    axis = int(n.attr("axis", -1)) % len(shape)
    positions_shape = [1] * len(shape)
    positions_shape[axis] = depth
    positions = np.arange(depth).reshape(positions_shape)
    indices = n.x(0)
    kind = n.kind(0)
    wrapped = select(
        mb.less(x=indices, y=n.num(0, kind)),
        mb.add(x=indices, y=n.num(depth, kind)),
        indices,
        n.shape(0),
    )
    found = mb.equal(x=mb.expand_dims(x=wrapped, axes=[axis]), y=n.num(positions, kind))
    return select(found, np.full(shape, on), off, shape)
