"""Adaptive average pooling, which torch writes as gathers and sums of single pixels, as means.

torch.onnx of a pooling whose windows differ in size (31 rows to 4): a GatherND of rank 6, masks,
and an addition for each place of the largest window, some 170 nodes for 9×9.
https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.graph import attr
from mobilecat.graph.base import Array, const_of
from mobilecat.graph.passes.writer import Writer

_AS_PIXELS = (2, 3, 0, 1)
"""Rows and columns first: what the gather takes its places of."""
_LINEAR = {"Transpose", "GatherND", "Gather", "Where", "Add", "Div"}
_TOLERANCE = 1e-9
"""Of float64: rounding of some hundred additions is below 1e-13, one pixel more far above."""


def average_windows(model: ir.Model) -> bool:
    """Replace gathers and sums that are the means of adaptive pooling's windows.

    A window reaches from ⌊i·size/out⌋ to ⌈(i+1)·size/out⌉, along each axis. Whether the nodes give
    these means is found by computing both on random numbers in float64: nodes that are linear in x
    and agree there are the same.

    Given:   x[1,C,5,1] → Transpose, GatherND, Where, Gather, Add, …, Div → y[1,C,2,1]
    Result:  Concat(ReduceMean(x[:, :, 0:3]), ReduceMean(x[:, :, 2:5])) → y
    """
    for node in tuple(model.graph):
        found = _pooling(node)
        if found is not None:
            x, last = found
            _write(model, x, last)
            return True  # what else there is comes with the next round
    return False


def _pooling(gather: ir.Node) -> tuple[ir.Value, ir.Node] | None:
    """Return x and the last node of a pooling whose pixels `gather` takes."""
    if gather.domain or gather.op_type != "GatherND" or attr(gather, "batch_dims", 0):
        return None
    turned = gather.inputs[0].producer() if gather.inputs[0] is not None else None
    places = const_of(gather.inputs[1])
    if turned is None or places is None or places.ndim != 5 or places.shape[-1] != 2:
        return None
    if turned.op_type != "Transpose" or tuple(attr(turned, "perm", ())) != _AS_PIXELS:
        return None
    x = turned.inputs[0]
    if x is None or x.shape is None or not x.shape.is_static() or len(x.shape) != 4:
        return None
    out = (places.shape[0], places.shape[2])
    if tuple(x.shape.numpy()[2:]) == out:
        return None
    nodes = _linear_from(gather)
    for last in nodes:
        if last.op_type == "Div" and _is_all(nodes, last) and _are_means(x, nodes, last, out):
            return x, last
    return None


def _linear_from(gather: ir.Node) -> list[ir.Node]:
    """Return the nodes that follow from `gather` and constants alone, in the graph's order."""
    held = {gather.outputs[0]}
    found = [gather]
    waiting = [user for user, _ in gather.outputs[0].uses()]
    while waiting:
        node = waiting.pop(0)
        if node in found or node.domain or node.op_type not in _LINEAR:
            continue
        if any(v not in held and const_of(v) is None for v in node.inputs):
            continue  # comes again, behind its other input
        found.append(node)
        held.add(node.outputs[0])
        waiting += [user for user, _ in node.outputs[0].uses()]
    return found


def _is_all(nodes: Sequence[ir.Node], last: ir.Node) -> bool:
    """Whether nothing else reads what lies between the gather and `last`."""
    before = nodes[: nodes.index(last)]
    inside = {*before, last}
    for node in before:
        value = node.outputs[0]
        if value.is_graph_output() or any(user not in inside for user, _ in value.uses()):
            return False
    return True


def _are_means(x: ir.Value, nodes: Sequence[ir.Node], last: ir.Node, out: tuple[int, int]) -> bool:
    assert x.shape is not None
    batch, channels, *size = (int(d) for d in x.shape.numpy())
    shape = last.outputs[0].shape
    if shape is None or tuple(shape.numpy()) != (batch, channels, *out):
        return False
    given = np.random.default_rng(0).normal(size=(1, 1, *size))
    values: dict[ir.Value, Array] = {}
    try:
        for node in nodes[: nodes.index(last) + 1]:
            values[node.outputs[0]] = _computed(node, values, given)
    except (IndexError, ValueError):
        return False
    means = given
    for axis, many in zip((2, 3), out, strict=True):
        parts = [
            means.take(range(*window), axis).mean(axis, keepdims=True)
            for window in _windows(size[axis - 2], many)
        ]
        means = np.concatenate(parts, axis)
    found = values[last.outputs[0]]
    return found.shape == means.shape and bool(np.abs(found - means).max() < _TOLERANCE)


def _computed(node: ir.Node, values: Mapping[ir.Value, Array], given: Array) -> Array:
    """Return what one node gives, in float64; given: x, whose pixels the first gather takes."""
    read: list[Array] = []
    for value in node.inputs:
        if value is not None and value in values:
            read.append(values[value])
        elif (held := const_of(value)) is not None:
            read.append(held)
        else:
            read.append(given.transpose(_AS_PIXELS))
    match node.op_type:
        case "Transpose":
            return read[0].transpose(attr(node, "perm", ()) or None)
        case "GatherND":
            return np.asarray(read[0][tuple(np.moveaxis(read[1], -1, 0))])
        case "Gather":
            return np.take(read[0], read[1], attr(node, "axis", 0))
        case "Where":
            return np.where(read[0], read[1], read[2])
        case "Add":
            return np.asarray(read[0] + read[1])
        case _:
            return np.asarray(read[0] / read[1])


def _windows(size: int, many: int) -> list[tuple[int, int]]:
    return [(i * size // many, -(-(i + 1) * size // many)) for i in range(many)]


def _write(model: ir.Model, x: ir.Value, last: ir.Node) -> None:
    assert x.shape is not None and last.outputs[0].shape is not None
    write = Writer(model, last, "means")
    size, out = x.shape.numpy()[2:], last.outputs[0].shape.numpy()[2:]
    for axis, whole, many in zip((2, 3), size, out, strict=True):
        if whole == many:
            continue
        parts = [
            write.op("ReduceMean", write.piece(x, axis, *window), np.array([axis]), keepdims=1)
            for window in _windows(int(whole), int(many))
        ]
        x = parts[0] if many == 1 else write.op("Concat", *parts, axis=axis)
    write.replace(0, x)
    write.done()
