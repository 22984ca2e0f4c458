"""A palm detector and a hand landmark network with the outputs of MediaPipe's, seeded.

    python -m tools.hand_nets FOLDER        # writes palm.onnx, hand.onnx, a picture and three specs

Their trained weights are not here. The outputs are MediaPipe's published ones (palm_detection_lite:
[1,2016,18] and [1,2016,1] of 192×192; hand_landmark_lite: [1,63], presence and handedness of
224×224); inside, the palm detector finds blocks of colour and reads the hand's direction out of it:
a red block whose green and blue are g, b is a palm whose middle knuckle lies ((g − .3)·100,
(b − .3)·100) pixels from its middle, and whose wrist lies as far on the other side. So a picture
gives a detection that nothing near can tip over, in any direction that it is painted with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

Array = np.ndarray[Any, Any]
PALM_WH, HAND_WH = (192, 192), (224, 224)
PALM_POINTS, HAND_POINTS = 7, 21
SEED = 21

PALM_SPEC = """
name = "palm"
source = "palm.onnx"
labels = ["palm"]
landmarks = ["wrist", "index", "middle", "ring", "little", "thumb_root", "thumb"]
[input]
size = [192, 192]
range = [0, 1]
resize = "letterbox"
[head]
kind = "blazeface"
[nms]
score_threshold = 0.5
iou_threshold = 0.3
max_detections = 8
{targets}
"""
HAND_SPEC = """
name = "hand"
source = "hand.onnx"
[input]
size = [224, 224]
range = [0, 1]
[head]
kind = "landmarks"
output = "points"
units = "pixels"
columns = 3
score = "presence"
{targets}
"""
CASCADE = """
name = "hands"
[cascade]
detector = "palm.toml"
landmarks = "hand.toml"
max_crops = 2
[crop]                    # MediaPipe's palm_detection_detection_to_roi
square = true
scale = 2.6
shift = [0.0, -0.5]
edge = "pad"
[crop.rotation]
start = "wrist"
end = "middle"
target_degrees = 90
"""
# Middle of the block in the picture, green and blue of its red: where the hand points.
HANDS = (((96, 80), (0.42, 0.14)), ((230, 150), (0.18, 0.38)))
BLOCK, PICTURE_WH = 40, (320, 240)


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def op(self, kind: str, name: str, *inputs: str | Array, **attributes: Any) -> str:
        names = []
        for i, value in enumerate(inputs):
            if not isinstance(value, str):
                self.weights.append(numpy_helper.from_array(value, f"{name}.{i}"))
                value = f"{name}.{i}"
            names.append(value)
        self.nodes.append(helper.make_node(kind, names, [name], name, **attributes))
        return name

    def save(self, path: Path, wh: tuple[int, int], outputs: dict[str, list[int]]) -> Path:
        picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, wh[1], wh[0]])
        infos = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in outputs.items()]
        graph = helper.make_graph(self.nodes, path.stem, [picture], infos, self.weights)
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def save_palm_net(path: Path) -> Path:
    """Write it: layers of stride 8 with 2 anchors a cell, and of 16 with 6, of which one speaks."""
    graph = _Graph()
    columns = 4 + 2 * PALM_POINTS
    rows: dict[str, list[str]] = {"boxes": [], "scores": []}
    for stride, anchors in ((8, 2), (16, 6)):
        name = f"s{stride}"
        pool = graph.op(
            *("AveragePool", f"{name}.mean", "input"),
            kernel_shape=[stride, stride],
            strides=[stride, stride],
        )
        box_w, box_b = _palm_box()
        score_w = np.zeros((anchors, 3, 1, 1), np.float32)
        score_b = np.full(anchors, -10, np.float32)
        if stride == 16:  # red, less half of green and blue: none in any grey
            score_w[0, :, 0, 0], score_b[0] = (20, -10, -10), -4
        for kind, w, b, depth in (
            ("boxes", np.tile(box_w, (anchors, 1, 1, 1)), np.tile(box_b, anchors), columns),
            ("scores", score_w, score_b, 1),
        ):
            maps = graph.op("Conv", f"{name}.{kind}", pool, w, b)
            last = graph.op("Transpose", f"{name}.{kind}.last", maps, perm=[0, 2, 3, 1])
            shape = np.array([1, -1, depth], np.int64)
            rows[kind].append(graph.op("Reshape", f"{name}.{kind}.rows", last, shape))
    for kind, parts in rows.items():
        graph.op("Concat", kind, *parts, axis=1)
    return graph.save(path, PALM_WH, {"boxes": [1, 2016, columns], "scores": [1, 2016, 1]})


def _palm_box() -> tuple[Array, Array]:
    """Return weight [18,3,1,1] and bias [18]: offset, size, then seven points, in pixels."""
    weight = np.zeros((4 + 2 * PALM_POINTS, 3, 1, 1), np.float32)
    bias = np.zeros(4 + 2 * PALM_POINTS, np.float32)
    bias[:4] = (1.5, -2.5, 30, 36)
    others = np.random.default_rng(SEED).uniform(-15, 15, 2 * PALM_POINTS)
    bias[4:] = others
    for point, sign in ((2, 1), (0, -1)):  # the middle knuckle, the wrist
        x = 4 + 2 * point
        weight[x, 1], weight[x + 1, 2] = 100 * sign, 100 * sign
        bias[x : x + 2] = -30 * sign
    return weight, bias


def save_hand_net(path: Path) -> Path:
    """Write it: three convolutions and a full layer of fixed random numbers.

    They move the joints of one hand, upright in the crop: a drawing shows how the crop lies.
    """
    rng, graph = np.random.default_rng(SEED), _Graph()
    value = "input"
    depth = 3
    for i, (stride, width) in enumerate(((4, 12), (4, 16), (2, 24))):
        span = (1.5 / np.sqrt(depth * stride * stride)) * rng.standard_normal(
            (width, depth, stride, stride)
        )
        value = graph.op(
            *("Conv", f"conv{i}", value, span.astype(np.float32)),
            rng.uniform(-0.1, 0.1, width).astype(np.float32),
            kernel_shape=[stride, stride],
            strides=[stride, stride],
        )
        value = graph.op("Relu", f"relu{i}", value)
        depth = width
    flat = graph.op("Flatten", "flat", value)
    size = 7 * 7 * depth
    weight = (6 / np.sqrt(size) * rng.standard_normal((size, 3 * HAND_POINTS))).astype(np.float32)
    graph.op("Gemm", "points", flat, weight, _a_hand())
    small = (1 / np.sqrt(size) * rng.standard_normal((size, 2))).astype(np.float32)
    for i, name in enumerate(("presence", "handedness")):
        logit = graph.op(
            "Gemm", f"{name}.logit", flat, small[:, i : i + 1], np.zeros(1, np.float32)
        )
        graph.op("Sigmoid", name, logit)
    shapes = {"points": [1, 63], "presence": [1, 1], "handedness": [1, 1]}
    return graph.save(path, HAND_WH, shapes)


def _a_hand() -> Array:
    """Return x, y, z of a wrist and of four joints each of thumb to little finger, in the input."""
    joints = [(112.0, 190.0, 0.0)]
    for degrees, length in ((-50, 18), (-18, 26), (0, 29), (16, 26), (34, 20)):
        angle = np.radians(degrees)
        for k in range(4):
            reach = 62 + length * k
            joints.append((112 + reach * np.sin(angle), 190 - reach * np.cos(angle), -2.0 * k))
    return np.array(joints, np.float32).ravel()


def save_picture(path: Path) -> Path:
    """Write a grey, mottled picture with the two blocks of HANDS."""
    rng = np.random.default_rng(SEED)
    w, h = PICTURE_WH
    small = rng.integers(40, 216, (h // 20, w // 20), dtype=np.uint8)
    grey = np.asarray(Image.fromarray(small).resize((w, h), Image.Resampling.BICUBIC))
    pixels = np.repeat(grey[..., None], 3, axis=2)
    half = BLOCK // 2
    for (x, y), (g, b) in HANDS:
        block = (255, round(255 * g), round(255 * b))
        pixels[y - half : y + half, x - half : x + half] = block
    Image.fromarray(pixels).save(path)
    return path


def save_all(folder: Path, targets: str = "[targets.onnx]\n") -> Path:
    """Write networks, specs and picture; return the cascade's spec."""
    save_palm_net(folder / "palm.onnx")
    save_hand_net(folder / "hand.onnx")
    save_picture(folder / "hands.png")
    (folder / "palm.toml").write_text(PALM_SPEC.format(targets=targets), "utf-8")
    (folder / "hand.toml").write_text(HAND_SPEC.format(targets=targets), "utf-8")
    (folder / "hands.toml").write_text(CASCADE, "utf-8")
    return folder / "hands.toml"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(save_all(Path(sys.argv[1])))
