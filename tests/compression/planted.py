"""A detector with one layer that int8 destroys, by hand arithmetic, and labelled pictures for it.

Every layer is a 1×1 convolution of the mean colour. `widen` puts red into channel 0 of 64,
`plain_1` … `plain_6` hand all channels on, `sensitive` takes 0.4 of channel 0, and 127 of channel
63, where there is nothing; `last` doubles that: a red picture scores 2 · 0.4 = 0.8, a black one 0.
In int8 a step of `sensitive`'s channel 0 is 127 / 127 = 1, so that 0.4 becomes 0, and with it every
score. All other weights are 0 and one other value in each channel, which int8 has exactly.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

WIDE, PLAIN = 64, 6
BOX = (4, 4, 12, 12)
SPEC = """# one layer that int8 destroys
name = "planted"
source = "planted.onnx"
labels = ["cat"]

[input]
size = [16, 16]
range = [0, 1]

[head]
kind = "yolov8"
layout = "rows-first"

[nms]
score_threshold = 0.3

[targets.tflite]  # for the phone
input = "uint8"   # as the camera gives it
"""


def save_network(path: Path) -> Path:
    """Write the network, with YOLOv8's output [1,1,5]: one box, one score."""
    plain = [np.eye(WIDE, dtype=np.float32) for _ in range(PLAIN)]
    for i, w in enumerate(plain):
        w[1, 1] = i + 2  # no two alike, which a file would store once
    widen = np.zeros((WIDE, 3), np.float32)
    widen[0, 0] = 1
    sensitive = np.zeros((WIDE, WIDE), np.float32)
    sensitive[0, 0], sensitive[0, WIDE - 1] = 0.4, 127
    last = np.zeros((5, WIDE), np.float32)
    last[4, 0] = 2
    x1, y1, x2, y2 = BOX
    bias = np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 0], np.float32)
    layers = [("widen", widen), *((f"plain_{i + 1}", w) for i, w in enumerate(plain))]
    layers += [("sensitive", sensitive), ("last", last)]
    nodes = [helper.make_node("GlobalAveragePool", ["input"], ["mean"], "mean")]
    constants = [numpy_helper.from_array(bias, "bias")]
    constants.append(numpy_helper.from_array(np.array([1, 1, 5]), "shape"))
    before = "mean"
    for name, w in layers:
        constants.append(numpy_helper.from_array(w[:, :, None, None], f"{name}.w"))
        read = [before, f"{name}.w", *(["bias"] if name == "last" else [])]
        nodes.append(helper.make_node("Conv", read, [f"{name}.y"], name))
        before = f"{name}.y"
    nodes.append(helper.make_node("Reshape", [before, "shape"], ["found"], "found"))
    graph = helper.make_graph(
        nodes,
        "planted",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, [1, 1, 5])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def save_pictures(folder: Path, red: int = 3, shade: int = 255) -> Path:
    """Write `red` pictures with a cat each, and a black one with none; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    x1, y1, x2, y2 = BOX
    images, annotations = [], []
    for i in range(red + 1):
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[..., 0] = shade - i if i < red else 0
        Image.fromarray(pixels).save(folder / f"{i}.png")
        images.append({"id": i, "file_name": f"{i}.png", "width": 16, "height": 16})
        if i < red:
            annotations.append(
                {"id": i + 1, "image_id": i, "category_id": 7, "area": 64, "iscrowd": 0,
                 "bbox": [x1, y1, x2 - x1, y2 - y1]}
            )  # fmt: skip
    told = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "cat"}]}
    (folder / "labels.json").write_text(json.dumps(told))
    return folder


def save_all(folder: Path, spec: str = SPEC) -> Path:
    """Write spec, network and `data`; return the spec's path."""
    save_network(folder / "planted.onnx")
    save_pictures(folder / "data")
    path = folder / "mobilecat.toml"
    path.write_text(spec)
    return path
