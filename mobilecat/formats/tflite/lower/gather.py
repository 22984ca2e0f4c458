"""Values picked and placed by index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.layout import Perm
from mobilecat.formats.tflite.lower.lowering import (
    GATHERABLE,
    NUMBERS,
    Build,
    Node,
    axis_of,
    lowers,
)
from mobilecat.formats.tflite.lower.shape import concat, gather_rows
from mobilecat.formats.tflite.program import Tensor
from mobilecat.graph import Array, attr

# Inputs 1 of these are indices: any integer type, brought to int32 from 0 on.
_GATHERED = GATHERABLE


def _indices(n: Node, i: int, sizes: int | Sequence[int]) -> Tensor | Array:
    """Return input `i` in logical order, counted from the front, as int32.

    `sizes` is what negative indices count from: one number, or one for each place on the last axis.
    """
    array = n.const(i)
    limit = np.asarray(sizes, np.int32)
    if array is not None:
        return np.where(array < 0, array + limit, array).astype(np.int32)
    x = n.build.cast(n.logical(i), np.int32)
    # An index out of range is an error in ONNX; here it wraps around.
    return n.build.ew("FLOOR_MOD", x, limit)


def _gathered_perm(perm: Perm, axis: int, count: int) -> Perm:
    """Return the layout after the logical `axis` gave way to `count` axes of the indices."""
    result: list[int] = []
    for a in perm:
        if a == axis:
            result += range(axis, axis + count)
        else:
            result.append(a if a < axis else a + count - 1)
    return tuple(result)


@lowers("Gather", natively=_GATHERED)
def lower_gather(n: Node) -> None:
    held = n.held()
    axis = axis_of(n, n.attr("axis", 0))
    where = held.perm.index(axis)
    indices = _indices(n, 1, n.shape()[axis])
    perm = _gathered_perm(
        held.perm, axis, indices.ndim if isinstance(indices, np.ndarray) else indices.rank
    )
    shape = [n.out_shape()[a] for a in perm]
    if isinstance(indices, np.ndarray):
        y = n.build.reshape(gather_rows(n.build, held.tensor, indices.reshape(-1), where), shape)
    else:
        y = n.build.op("GATHER", [held.tensor, indices], shape, axis=where)
    n.put(y, perm)


def _leading_grid(shape: Sequence[int]) -> Array:
    """Return the int32 coordinates of every place of `shape`, [..., len(shape)]."""
    grid = np.indices(tuple(shape), dtype=np.int32)
    return np.moveaxis(grid, 0, -1)


def _joined(build: Build, parts: list[Tensor | Array], shape: Sequence[int]) -> Tensor:
    """Return [..., k] coordinates from parts [..., k_i], each broadcast to `shape` in front."""
    tensors = []
    for part in parts:
        if isinstance(part, np.ndarray):
            part = build.tensor(np.broadcast_to(part, (*shape, part.shape[-1])).copy(), np.int32)
        tensors.append(part)
    return concat(build, tensors, len(shape))


@lowers("GatherND", natively=_GATHERED)
def lower_gather_nd(n: Node) -> None:
    """Batch axes become ordinary coordinates."""
    build, batch = n.build, n.attr("batch_dims", 0)
    shape, index_shape = n.shape(), n.shape(1)
    limits = shape[batch : batch + index_shape[-1]]
    indices = _indices(n, 1, limits)
    if batch:
        front = index_shape[:-1]
        grid = _leading_grid(front)[..., :batch]
        indices = _joined(build, [grid, indices], front)
    y = build.op("GATHER_ND", [n.logical(), indices], n.out_shape())
    n.put(y)


def _element_coordinates(n: Node, axis: int) -> Tensor:
    """Return full coordinates [..., rank] for the elements that input 1 picks along `axis`."""
    shape, picked = n.shape(), n.shape(1)
    indices = _indices(n, 1, shape[axis])
    grid = _leading_grid(picked)
    if isinstance(indices, np.ndarray):
        grid[..., axis] = indices
        return n.build.tensor(grid, np.int32)
    own = n.build.reshape(indices, (*picked, 1))
    parts: list[Tensor | Array] = [grid[..., :axis], own, grid[..., axis + 1 :]]
    return _joined(n.build, [p for p in parts if p.shape[-1]], picked)


@lowers("GatherElements", natively=_GATHERED)
def lower_gather_elements(n: Node) -> None:
    coordinates = _element_coordinates(n, axis_of(n, n.attr("axis", 0)))
    n.put(n.build.op("GATHER_ND", [n.logical(), coordinates], n.out_shape()))


def _scatter_problem(node: ir.Node) -> str | None:
    kind = attr(node, "reduction", "none")
    return None if kind in ("none", "add") else f"reduction {kind!r}, 'none' and 'add' have a form"


def _scattered(n: Node, coordinates: Tensor | Array) -> None:
    """SCATTER_ND adds into zeros; where it wrote, the update takes the data's place."""
    build, shape = n.build, n.out_shape()
    data, updates = n.logical(0), n.logical(2)
    target = np.array(shape, np.int32)
    index = build.tensor(coordinates, np.int32)
    sums = build.op("SCATTER_ND", [index, updates, target], shape, data.dtype)
    if n.attr("reduction", "none") == "add":
        n.put(build.ew("ADD", data, sums))
        return
    ones = np.ones(updates.shape, np.int32)
    hits = build.op("SCATTER_ND", [index, build.tensor(ones, np.int32), target], shape, np.int32)
    written = build.ew("GREATER", hits, 0, dtype=np.bool_)
    n.put(build.op("SELECT_V2", [written, sums, data], shape, data.dtype))


@lowers("ScatterND", natively=NUMBERS, check=_scatter_problem)
def lower_scatter_nd(n: Node) -> None:
    depth = n.shape(1)[-1]
    _scattered(n, _indices(n, 1, n.shape()[:depth]))


@lowers("ScatterElements", natively=NUMBERS, check=_scatter_problem)
def lower_scatter_elements(n: Node) -> None:
    _scattered(n, _element_coordinates(n, axis_of(n, n.attr("axis", 0))))


@lowers("ReverseSequence", natively=NUMBERS | {"uint8", "int16"})
def lower_reverse_sequence(n: Node) -> None:
    held = n.held()
    batch, time = (held.perm.index(n.attr(f"{name}_axis", i)) for name, i in _SEQUENCE_AXES)
    y = n.build.op(
        "REVERSE_SEQUENCE",
        [held.tensor, n.build.cast(n.logical(1), np.int32)],
        held.tensor.shape,
        batchDim=batch,
        seqDim=time,
    )
    n.put(y, held.perm)


_SEQUENCE_AXES = (("batch", 1), ("time", 0))
