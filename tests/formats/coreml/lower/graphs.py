"""Graphs of more than one node, from ONNX's text format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper

from mobilecat.formats.onnx.read import import_onnx

HEADER = '<ir_version: 10, opset_import: ["" : 18]>\n'


def graph(text: str, tmp_path: Path, **weights: np.ndarray) -> ir.Model:
    """Freeze `text` (`name (inputs) => (outputs) { nodes }`); `weights` become initializers."""
    return import_onnx(save_graph(text, tmp_path, **weights))


def save_graph(text: str, tmp_path: Path, **weights: np.ndarray) -> Path:
    model = onnx.parser.parse_model(HEADER + text)
    for k, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{k}"
    for name, array in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    path = tmp_path / "graph.onnx"
    onnx.save(model, path)
    return path


def nms_model(boxes: int, classes: int, **attributes: float) -> ir.Model:
    """Return a frozen graph of one `mobilecat::NMS` call; its body is for onnxruntime only."""
    k = int(attributes["max_detections"])

    def value(name: str, dtype: ir.DataType, *shape: int) -> ir.Value:
        return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape(shape))

    inputs = [
        value("boxes_in", ir.DataType.FLOAT, 1, boxes, 4),
        value("scores_in", ir.DataType.FLOAT, 1, boxes, classes),
    ]
    outputs = [
        value("boxes", ir.DataType.FLOAT, 1, k, 4),
        value("scores", ir.DataType.FLOAT, 1, k),
        value("class_ids", ir.DataType.INT32, 1, k),
        value("indices", ir.DataType.INT32, 1, k),
        value("count", ir.DataType.INT32, 1),
    ]
    node = ir.node("NMS", inputs, attributes, domain="mobilecat", outputs=outputs, name="nms")
    made = ir.Graph(inputs, outputs, nodes=[node], opset_imports={"": 18, "mobilecat": 1})
    return ir.Model(made, ir_version=10)
