"""Gather and scatter. Indices are clamped into range: out of it, Apple's engine stops the run."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Var, attribute, shape_of_var
from mobilecat.formats.coreai.lower.node import ANY, Node, lowers
from mobilecat.graph import Array, attr, const_of, op_of, opt_input

_COUNTS_FROM_0 = {"ArgMax", "ArgMin", "TopK", "mobilecat::NMS"}
_MOVES = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"}


def in_range(n: Node, i: int, sizes: int | Array) -> Var | Array:
    """Return index input `i` as si32 with every entry in −size … size − 1; negative ones count from
    the end, for the dialect as for ONNX."""
    found = n.const(i)
    sizes = np.asarray(sizes, np.int32)
    if found is not None:
        return np.clip(found, -sizes, sizes - 1).astype(np.int32)
    indices = n.x(i, np.int32)
    if _always_in_range(n.value(i)):
        return indices
    return n.build.maximum(n.build.minimum(indices, sizes - 1), -sizes)


def _always_in_range(indices: ir.Value) -> bool:
    node = indices.producer()
    while node is not None and op_of(node) in _MOVES and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return node is not None and op_of(node) in _COUNTS_FROM_0


@lowers("Gather", types=ANY)
def lower_gather(n: Node) -> Var:
    """A constant run of indices is a slice; anything else a gather."""
    axis, found, size = n.axis(), n.const(1), n.shape()[n.axis()]
    run = None if found is None or not found.size else _as_range(found, size)
    if run is not None:
        return n.build.reshape(n.build.take(n.x(), axis, run), n.out_shape())
    return n.build.gather(n.x(), in_range(n, 1, size), axis)


def _as_range(indices: Array, size: int) -> range | None:
    flat = [int(i) + (size if i < 0 else 0) for i in indices.reshape(-1)]
    step = flat[1] - flat[0] if len(flat) > 1 else 1
    if step == 0:
        return None
    run = range(flat[0], flat[-1] + (1 if step > 0 else -1), step)
    return run if list(run) == flat else None


@lowers("GatherElements", types=ANY)
def lower_gather_elements(n: Node) -> Var:
    """The dialect wants the indices as large as the data off the axis; ONNX takes smaller ones."""
    axis, shape = n.axis(), n.shape()
    ranges = [
        range(d if a == axis else t) for a, (d, t) in enumerate(zip(shape, n.shape(1), strict=True))
    ]
    x = n.build.slice(n.x(), ranges)
    return n.build.op("gather_along_axis", x, in_range(n, 1, shape[axis]), np.int32(axis))


@lowers("GatherND", types=ANY)
def lower_gather_nd(n: Node) -> Var:
    """batch_dims ride along as explicit indices."""
    b, batch, shape = n.build, n.attr("batch_dims", 0), n.shape(1)
    indices = in_range(n, 1, np.array(n.shape()[batch : batch + shape[-1]]))
    if batch:
        grid = np.indices(shape[:batch], np.int32)
        lead = np.moveaxis(grid, 0, -1).reshape(
            (*shape[:batch], *(1,) * (len(shape) - 1 - batch), batch)
        )
        lead = np.broadcast_to(lead, (*shape[:-1], batch))
        indices = b.concat([lead, b.var(indices)], len(shape) - 1)
    return b.op("gather_nd", n.x(), indices)


_MODES = {"none": "update", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _check_scatter(node: ir.Node) -> str | None:
    mode = attr(node, "reduction", "none")
    if mode not in _MODES:
        return f"reduction {mode!r}"
    if mode != "none" and const_of(opt_input(node, 0)) is None:
        source = node.inputs[0]
        if source is not None and source.dtype == ir.DataType.BOOL:
            return "a reduction of bool values"
    return None


def _scatter(n: Node, x: Var, indices: Var | Array, updates: Var, axis: int) -> Var:
    mode = _MODES[n.attr("reduction", "none")]
    return n.build.op(
        "scatter_along_axis",
        x.type,
        x,
        indices,
        updates,
        np.int32(axis),
        scatter_mode=None if mode == "update" else attribute(f"#coreai.scatter_mode<{mode}>"),
    )


@lowers("ScatterElements", types=ANY, check=_check_scatter)
def lower_scatter_elements(n: Node) -> Var:
    """Where the indices are smaller than the data off the axis, the places are counted through the
    whole of it, as if it were one row."""
    b, axis, shape, given = n.build, n.axis(), n.shape(), n.shape(1)
    indices = in_range(n, 1, shape[axis])
    if all(a == axis or d == g for a, (d, g) in enumerate(zip(shape, given, strict=True))):
        return _scatter(n, n.x(), indices, n.x(2), axis)
    positive = _from_front(n, indices, np.array(shape[axis], np.int32))
    strides = _strides(shape)
    places = np.indices(given, np.int32)
    off_axis = sum(places[a] * strides[a] for a in range(len(shape)) if a != axis)
    flat = b.add(b.mul(positive, strides[axis]), np.asarray(off_axis, np.int32))
    out = _scatter(n, b.flat(n.x()), b.flat(flat), b.flat(n.x(2)), 0)
    return b.reshape(out, shape)


@lowers("ScatterND", types=ANY, check=_check_scatter)
def lower_scatter_nd(n: Node) -> Var:
    """Each index tuple becomes the number of a row of what the tuple leaves over."""
    b, shape, depth = n.build, n.shape(), n.shape(1)[-1]
    outer, inner = shape[:depth], int(np.prod(shape[depth:]))
    indices = _from_front(n, in_range(n, 1, np.array(outer)), np.array(outer, np.int32))
    last = len(n.shape(1)) - 1
    numbers = b.flat(b.reduce("sum", b.mul(indices, _strides(outer)), [last], keep=False))
    count = shape_of_var(numbers)[0]
    x = b.reshape(n.x(), (int(np.prod(outer)), inner))
    places = b.broadcast_to(b.reshape(numbers, (count, 1)), (count, inner))
    return b.reshape(_scatter(n, x, places, b.reshape(n.x(2), (count, inner)), 0), shape)


def _from_front(n: Node, indices: Var | Array, sizes: Array) -> Var:
    b = n.build
    if isinstance(indices, np.ndarray):
        return b.const(np.where(indices < 0, indices + sizes, indices).astype(np.int32))
    return b.where(b.less(indices, np.int32(0)), b.add(indices, sizes), indices)


def _strides(shape: tuple[int, ...]) -> Array:
    """Return how many elements one step along each axis is."""
    return np.array([int(np.prod(shape[a + 1 :])) for a in range(len(shape))], np.int32)
