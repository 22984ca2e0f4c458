"""A detection operator alone, boxes and scores as its inputs; and an SSD-like network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from mobilecat.formats.tflite.detection import OUTPUTS, with_postprocess
from mobilecat.formats.tflite.write import tflite_from_graph
from mobilecat.graph.builder import typed
from mobilecat.heads import EncodedAnchors
from mobilecat.spec import NmsSpec

Array = npt.NDArray[Any]
SSD_SIZE = (90, 60)
SSD_ANCHORS = "[head.anchors]\nlayers = 2\ngrids = [[6, 4], [3, 2]]\nreduce_lowest = false\n"
SSD_CLASSES = 3


def operator(n: int, classes: int, nms: NmsSpec) -> bytes:
    """Return a .tflite of boxes against unit anchors [1,n,4] and scores [1,n,classes]."""
    inputs = [
        typed("box_encodings", (1, n, 4), ir.DataType.FLOAT),
        typed("class_predictions", (1, n, classes), ir.DataType.FLOAT),
    ]
    one = typed("one", (1,), ir.DataType.FLOAT)
    one.const_value = ir.tensor(np.ones(1, np.float32), name="one")
    outputs = [typed(f"{v.name}_out", tuple(v.shape), ir.DataType.FLOAT) for v in inputs]  # type: ignore[arg-type]
    nodes = [
        ir.node("Mul", [v, one], outputs=[o], name=o.name)
        for v, o in zip(inputs, outputs, strict=True)
    ]
    graph = ir.Graph(
        inputs, outputs, nodes=nodes, initializers=[one], opset_imports={"": 18}, name="op"
    )
    unit = EncodedAnchors(np.tile(np.array([0, 0, 1, 1], np.float32), (n, 1)), (1, 1, 1, 1))
    return tflite_from_graph(with_postprocess(ir.Model(graph, ir_version=8), unit, nms))


def run(data: bytes, boxes: Array, scores: Array, threads: int = 1) -> dict[str, Array]:
    """Run it in LiteRT. boxes [n,4] xyxy in 0..1, scores [n,C]; outputs by the bundle's names."""
    from ai_edge_litert.interpreter import Interpreter

    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    side = np.log(high - low)
    encodings = np.concatenate([((low + high) / 2)[:, ::-1], side[:, ::-1]], axis=1)
    engine = Interpreter(model_content=data, num_threads=threads)
    engine.allocate_tensors()
    found = engine.get_signature_runner()(
        box_encodings=encodings[None].astype(np.float32),
        class_predictions=scores[None].astype(np.float32),
    )
    return {name: found[theirs] for name, theirs in OUTPUTS.items()}


def save_ssd(path: Path, seed: int = 7) -> Path:
    """Write an SSD-like network: two feature maps, 6 shapes a cell, sigmoid scores to come.

    Weights are seeded; bias and gain are such that boxes differ from each other and from anchors.
    """
    rng = np.random.default_rng(seed)
    width, height = SSD_SIZE
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    parts: dict[str, list[str]] = {"enc": [], "cls": []}
    for side in (15, 30):
        pool = f"pool_{side}"
        nodes.append(
            helper.make_node(
                "AveragePool", ["input"], [pool], pool, kernel_shape=[side] * 2, strides=[side] * 2
            )
        )
        cells = (width // side) * (height // side)
        for kind, columns in (("enc", 4), ("cls", SSD_CLASSES + 1)):
            name = f"{kind}_{side}"
            w = rng.normal(0, 0.9, (6 * columns, 3, 1, 1)).astype(np.float32)
            b = rng.normal(0, 0.6, 6 * columns).astype(np.float32)
            shape = np.array([1, cells * 6, columns], np.int64)
            weights += [
                numpy_helper.from_array(v, f"{name}.{k}")
                for k, v in (("w", w), ("b", b), ("s", shape))
            ]
            conv = [pool, f"{name}.w", f"{name}.b"]
            nodes += [
                helper.make_node("Conv", conv, [f"{name}.c"], f"{name}.c"),
                helper.make_node(
                    "Transpose", [f"{name}.c"], [f"{name}.t"], f"{name}.t", perm=[0, 2, 3, 1]
                ),
                helper.make_node("Reshape", [f"{name}.t", f"{name}.s"], [name], f"{name}.r"),
            ]
            parts[kind].append(name)
    nodes += [helper.make_node("Concat", names, [k], k, axis=1) for k, names in parts.items()]
    rows = 6 * (6 * 4 + 3 * 2)
    graph = helper.make_graph(
        nodes,
        "ssd",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])],
        [
            helper.make_tensor_value_info("enc", TensorProto.FLOAT, [1, rows, 4]),
            helper.make_tensor_value_info("cls", TensorProto.FLOAT, [1, rows, SSD_CLASSES + 1]),
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def ssd_spec(path: Path, *, per_class: bool, target: str = "", labels: bool = True) -> str:
    names = 'labels = ["cat", "Kätzchen", "猫"]\n' if labels else ""
    return f"""name = "ssd"
source = "{path}"
{names}[input]
size = [{SSD_SIZE[0]}, {SSD_SIZE[1]}]
range = [-1.0, 1.0]
[nms]
score_threshold = 0.85
iou_threshold = 0.3
max_detections = 70
per_class = {str(per_class).lower()}
[targets.tflite]
contract = "detection"
{target}
[head]
kind = "ssd"
boxes = "enc"
scores = "cls"
{SSD_ANCHORS}"""
