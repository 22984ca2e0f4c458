"""Axes renamed, cut, joined and repeated. Most of these cost nothing at run time."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.broadcast import common_layout
from mobilecat.formats.tflite.lower.layout import (
    identity,
    physical_shape,
    reshaped,
    through_transpose,
)
from mobilecat.formats.tflite.lower.lowering import (
    GATHERABLE,
    MOVABLE,
    Build,
    Held,
    Node,
    axis_of,
    const_inputs,
    lowers,
)
from mobilecat.formats.tflite.program import MIRROR_REFLECT, Tensor
from mobilecat.graph import Array, attr, shape_of


@lowers("Transpose", natively=MOVABLE)
def lower_transpose(n: Node) -> None:
    held = n.held()
    axes = n.attr("perm", tuple(reversed(range(len(n.shape())))))
    n.put(held.tensor, through_transpose(held.perm, tuple(axes)))


@lowers("Reshape", "Flatten", "Squeeze", "Unsqueeze", natively=MOVABLE)
def lower_reshape(n: Node) -> None:
    """The output's shape is known, so what the node says about it need not be read."""
    held = reshape(n.build, n.held(), n.out_shape())
    n.put(held.tensor, held.perm)


def reshape(build: Build, held: Held, shape: tuple[int, ...]) -> Held:
    """Return `held` in another logical shape; its bytes move only if the layout demands it."""
    perm = reshaped(held.shape, held.perm, shape)
    if perm is None:
        tensor = build.laid_out(held, identity(len(held.perm)))
        return Held(build.reshape(tensor, shape), identity(len(shape)))
    return Held(build.reshape(held.tensor, physical_shape(shape, perm)), perm)


@lowers("Concat", natively=(MOVABLE & GATHERABLE) | {"uint32"})
def lower_concat(n: Node) -> None:
    rank = len(n.out_shape())
    values = [n.held(i) for i in range(len(n.node.inputs))]
    perm = common_layout(n.build, values, rank)
    axis = perm.index(axis_of(n, n.attr("axis", 0), rank))
    tensors = [n.build.laid_out(v, perm) for v in values]
    tensors = [t for t in tensors if t.size] or tensors[:1]
    n.put(concat(n.build, tensors, axis), perm)


def concat(build: Build, tensors: list[Tensor], axis: int) -> Tensor:
    if len(tensors) == 1:
        return tensors[0]
    shape = list(tensors[0].shape)
    shape[axis] = sum(t.shape[axis] for t in tensors)
    return build.op("CONCATENATION", tensors, shape, axis=axis)


