"""The layers of a graph that have weights, and what follows each of them before the next."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, op_of, shape_of

_SMALLEST = 16
"""Weights: what has fewer is stored as it is, in every format."""


@dataclass(frozen=True, eq=False)
class Layer:
    """nodes: by name, those that read the weights; a few share them. name: of the weights.

    axes: of `values`, the one of its outputs and the one of its inputs. work: products in one run.
    inputs, outputs: the names of what they read and give.
    followers: the nodes behind it up to the next layer, by the name of what they give.
    """

    name: str
    nodes: tuple[str, ...]
    values: Array
    axes: tuple[int, int]
    work: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    followers: Mapping[str, str]

    def block(self, rounded: Collection[str]) -> tuple[str, ...]:
        """Return its nodes, and the followers that give one of the values `rounded`."""
        more = [node for value, node in self.followers.items() if value in rounded]
        return tuple(dict.fromkeys((*self.nodes, *more)))


def layers_of(model: ir.Model, exact: Collection[str]) -> tuple[Layer, ...]:
    """Return the layers in the graph's order. exact: nodes that compute pixels, never rounded."""
    found: dict[str, list[ir.Node]] = {}
    owner: dict[ir.Node, str] = {}
    place: dict[str, int] = {}
    followers: dict[str, dict[str, str]] = {}
    for node in model.graph:
        weights = _weights(node) if node.name not in exact else None
        if weights is not None:
            name = weights.name or ""
            found.setdefault(name, []).append(node)
            place.setdefault(name, len(place))
            owner[node] = name
            continue
        makers = [v.producer() for v in node.inputs if v is not None]
        before = [owner[m] for m in makers if m is not None and m in owner]
        if before:
            last = max(before, key=lambda n: place[n])
            owner[node] = last
            given = {v.name or "": node.name or "" for v in node.outputs}
            followers.setdefault(last, {}).update(given)
    return tuple(_layer(name, nodes, followers.get(name, {})) for name, nodes in found.items())


def _weights(node: ir.Node) -> ir.Value | None:
    at = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}.get(op_of(node))
    value = node.inputs[at] if at is not None and len(node.inputs) > at else None
    constant = const_of(value)
    if value is None or constant is None or constant.ndim < 2 or constant.size < _SMALLEST:
        return None
    return value if constant.dtype.kind == "f" else None


def _layer(name: str, nodes: list[ir.Node], followers: Mapping[str, str]) -> Layer:
    node = nodes[0]
    values = const_of(node.inputs[1])
    assert values is not None
    axes = _axes(node)
    work = 0
    for n in nodes:
        positions = math.prod(shape_of(n.outputs[0])) // max(values.shape[axes[0]], 1)
        if op_of(n) == "ConvTranspose":
            given = n.inputs[0]
            assert given is not None
            positions = math.prod(shape_of(given)[2:])
        work += positions * values.size
    read = tuple(dict.fromkeys(v.name or "" for n in nodes if (v := n.inputs[0]) is not None))
    outputs = tuple(n.outputs[0].name or "" for n in nodes)
    named = tuple(n.name or "" for n in nodes)
    return Layer(name, named, values, axes, work, read, outputs, followers)


def _axes(node: ir.Node) -> tuple[int, int]:
    """Return the axes of outputs and of inputs, as ONNX defines the weights of each op."""
    kind = op_of(node)
    if kind == "ConvTranspose":
        return (1, 0) if attr(node, "group", 1) == 1 else (0, 1)
    if kind == "Conv" or (kind == "Gemm" and attr(node, "transB", 0)):
        return 0, 1
    shape = const_of(node.inputs[1])
    assert shape is not None
    return shape.ndim - 1, shape.ndim - 2
