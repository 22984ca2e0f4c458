"""A landmark network whose output is known: a fixed point, and the crop's mean colour as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Every target in float32, so that all can be held to the source.
TARGETS = """
[targets.onnx]
[targets.tflite]
[[targets.coreml]]
format = "mlpackage"
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
"""


def save_landmark_net(path: Path) -> Path:
    """Write a network of input 6×4 (width × height): points (½, ¼) and (mean red, mean green)."""
    weight = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.float32)
    bias = np.array([0.5, 0.25, 0, 0], np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"], "mean"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "w", "b"], ["points"], "points"),
    ]
    graph = helper.make_graph(
        nodes,
        "landmarks",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 4, 6])],
        [helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def landmark_spec(folder: Path, targets: str = TARGETS) -> Path:
    """Write the network and its spec into `folder`."""
    save_landmark_net(folder / "points.onnx")
    path = folder / "points.toml"
    path.write_text(f"""
name = "points"
source = "points.onnx"
landmarks = ["fixed", "colour"]
[input]
size = [6, 4]
range = [0, 1]
[head]
kind = "landmarks"
units = "normalised"
{targets}
""")
    return path
