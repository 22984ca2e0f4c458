"""Small ONNX models made on the spot, so that tests need no file from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)


def save_yunet_like(path: Path, size_wh: tuple[int, int] = (96, 64), seed: int = 7) -> Path:
    """Write a network with YuNet 2023's outputs and random weights: a 1×1 convolution a head."""
    rng = np.random.default_rng(seed)
    width, height = size_wh
    nodes, weights, outputs = [], [], []
    sides = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    for stride in STRIDES:
        nodes.append(
            helper.make_node(
                "AveragePool",
                ["input"],
                [f"pool_{stride}"],
                f"pool_{stride}",
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            )
        )
        cells = (width // stride) * (height // stride)
        for kind, n in sides.items():
            name = f"{kind}_{stride}"
            scale = 0.05 if kind in ("cls", "obj") else 0.003
            w = rng.normal(0, scale, (n, 3, 1, 1)).astype(np.float32)
            weights.append(numpy_helper.from_array(w, f"{name}.w"))
            shape = np.array([1, cells, n], dtype=np.int64)
            weights.append(numpy_helper.from_array(shape, f"{name}.s"))
            nodes.append(
                helper.make_node(
                    "Conv", [f"pool_{stride}", f"{name}.w"], [f"{name}.c"], f"{name}.c"
                )
            )
            last = f"{name}.c"
            if kind in ("cls", "obj"):
                nodes.append(helper.make_node("Sigmoid", [last], [f"{name}.p"], f"{name}.p"))
                last = f"{name}.p"
            nodes.append(
                helper.make_node("Transpose", [last], [f"{name}.t"], f"{name}.t", perm=[0, 2, 3, 1])
            )
            nodes.append(
                helper.make_node("Reshape", [f"{name}.t", f"{name}.s"], [name], f"{name}.r")
            )
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells, n]))
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])]
    graph = helper.make_graph(nodes, "yunet_like", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def yunet_like_spec(source: Path, targets: str = "[targets.onnx]\n", extra: str = "") -> str:
    """Return the TOML for such a network."""
    return f"""
name = "tiny"
source = "{source}"
labels = ["face"]
{extra}
[input]
size = [96, 64]
color = "BGR"
resize = "letterbox"
[head]
kind = "yunet"
[nms]
score_threshold = 0.5
max_detections = 12
{targets}
"""
