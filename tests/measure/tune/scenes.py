"""A detector whose four boxes are known, and labelled pictures for it.

The network finds the same boxes in every picture, at scores that follow the picture's mean
brightness m: 0.9 m, 0.8 m, 0.6 m, 0.3 m.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mobilecat.bundle import Bundle
from mobilecat.compile import export
from mobilecat.spec import load_spec

SIZE_WH = (40, 24)
# IoU of the first two 2/3 (8×10 of 120), of the last two 2/3 (10×8 of 120).
BOXES = ((2, 2, 12, 12), (4, 2, 14, 12), (22, 4, 32, 14), (22, 6, 32, 16))
SCORES = (0.9, 0.8, 0.6, 0.3)
LABELLED = ((2, 2, 12, 12), (22, 6, 32, 16))


def save_detector(path: Path, classes: int = 1) -> Path:
    """Write a network with YOLOv8's output [1,N,4+C]; of several classes, box i is of i mod C."""
    rows = np.zeros((1, len(BOXES), 4 + classes), np.float32)
    scale = np.zeros_like(rows)
    for i, (x1, y1, x2, y2) in enumerate(BOXES):
        rows[0, i, :4] = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
        scale[0, i, 4 + i % classes] = SCORES[i]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["m"], "m", keepdims=0),
        helper.make_node("Mul", ["m", "scale"], ["scores"], "scores"),
        helper.make_node("Add", ["scores", "rows"], ["found"], "found"),
    ]
    width, height = SIZE_WH
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, list(rows.shape))],
        [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(scale, "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


SPEC = """# known boxes
name = "known"
source = "known.onnx"
labels = ["cat"]

[input]
size = [40, 24]   # width, height
range = [0, 1]

[head]
kind = "yolov8"
layout = "rows-first"

[nms]
score_threshold = 0.3      # as the authors say
iou_threshold = 0.45
max_detections = 20

[targets.onnx]
"""


def export_detector(
    folder: Path, spec: str = SPEC, classes: int = 1, out: str = "out"
) -> tuple[Path, Bundle]:
    """Write model and spec into `folder`, export; return the bundle's folder and contract."""
    save_detector(folder / "known.onnx", classes)
    path = folder / "known.toml"
    path.write_text(spec)
    done = export(load_spec(path), folder / out, spec_folder=folder)
    return done.folder, done.bundle


def save_pictures(folder: Path, whites: int = 1) -> Path:
    """Write pictures and their COCO labels: `whites` white ones with two cats each; half white with
    none."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = SIZE_WH
    white = np.full((height, width, 3), 255, np.uint8)
    half = white.copy()
    half[:, : width // 2] = 0
    names = ("white", "half", *(f"white_{n}" for n in range(2, whites + 1)))
    for name in names:
        Image.fromarray(half if name == "half" else white).save(folder / f"{name}.png")
    labels = {
        "images": [
            {"id": i, "file_name": f"{n}.png", "width": width, "height": height}
            for i, n in enumerate(names)
        ],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": [
            {"id": len(LABELLED) * i + k, "image_id": i, "category_id": 7,
             "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
            for i, name in enumerate(names)
            if name != "half"
            for k, (x1, y1, x2, y2) in enumerate(LABELLED, start=1)
        ],
    }  # fmt: skip
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder
