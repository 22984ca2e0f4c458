"""Gather and scatter."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.elementwise import select
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, cast, dtype_name, mb
from mobilecat.formats.coreml.lower.shape import slice_to, without_bool
from mobilecat.graph import attr, op_of

_COUNTS_FROM_0 = {"ArgMax", "ArgMin", "TopK", "mobilecat::NMS"}
_MOVES = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"}


def from_front(n: Node, i: int, size: int) -> Var:
    """Return index input `i` with negative entries counted from the front.

    MIL's gathers of iOS 15 and 17 differ on negative indices, so they see none.
    """
    found = n.const(i)
    if found is not None:
        return mb.const(val=np.where(found < 0, found + size, found).astype(np.int32))
    indices = n.x(i)
    if _never_negative(n.value(i)):
        return indices
    below = mb.less(x=indices, y=np.int32(0))
    return select(below, mb.add(x=indices, y=np.int32(size)), indices, n.shape(i))


def _never_negative(indices: ir.Value) -> bool:
    node = indices.producer()
    while node is not None and op_of(node) in _MOVES and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return node is not None and op_of(node) in _COUNTS_FROM_0


@LOWERINGS.op("Gather")
def lower_gather(n: Node) -> Var:
    """A constant run of indices is a slice; anything else MIL's gather."""
    axis, found, shape = n.axis(), n.const(1), n.shape()
    if found is not None and found.size and (run := _as_range(found, shape[axis])) is not None:
        part = slice_to(n.x(), [range(d) if a != axis else run for a, d in enumerate(shape)])
        if found.ndim == 0:
            return mb.squeeze(x=part, axes=[axis])
        return part if found.ndim == 1 else mb.reshape(x=part, shape=list(n.out_shape()))
    indices = from_front(n, 1, shape[axis])
    if not n.shape(1):  # NeuralNetwork blobs have no rank 0
        indices = mb.expand_dims(x=indices, axes=[0])
        out = without_bool(lambda x: mb.gather(x=x, indices=indices, axis=axis), n.x())
        return mb.squeeze(x=out, axes=[axis])
    return without_bool(lambda x: mb.gather(x=x, indices=indices, axis=axis), n.x())


def _as_range(indices: np.ndarray, size: int) -> range | None:
    flat = [int(i) + (size if i < 0 else 0) for i in indices.reshape(-1)]
    step = flat[1] - flat[0] if len(flat) > 1 else 1
    if step == 0:
        return None
    run = range(flat[0], flat[-1] + (1 if step > 0 else -1), step)
    return run if list(run) == flat else None


@LOWERINGS.op("GatherElements")
def lower_gather_elements(n: Node) -> Var:
    """MIL wants the indices as large as the data off the axis; ONNX lets them be smaller."""
    axis, shape, taken = n.axis(), n.shape(), n.shape(1)
    indices = from_front(n, 1, shape[axis])
    ranges = [
        range(d if a == axis else t) for a, (d, t) in enumerate(zip(shape, taken, strict=True))
    ]

    def gather(x: Var) -> Var:
        return mb.gather_along_axis(x=slice_to(x, ranges), indices=indices, axis=axis)

    return without_bool(gather, n.x())


def _nd_indices(n: Node, batch: int = 0) -> Var:
    """Return index tuples (last axis) with each component counted from the front."""
    depth = n.shape(1)[-1]
    sizes = np.asarray(n.shape(0)[batch : batch + depth], np.int32)
    found = n.const(1)
    if found is not None:
        return mb.const(val=np.where(found < 0, found + sizes, found).astype(np.int32))
    indices = n.x(1)
    sizes = sizes.reshape((1,) * (len(n.shape(1)) - 1) + (depth,))
    below = mb.less(x=indices, y=np.int32(0))
    return select(below, mb.add(x=indices, y=sizes), indices, n.shape(1))


@LOWERINGS.op("GatherND")
def lower_gather_nd(n: Node) -> Var:
    """batch_dims ride along as explicit indices: MIL takes them from iOS 16 on only."""
    batch = int(n.attr("batch_dims", 0))
    indices = _nd_indices(n, batch)
    if batch:
        shape = n.shape(1)
        grids = np.meshgrid(*(np.arange(d) for d in shape[:batch]), indexing="ij")
        lead = np.stack(grids, axis=-1).reshape(
            (*shape[:batch], *(1,) * (len(shape) - 1 - batch), batch)
        )
        lead = np.broadcast_to(lead, (*shape[:-1], batch)).astype(np.int32)
        indices = mb.concat(values=[mb.const(val=np.ascontiguousarray(lead)), indices], axis=-1)
    return without_bool(lambda x: mb.gather_nd(x=x, indices=indices), n.x())


_MODES = {"none": "update", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _scatter(op: str, data: Var, **arguments: Var) -> Var:
    updates = arguments.pop("updates")
    if dtype_name(data) == "bool":
        data, updates = cast(data, "int32"), cast(updates, "int32")
        return cast(getattr(mb, op)(data=data, updates=updates, **arguments), "bool")
    return getattr(mb, op)(data=data, updates=updates, **arguments)


def _check_scatter(node: ir.Node) -> str | None:
    mode = attr(node, "reduction", "none")
    return None if mode in _MODES else f"reduction {mode!r}"


@LOWERINGS.op("ScatterElements", check=_check_scatter)
def lower_scatter_elements(n: Node) -> Var:
    """MIL wants the indices as large as the data off the axis; where they are not, ScatterND does
    it, with the other coordinates spelled out."""
    axis, shape, given = n.axis(), n.shape(), n.shape(1)
    indices = from_front(n, 1, shape[axis])
    mode = _MODES[n.attr("reduction", "none")]
    if all(a == axis or d == g for a, (d, g) in enumerate(zip(shape, given, strict=True))):
        return _scatter(
            "scatter_along_axis", n.x(0), indices=indices, axis=axis, mode=mode, updates=n.x(2)
        )
    places: list[Var] = list(np.indices(given, dtype=np.int32))
    places[axis] = indices
    full = mb.stack(values=places, axis=len(given))
    return _scatter("scatter_nd", n.x(0), indices=full, mode=mode, updates=n.x(2))


@LOWERINGS.op("ScatterND", check=_check_scatter)
def lower_scatter_nd(n: Node) -> Var:
    mode = _MODES[n.attr("reduction", "none")]
    return _scatter("scatter_nd", n.x(0), indices=_nd_indices(n), updates=n.x(2), mode=mode)
