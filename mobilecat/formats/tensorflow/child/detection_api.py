"""SSD graphs of the TensorFlow object detection API, by the names that its exporters give.

`export_inference_graph` leaves `Preprocessor/sub` → … → `Squeeze(concat)`, `concat_1` →
`Postprocessor/…`; `export_tflite_ssd_graph` ends in the op TFLite_Detection_PostProcess.
Source: github.com/tensorflow/models, research/object_detection/meta_architectures/ssd_meta_arch.py
and export_tflite_ssd_graph_lib.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.formats.tensorflow.child.cut import node_of, tensor_name
from mobilecat.graph import Array

PREPROCESSED = "Preprocessor/sub"
_SCORES = "Postprocessor/convert_scores"
_ENCODINGS = ("Postprocessor/raw_box_encodings", "Postprocessor/Reshape_1")
_ANCHORS_TILED = "Postprocessor/ExpandDims"
_TFLITE_OP = "TFLite_Detection_PostProcess"
_DIVISOR = re.compile(r"Postprocessor/Decode/(truediv|div)(_[123])?$")
_USUAL_SCALES = (10.0, 10.0, 5.0, 5.0)


@dataclass(frozen=True)
class DetectionApi:
    """Where such a graph is cut.

    outputs: `box_encodings` [1,N,4] (ty,tx,th,tw) and `class_predictions` [1,N,C+1], before their
    activation. anchors: the tensor with them, as ymin,xmin,ymax,xmax or, with `centres`, as rows of
    y centre, x centre, height, width.
    """

    input: str
    outputs: Mapping[str, str]
    anchors: str | None
    centres: bool
    size_hw: tuple[int, int] | None
    activation: str
    scales: tuple[float, ...]


def recognise(graph_def: Any) -> DetectionApi | None:
    """Return where to cut the graph, or None where it is not one of theirs."""
    nodes = {n.name: n for n in graph_def.node}
    last = next((n for n in graph_def.node if n.op == _TFLITE_OP), None)
    if last is not None:
        return _for_tflite(nodes, last)
    encodings = next((n for n in _ENCODINGS if n in nodes), None)
    if PREPROCESSED not in nodes or _SCORES not in nodes or encodings is None:
        return None
    tiled = nodes.get(_ANCHORS_TILED)
    return DetectionApi(
        input=PREPROCESSED,
        outputs={
            "box_encodings": _behind(nodes, nodes[encodings].input[0]),
            "class_predictions": _behind(nodes, nodes[_SCORES].input[0]),
        },
        anchors=tiled.input[0] if tiled is not None else None,
        centres=False,
        size_hw=_size(nodes),
        activation=nodes[_SCORES].op.lower(),
        scales=_scales(nodes),
    )


def _for_tflite(nodes: Mapping[str, Any], last: Any) -> DetectionApi | None:
    boxes, classes, anchors = last.input[:3]
    images = [n for n in nodes.values() if n.op == "Placeholder"]
    if len(images) != 1:
        return None
    dims = [d.size for d in images[0].attr["shape"].shape.dim]
    scores = nodes[node_of(_behind(nodes, classes))]
    activated = scores.op in ("Sigmoid", "Softmax")
    return DetectionApi(
        input=images[0].name,
        outputs={
            "box_encodings": _behind(nodes, boxes),
            "class_predictions": _behind(nodes, scores.input[0]) if activated else scores.name,
        },
        anchors=anchors,
        centres=True,
        size_hw=(dims[1], dims[2]) if len(dims) == 4 and min(dims[1:3]) > 0 else None,
        activation=scores.op.lower() if activated else "identity",
        scales=tuple(
            float(last.attr[f"{k}_scale"].f) if f"{k}_scale" in last.attr else usual
            for k, usual in zip("yxhw", _USUAL_SCALES, strict=True)
        ),
    )


def without_tflite_op(graph_def: Any) -> Any:
    """Return the graph without the op that only TFLite knows; TensorFlow would refuse the whole."""
    import tensorflow as tf

    if all(n.op != _TFLITE_OP for n in graph_def.node):
        return graph_def
    rest = tf.compat.v1.GraphDef()
    rest.CopyFrom(graph_def)
    del rest.node[:]
    rest.node.extend(n for n in graph_def.node if n.op != _TFLITE_OP)
    return rest


def note_of(found: DetectionApi) -> str:
    """Return what was recognised, in words, with what a head must be told if it is unusual."""
    cuts = ", ".join(f"{k} = {v}" for k, v in found.outputs.items())
    text = f"TensorFlow object detection API: cut at {found.input}; {cuts}"
    if found.activation != "sigmoid":
        text += f'; scores still need: activation = "{found.activation}"'
    if found.scales != _USUAL_SCALES:
        text += f"; box encodings are scaled by {', '.join(f'{s:g}' for s in found.scales)}"
    return text


def anchors_of(graph_def: Any, found: DetectionApi) -> Array | None:
    """Return the graph's own anchors: y centre, x centre, height, width, 0..1, float32 [N,4]."""
    import tensorflow as tf

    if found.anchors is None or found.size_hw is None:
        return None
    image = np.zeros((1, *found.size_hw, 3), np.float32)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            try:
                made = session.run(tensor_name(found.anchors), {tensor_name(found.input): image})
            except tf.errors.OpError:  # they depend on the picture's size before resizing
                return None
    rows: Array = np.asarray(made, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 4:
        return None
    if not found.centres:
        low, high = rows[:, :2], rows[:, 2:]
        rows = np.concatenate([(low + high) / 2, high - low], axis=1)
    return np.asarray(rows, np.float32)


def _behind(nodes: Mapping[str, Any], tensor: str) -> str:
    """Return what a tensor is, going back over Identity and division by 1."""
    while True:
        node = nodes[node_of(tensor)]
        scaled_by = _constant(nodes, node.input[1]) if node.op in ("RealDiv", "Div") else None
        by_one = scaled_by is not None and bool((scaled_by == 1).all())
        if node.op != "Identity" and not by_one:
            return tensor
        tensor = node.input[0]


def _size(nodes: Mapping[str, Any]) -> tuple[int, int] | None:
    for node in nodes.values():
        if node.op.startswith("Resize") and node.name.startswith("Preprocessor/"):
            size = _constant(nodes, node.input[1])
            if size is not None and size.shape == (2,):
                return int(size[0]), int(size[1])
    return None


def _scales(nodes: Mapping[str, Any]) -> tuple[float, ...]:
    found = []
    for name in sorted(n for n in nodes if _DIVISOR.match(n)):
        by = _constant(nodes, nodes[name].input[1])
        if by is None:
            return _USUAL_SCALES
        found.append(float(by))
    return tuple(found) if len(found) == 4 else _USUAL_SCALES


def _constant(nodes: Mapping[str, Any], tensor: str) -> Array | None:
    import tensorflow as tf

    node = nodes[node_of(tensor)]
    while node.op in ("Identity", "Enter"):
        node = nodes[node_of(node.input[0])]
    if node.op != "Const":
        return None
    value: Array = tf.make_ndarray(node.attr["value"].tensor)
    return value