def slices_of(n: Node) -> list[tuple[int, int, int]]:
    """Return (start, step, count) for each logical axis."""
    shape = n.shape()
    starts, ends = n.ints(1), n.ints(2)
    assert starts is not None and ends is not None
    axes = n.ints(3) or tuple(range(len(starts)))
    steps = n.ints(4) or (1,) * len(starts)
    result = [(0, 1, d) for d in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis_of(n, axis)
        picked = range(*slice(start, _open_end(end, step), step).indices(shape[axis]))
        result[axis] = (picked.start, step, len(picked))
    return result


def _open_end(end: int, step: int) -> int | None:
    """`end` as Python's slice reads it: a falling slice may run past the first element."""
    return None if step < 0 and end <= -(2**31) else end


@lowers("Slice", natively=MOVABLE, check=const_inputs(1, 2, 3, 4))
def lower_slice(n: Node) -> None:
    held = n.held()
    picks = [slices_of(n)[axis] for axis in held.perm]
    n.put(slice_of(n.build, held.tensor, picks), held.perm)


def slice_of(build: Build, x: Tensor, picks: list[tuple[int, int, int]]) -> Tensor:
    """Return the elements that (start, step, count) pick on each physical axis."""
    shape = [count for _, _, count in picks]
    starts = np.array([start for start, _, _ in picks], np.int32)
    if tuple(shape) == x.shape and all(step == 1 for _, step, _ in picks):
        return x
    if all(step == 1 or count == 1 for _, step, count in picks):
        return build.op("SLICE", [x, starts, np.array(shape, np.int32)], shape)
    ends = [start + step * count for start, step, count in picks]
    # A falling slice that includes the first element ends below 0, which only the mask can say.
    mask = sum(1 << i for i, end in enumerate(ends) if end < 0)
    operands = [
        x,
        starts,
        np.array([max(end, 0) for end in ends], np.int32),
        np.array([step for _, step, _ in picks], np.int32),
    ]
    return build.op("STRIDED_SLICE", operands, shape, endMask=mask)


@lowers("Split", natively=MOVABLE, check=const_inputs(1))
def lower_split(n: Node) -> None:
    held = n.held()
    axis = axis_of(n, n.attr("axis", 0))
    where = held.perm.index(axis)
    sizes = [shape_of(out)[axis] for out in n.node.outputs]
    shapes = [[s if i == where else d for i, d in enumerate(held.tensor.shape)] for s in sizes]
    kind = held.tensor.dtype.name
    at = np.array(where, np.int32)
    if len(sizes) == 1:
        parts = [held.tensor]
    elif kind not in ("float32", "int64", "int32", "uint8", "int8", "int16"):
        parts, start = [], 0
        for shape, size in zip(shapes, sizes, strict=True):
            picks = [(start if i == where else 0, 1, d) for i, d in enumerate(shape)]
            parts.append(slice_of(n.build, held.tensor, picks))
            start += size
    elif len(set(sizes)) == 1:
        parts = n.build.ops(
            "SPLIT", [at, held.tensor], shapes, held.tensor.dtype, numSplits=len(sizes)
        )
    else:
        operands = [held.tensor, np.array(sizes, np.int32), at]
        parts = n.build.ops("SPLIT_V", operands, shapes, numSplits=len(sizes))
    for i, part in enumerate(parts):
        n.put(part, held.perm, i)


@lowers("Expand", natively=MOVABLE)
def lower_expand(n: Node) -> None:
    shape = n.out_shape()
    held = n.held()
    missing = len(shape) - len(held.perm)
    held = reshape(n.build, held, (1,) * missing + held.shape)
    n.put(broadcast_to(n.build, held.tensor, physical_shape(shape, held.perm)), held.perm)


def broadcast_to(build: Build, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x.shape == shape:
        return x
    return build.op("BROADCAST_TO", [x, np.array(shape, np.int32)], shape)


@lowers("Tile", natively=MOVABLE, check=const_inputs(1))
def lower_tile(n: Node) -> None:
    held = n.held()
    counts = n.ints(1)
    assert counts is not None
    repeats = [counts[axis] for axis in held.perm]
    if all(r == 1 for r in repeats):
        n.put(held.tensor, held.perm)
        return
    shape = [d * r for d, r in zip(held.tensor.shape, repeats, strict=True)]
    n.put(n.build.op("TILE", [held.tensor, np.array(repeats, np.int32)], shape), held.perm)


def _pad_problem(node: ir.Node) -> str | None:
    problem = const_inputs(1, 2, 3)(node)
    rank = len(shape_of(node.inputs[0]))  # type: ignore[arg-type]
    if problem is None and rank > 5 and attr(node, "mode", "constant") == "constant":
        return f"{rank} dimensions, PAD goes to 5"
    return problem


@lowers("Pad", natively=GATHERABLE, check=_pad_problem)
def lower_pad(n: Node) -> None:
    """Constant → PAD (PADV2), reflect → MIRROR_PAD; edge and wrap pick their source row by row.

    Negative amounts crop first: what is repeated or mirrored is what was left.
    """
    held = n.held()
    shape = n.shape()
    amounts = n.ints(1)
    assert amounts is not None
    axes = n.ints(3) or tuple(range(len(shape)))
    pads = [(0, 0)] * len(shape)
    for k, axis in enumerate(axes):
        pads[axis_of(n, axis)] = (amounts[k], amounts[k + len(axes)])
    mode = n.attr("mode", "constant")
    x, physical = held.tensor, [pads[axis] for axis in held.perm]
    if mode == "constant":
        value = n.const(2)
        fill = value.reshape(()) if value is not None and value.any() else None
        n.put(pad(n.build, x, physical, fill), held.perm)
        return
    x = cropped(n.build, x, physical)
    physical = [(max(a, 0), max(b, 0)) for a, b in physical]
    mirror = mode == "reflect" and all(
        a < d and b < d for (a, b), d in zip(physical, x.shape, strict=True)
    )
    if mirror:
        y = n.build.op(
            "MIRROR_PAD",
            [x, np.array(physical, np.int32)],
            [a + d + b for (a, b), d in zip(physical, x.shape, strict=True)],
            mode=MIRROR_REFLECT,
        )
        n.put(y, held.perm)
        return
    for axis, (before, after) in enumerate(physical):
        if before or after:
            rows = _PICKS[mode](np.arange(-before, x.shape[axis] + after), x.shape[axis])
            x = gather_rows(n.build, x, rows, axis)
    n.put(x, held.perm)


def _reflected(rows: Array, size: int) -> Array:
    period = max(2 * (size - 1), 1)
    folded = rows % period
    return np.minimum(folded, period - folded) if size > 1 else np.zeros_like(rows)


_PICKS = {
    "edge": lambda rows, size: np.clip(rows, 0, size - 1),
    "wrap": lambda rows, size: rows % size,
    "reflect": _reflected,
}


def pad(
    build: Build,
    x: Tensor,
    pads: list[tuple[int, int]],
    fill: Array | None = None,
) -> Tensor:
    """Return `x` with (before, after) constants on each physical axis; negative amounts crop."""
    x = cropped(build, x, pads)
    pads = [(max(a, 0), max(b, 0)) for a, b in pads]
    if not any(a or b for a, b in pads):
        return x
    shape = [a + d + b for (a, b), d in zip(pads, x.shape, strict=True)]
    table = np.array(pads, np.int32)
    if fill is None:
        return build.op("PAD", [x, table], shape)
    return build.op("PADV2", [x, table, np.asarray(fill, x.dtype)], shape)


def cropped(build: Build, x: Tensor, pads: list[tuple[int, int]]) -> Tensor:
    """Return `x` without what negative amounts of `pads` take away."""
    if all(a >= 0 and b >= 0 for a, b in pads):
        return x
    picks = [
        (max(-a, 0), 1, d - max(-a, 0) - max(-b, 0))
        for (a, b), d in zip(pads, x.shape, strict=True)
    ]
    return slice_of(build, x, picks)


def gather_rows(build: Build, x: Tensor, rows: Array, axis: int) -> Tensor:
    """Return constant `rows` of a physical axis; rows in a run are one SLICE."""
    shape = [len(rows) if i == axis else d for i, d in enumerate(x.shape)]
    if np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        picks = [(int(rows[0]) if i == axis else 0, 1, d) for i, d in enumerate(shape)]
        return slice_of(build, x, picks)
    return build.op("GATHER", [x, rows.astype(np.int32)], shape, axis=axis)


@lowers("DepthToSpace", natively=MOVABLE)
def lower_depth_to_space(n: Node) -> None:
    """DCR in NHWC is DEPTH_TO_SPACE itself; CRD is a reshape and a transposition."""
    batch, depth, rows, cols = n.shape()
    block = n.attr("blocksize", 1)
    held = n.held()
    inner = depth // block**2
    if n.attr("mode", "DCR") == "DCR":
        split = reshape(n.build, held, (batch, block, block, inner, rows, cols))
        axes = (0, 3, 4, 1, 5, 2)
    else:
        split = reshape(n.build, held, (batch, inner, block, block, rows, cols))
        axes = (0, 1, 4, 2, 5, 3)
    moved = Held(split.tensor, through_transpose(split.perm, axes))
    n.put(*_blocks_merged(n, moved, (0, 2, 3, 4, 5, 1)))


@lowers("SpaceToDepth", natively=MOVABLE)
def lower_space_to_depth(n: Node) -> None:
    batch, depth, rows, cols = n.shape()
    block = n.attr("blocksize", 1)
    split = reshape(n.build, n.held(), (batch, depth, rows // block, block, cols // block, block))
    axes = (0, 3, 5, 1, 2, 4) if n.attr("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    moved = Held(split.tensor, through_transpose(split.perm, axes))
    n.put(*_blocks_merged(n, moved, (0, 4, 5, 1, 2, 3)))


def _blocks_merged(
    n: Node, moved: Held, channels_last: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """Return the output of a block rearrangement, kept channels-last so that convolutions go on."""
    tensor = n.build.laid_out(moved, channels_last)
    merged = reshape(n.build, Held(tensor, channels_last), n.out_shape())
    return merged.tensor, merged.perm


@lowers("Shape", "Size", natively=MOVABLE)
def lower_shape(n: Node) -> None:
    shape = np.array(n.shape(), np.int64)
    if n.node.op_type == "Size":
        array = np.array(shape.prod(), np.int64)
    else:
        end = n.node.attributes.get("end")
        array = shape[n.attr("start", 0) : end.as_int() if end else None]
    n.put(n.build.tensor(array, np.int64))


@lowers("Trilu", natively=MOVABLE, check=const_inputs(1))
def lower_trilu(n: Node) -> None:
    held = n.held()
    shape = n.shape()
    k = (n.ints(1) or (0,))[0]
    mask = np.ones(shape[-2:], np.bool_)
    mask = np.triu(mask, k) if n.attr("upper", 1) else np.tril(mask, k)
    full = mask.reshape((1,) * (len(shape) - 2) + mask.shape).transpose(held.perm)
    x = held.tensor
    zero = np.zeros((), x.dtype)
    n.put(n.build.op("SELECT_V2", [full, x, zero], x.shape, x.dtype), held.perm)
