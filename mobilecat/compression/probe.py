"""The float graph on a few pictures, with one layer of it rounded: how far do its outputs move?

It is the very graph that is lowered. Weights are exchanged for what the recipe makes of them; where
a recipe computes in whole numbers, the layer's values go through QuantizeLinear and
DequantizeLinear at the ranges that its file has, so that onnxruntime does the rounding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.bake import Baked
from mobilecat.compression.layers import Layer, layers_of
from mobilecat.compression.weighted import moved
from mobilecat.graph import Array
from mobilecat.quantize.calibrate import session_of
from mobilecat.quantize.pruned import pruned
from mobilecat.rows import kinds_of

Progress = Callable[[str], None]
Ranges = Mapping[str, tuple[float, float]]
Inside = Literal["float", "fixed", "each run"]
"""How a layer's values are rounded: not at all; at given ranges; at the range of each run."""
_STEPS = 255


@dataclass(frozen=True)
class Change:
    """What is done to one layer. weights: what is computed with. ranges: of values that it gives,
    (low, high) by the graph's names. inputs: values that are rounded as they come."""

    weights: Array
    ranges: Ranges = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


class Probe:
    """Candidates of a few pictures, as the float graph has them, and as it has them when changed.

    feeds: what the picture input is given, one a picture.
    """

    def __init__(self, baked: Baked, feeds: Sequence[Array]) -> None:
        values = {v.name or "": v for node in baked.model.graph for v in node.outputs}
        told = kinds_of(v.name or "" for v in baked.model.graph.outputs)
        kinds = dict(zip(baked.candidates, told, strict=False)) or {n: n for n in baked.raw}
        kinds = {n: k for n, k in kinds.items() if n in values}
        self.names = tuple(kinds)
        self.layers = layers_of(baked.model, baked.exact_nodes)
        self._proto = pruned(ir.to_proto(baked.model), self.names)
        there = {n.name for n in self._proto.graph.node}
        self.layers = tuple(x for x in self.layers if there.intersection(x.nodes))
        self._at = {t.name: i for i, t in enumerate(self._proto.graph.initializer)}
        self.layers = tuple(x for x in self.layers if x.name in self._at)
        self._image = baked.model.graph.inputs[0].name or ""
        self._feeds = list(feeds)
        self._keys = list(kinds.values())
        self._reference: list[dict[str, Array]] | None = None
        self.runs = 0

    @property
    def key(self) -> str:
        """The hash of graph and pictures."""
        digest = hashlib.sha256(self._proto.SerializeToString(deterministic=True))
        for fed in self._feeds:
            digest.update(fed.tobytes())
        return digest.hexdigest()

    def error(self, layer: Layer, change: Change) -> float:
        """Return how far detections move with `layer` changed alone: see `weighted.moved`."""
        if self._reference is None:
            self._reference = self._run(self._proto)
        found = self._run(self._changed(layer, change))
        pairs = zip(self._reference, found, strict=True)
        return sum(moved(a, b) for a, b in pairs) / len(found)

    def _changed(self, layer: Layer, change: Change) -> onnx.ModelProto:
        model = onnx.ModelProto()
        model.CopyFrom(self._proto)
        graph = model.graph
        place = graph.initializer[self._at[layer.name]]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(place.data_type)
        place.CopyFrom(onnx.numpy_helper.from_array(change.weights.astype(dtype), layer.name))
        for value in change.ranges:
            _round_output(graph, value, *change.ranges[value])
        for value in change.inputs:
            _round_input(graph, value, layer.nodes)
        return model

    def _run(self, proto: onnx.ModelProto) -> list[dict[str, Array]]:
        session = session_of(proto, self.names)
        self.runs += len(self._feeds)
        return [
            dict(zip(self._keys, session.run(list(self.names), {self._image: fed}), strict=True))
            for fed in self._feeds
        ]


def _round_output(graph: onnx.GraphProto, value: str, low: float, high: float) -> None:
    """Let `value` be rounded where it is made: whoever reads it reads what is left."""
    at = next((i for i, n in enumerate(graph.node) if value in n.output), None)
    if at is None:
        return
    made, whole = f"{value}__float", f"{value}__whole"
    node = graph.node[at]
    node.output[list(node.output).index(value)] = made
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / _STEPS, 1e-12)
    zero = int(np.clip(round(-128 - low / scale), -128, 127))
    scales = [f"{value}__scale", f"{value}__zero"]
    numbers = np.float32(scale), np.int8(zero)
    for name, number in zip(scales, numbers, strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(number), name))
    there = onnx.helper.make_node("QuantizeLinear", [made, *scales], [whole], whole)
    back = onnx.helper.make_node("DequantizeLinear", [whole, *scales], [value], f"{value}__back")
    graph.node.insert(at + 1, there)
    graph.node.insert(at + 2, back)


def _round_input(graph: onnx.GraphProto, value: str, nodes: Sequence[str]) -> None:
    """Let `nodes` read `value` rounded to 256 steps of its own range, of each run anew."""
    at = next((i for i, n in enumerate(graph.node) if n.name in nodes and value in n.input), None)
    if at is None:
        return
    names = [f"{value}__{part}" for part in ("whole", "scale", "zero")]
    back = f"{value}__rounded"
    for node in graph.node:
        if node.name in nodes:
            for i, read in enumerate(node.input):
                if read == value:
                    node.input[i] = back
    there = onnx.helper.make_node("DynamicQuantizeLinear", [value], names, names[0])
    again = onnx.helper.make_node("DequantizeLinear", names, [back], back)
    graph.node.insert(at, there)
    graph.node.insert(at + 1, again)
