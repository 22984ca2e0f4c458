"""An ONNX file with its weights changed, to see how far that moves what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx

from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.onnx.read import with_shapes
from mobilecat.formats.onnx.source import cut_proto, opened
from mobilecat.graph import Array

Change = Callable[[str, Array], Array]

_WEIGHTED = frozenset(
    {
        *("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "BatchNormalization", "PRelu"),
        *("InstanceNormalization", "LayerNormalization", "GroupNormalization"),
        *("Add", "Sub", "Mul", "Div", "LSTM", "GRU", "RNN"),
        *("Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Concat", "Gather"),
    }
)
"""Ops whose constants are weights; a Resize's scales or a Pow's exponent are none."""


def with_changed_weights(proto: onnx.ModelProto, change: Change) -> None:
    """Change each float32 weight of the main graph, in place."""
    graph = proto.graph
    weights = {n for node in graph.node if node.op_type in _WEIGHTED for n in node.input}
    weights -= {n for node in graph.node if node.op_type not in _WEIGHTED for n in node.input}
    held = [(t.name, t) for t in graph.initializer]
    held += [
        (node.output[0], a.t)
        for node in graph.node
        if node.op_type == "Constant"
        for a in node.attribute
        if a.name == "value"
    ]
    for name, tensor in held:
        if name in weights and tensor.data_type == onnx.TensorProto.FLOAT:
            given = change(name, onnx.numpy_helper.to_array(tensor))
            tensor.CopyFrom(onnx.numpy_helper.from_array(given, tensor.name))


def changed(source: Source, shapes: Mapping[str, Sequence[int]], change: Change) -> Reference:
    """Open the file with each weight changed by `change(name, values)`."""
    return changed_proto(with_shapes(cut_proto(source, shapes), shapes, source.path), change)


def changed_proto(proto: onnx.ModelProto, change: Change) -> Reference:
    with_changed_weights(proto, change)
    return opened(proto)
