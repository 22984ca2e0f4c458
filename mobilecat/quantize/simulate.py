"""A float graph with some of its layers rounded as a target would round them, still in floats.

Pure: ONNX graph in, ONNX graph out; any engine runs it. Values go through QuantizeLinear and
DequantizeLinear, weights are exchanged for what their whole numbers stand for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx

from mobilecat.graph import Array

NONE: Mapping[str, Array] = MappingProxyType({})
_AXES = {"Conv": 0, "ConvTranspose": 1, "MatMul": -1}
"""Of weights that have one scale for each output: which axis the outputs are."""


@dataclass(frozen=True)
class Step:
    """real = scale · (q − zero), q a whole number of `dtype`: int8 or int16."""

    scale: float
    zero: int
    dtype: str = "int8"


@dataclass(frozen=True)
class Layer:
    """Nodes that compute in whole numbers together, or stay float together; all by name.

    takes: (node, value) that is rounded on its way into the node. gives: values that come out
    rounded, for all that read them. weights: nodes whose weights are int8. shared: those of them
    whose weights have one scale, not one an output.
    """

    name: str
    nodes: tuple[str, ...]
    takes: tuple[tuple[str, str], ...] = ()
    gives: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


def simulated(
    proto: onnx.ModelProto,
    layers: Collection[Layer],
    steps: Mapping[str, Step],
    fitted: Mapping[str, Array] = NONE,
) -> onnx.ModelProto:
    """Return the graph with `layers` rounded. steps: of values; what has none is not rounded.

    fitted: of nodes, what their weights are rounded to; all others go to the nearest. Values keep
    their names: a rounded one is read under another.
    """
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    graph = made.graph
    shared = {n for layer in layers for n in layer.shared}
    _round_weights(graph, {n for layer in layers for n in layer.weights}, shared, fitted)
    given = {v for layer in layers for v in layer.gives if v in steps}
    taken = {pair for layer in layers for pair in layer.takes if pair[1] in steps}
    rounded: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    ends = {v.name for v in graph.output}
    pending = [v.name for v in graph.input if v.name in given]
    for value in pending:
        nodes += _pair(graph, value, steps[value], rounded)
    for node in graph.node:
        for i, value in enumerate(node.input):
            if value in rounded and value in given:
                node.input[i] = rounded[value]
            elif (node.name, value) in taken:
                if value not in rounded:
                    nodes += _pair(graph, value, steps[value], rounded)
                node.input[i] = rounded[value]
        nodes.append(node)
        for value in node.output:
            if value in given:
                nodes += _pair(graph, value, steps[value], rounded)
    for output in graph.output:
        if output.name in given and output.name in ends:
            output.name = rounded[output.name]
    copied = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(copied)
    return made


def rounded_name(value: str) -> str:
    """Return the name under which `simulated` has a rounded value."""
    return f"{value}/rounded"


def _pair(
    graph: onnx.GraphProto, value: str, step: Step, rounded: dict[str, str]
) -> list[onnx.NodeProto]:
    base = rounded_name(value)
    scale, zero = f"{base}/scale", f"{base}/zero"
    for name, array in (
        (scale, np.float32(step.scale)),
        (zero, np.dtype(step.dtype).type(step.zero)),
    ):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    rounded[value] = base
    make = onnx.helper.make_node
    return [
        make("QuantizeLinear", [value, scale, zero], [f"{base}/whole"], name=f"{base}/q"),
        make("DequantizeLinear", [f"{base}/whole", scale, zero], [base], name=base),
    ]


def _round_weights(
    graph: onnx.GraphProto,
    names: Collection[str],
    shared: Collection[str],
    fitted: Mapping[str, Array],
) -> None:
    stored = {c.name: c for c in graph.initializer}
    for node in graph.node:
        if node.name not in names or len(node.input) < 2 or node.input[1] not in stored:
            continue
        w = onnx.numpy_helper.to_array(stored[node.input[1]])
        axis = _AXES.get(node.op_type)
        if node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axis = 0 if transposed else 1
        if axis is None or w.ndim < 2:
            continue
        name = f"{node.name}/weights/rounded"
        made = fitted.get(node.name)
        made = _in_int8(w, axis, node.name in shared) if made is None else made
        graph.initializer.append(onnx.numpy_helper.from_array(made, name))
        node.input[1] = name


def _in_int8(w: Array, axis: int, shared: bool) -> Array:
    """Return weights as int8 stands for them, symmetric, one scale for each index of `axis`, or one
    for all."""
    over = tuple(a for a in range(w.ndim) if shared or a != axis % w.ndim)
    wide = w.astype(np.float64)
    scale = np.maximum(np.abs(wide).max(axis=over, keepdims=True) / 127, 1e-30)
    return np.asarray((np.round(wide / scale) * scale).astype(w.dtype))
