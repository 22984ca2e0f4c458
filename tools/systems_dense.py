"""Seeded networks of the dense families: their published heads on the small stem of systems_nets.

Each function writes the outputs of a family's own export, with its shapes, its order and what its
export applies inside. The stem stands for the backbone; the features below stride 32 are two more
convolutions of it, as P6 and P7 are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from systems_nets import STEM, Channels, Net, channels

Build = Callable[[Net], dict[str, str]]
P5, P6, P7 = (8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128)
DEEP = STEM[-1]


def deepen(net: Net, strides: Sequence[int]) -> None:
    """Add the features of strides beyond 32: a convolution of stride 2 and a ReLU each."""
    for s in (s for s in strides if s > 32):
        rng = np.random.default_rng(s)
        w = rng.normal(0, np.sqrt(2 / (9 * DEEP)), (DEEP, DEEP, 3, 3))
        at = net.op("Conv", f"map{s // 2}", net.array(w), strides=[2, 2], pads=[1] * 4)
        net.op("Relu", at, name=f"map{s}")


def cells(net: Net, stride: int) -> int:
    width, height = net.image.size
    return -(-width // stride) * -(-height // stride)


def rows(net: Net, stride: int, wanted: Channels, a: int = 1) -> str:
    """Return [1,cells·a,D]: a convolution of a·D channels, channels last, as rows."""
    made = net.op("Transpose", net.head(stride, wanted * a), perm=[0, 2, 3, 1])
    return net.reshape(made, 1, cells(net, stride) * a, len(wanted.mean))


def joined(net: Net, parts: Sequence[str]) -> str:
    return net.op("Concat", *parts, axis=1)


def retinaface(net: Net) -> dict[str, str]:
    """loc, conf after the softmax, landms: rows of two priors a cell of three strides."""
    wanted = {
        "loc": channels((2, 0, 2), (2, 0, 2)),
        "conf": channels((1, 1.5, 1), (1, -1.5, 1)),
        "landms": channels((10, 0, 2)),
    }
    found = {k: joined(net, [rows(net, s, w, 2) for s in P5]) for k, w in wanted.items()}
    return {**found, "conf": net.op("Softmax", found["conf"], axis=-1)}


def scrfd(net: Net) -> dict[str, str]:
    """Nine outputs: scores after the sigmoid, distances and points in strides, two anchors a
    cell."""
    wanted = {
        "score": channels((1, -4, 1.5)),
        "bbox": channels((4, 2, 0.5)),
        "kps": channels((10, 0, 1)),
    }
    found = {f"{k}_{s}": rows(net, s, w, 2) for k, w in wanted.items() for s in P5}
    return {k: net.op("Sigmoid", v) if k.startswith("score") else v for k, v in found.items()}


def yolo5face(net: Net) -> dict[str, str]:
    """Three maps [1,3,h,w,16]: box, objectness, five points, one class."""
    row = channels((2, 0, 1), (2, -0.5, 0.5), (1, -2.5, 1.5), (10, 0, 0.5), (1, 1, 1))
    width, height = net.image.size
    found = {}
    for s in P5:
        flat = net.reshape(net.head(s, row * 3), 1, 3, 16, height // s, width // s)
        found[f"stride_{s}"] = net.op("Transpose", flat, perm=[0, 1, 3, 4, 2])
    return found


def peaked(bins: int) -> Channels:
    """Logits of four sides' bins, of which the second and third are the likeliest."""
    return channels(*((1, 3 - 1.5 * abs(k - 2), 1.0) for k in range(bins))) * 4


def nanodet_plus(net: Net) -> dict[str, str]:
    """One output [1,N,3+32]: three classes after the sigmoid, and eight bins a side."""
    deepen(net, P6)
    each = []
    for s in P6:
        scores = net.op("Sigmoid", rows(net, s, channels((3, -4.5, 1.5))))
        each.append(net.op("Concat", scores, rows(net, s, peaked(8)), axis=2))
    return {"output": joined(net, each)}


def picodet(net: Net) -> dict[str, str]:
    """Eight outputs: scores after the sigmoid, and eight bins a side, of four strides."""
    deepen(net, P6)
    scores = {f"cls_{s}": net.op("Sigmoid", rows(net, s, channels((3, -4.5, 1.5)))) for s in P6}
    return {**scores, **{f"reg_{s}": rows(net, s, peaked(8)) for s in P6}}


def gfl(net: Net) -> dict[str, str]:
    """Ten maps: logits of three classes, and seventeen bins a side, of five strides."""
    deepen(net, P7)
    wanted = {"cls": channels((3, -4.5, 1.5)), "reg": peaked(17)}
    return {f"{k}_{s}": net.head(s, w) for k, w in wanted.items() for s in P7}


def rtmdet(net: Net) -> dict[str, str]:
    """Six maps: logits of three classes, and distances in pixels, of three strides."""
    scores = {f"cls_{s}": net.head(s, channels((3, -4.5, 1.5))) for s in P5}
    return {**scores, **{f"reg_{s}": net.head(s, channels((4, 2.5 * s, 0.6 * s))) for s in P5}}


def fcos_torchvision(net: Net) -> dict[str, str]:
    """cls_logits, bbox_regression after its ReLU, bbox_ctrness: rows of five strides."""
    deepen(net, P7)
    wanted = {
        "cls_logits": channels((3, -3.5, 1.5)),
        "bbox_regression": channels((4, 2.5, 1)),
        "bbox_ctrness": channels((1, 0, 1)),
    }
    found = {k: joined(net, [rows(net, s, w) for s in P7]) for k, w in wanted.items()}
    return {**found, "bbox_regression": net.op("Relu", found["bbox_regression"])}


def fcos_mmdet(net: Net) -> dict[str, str]:
    """Fifteen maps: logits, distances in pixels, centreness, of five strides."""
    deepen(net, P7)
    scores = {f"cls_{s}": net.head(s, channels((3, -3.5, 1.5))) for s in P7}
    sides = {f"reg_{s}": net.op("Relu", net.head(s, channels((4, 2.5 * s, s)))) for s in P7}
    return {**scores, **sides, **{f"ctr_{s}": net.head(s, channels((1, 0, 1))) for s in P7}}


DELTA = channels((2, 0, 0.3), (2, 0, 0.5))


def retinanet_torchvision(net: Net) -> dict[str, str]:
    """cls_logits and bbox_regression: rows of nine anchors a cell of five strides."""
    deepen(net, P7)
    wanted = {"cls_logits": channels((3, -6, 1.5)), "bbox_regression": DELTA}
    return {k: joined(net, [rows(net, s, w, 9) for s in P7]) for k, w in wanted.items()}


def retinanet_mmdet(net: Net) -> dict[str, str]:
    """Ten maps: logits and deltas of nine anchors a cell of five strides."""
    deepen(net, P7)
    wanted = {"cls": channels((3, -6, 1.5)), "reg": DELTA}
    return {f"{k}_{s}": net.head(s, w * 9) for k, w in wanted.items() for s in P7}


def mediapipe(side: int, layers: Sequence[tuple[int, int]], points: int) -> Build:
    """Return a builder of MediaPipe's [1,N,4+2L] and [1,N,1] of the input's side."""

    def build(net: Net) -> dict[str, str]:
        assert net.image.size == (side, side)
        box = channels((2, 0, 4), (2, side / 5, side / 30), (2 * points, 0, side / 10))
        found = {"regressors": box, "classificators": channels((1, -3, 2))}
        return {
            k: joined(net, [rows(net, s, w, count) for s, count in layers])
            for k, w in found.items()
        }

    return build


DENSE: dict[str, Build] = {
    "retinaface": retinaface,
    "scrfd": scrfd,
    "yolo5face": yolo5face,
    "nanodet_plus": nanodet_plus,
    "picodet": picodet,
    "gfl": gfl,
    "rtmdet": rtmdet,
    "fcos_torchvision": fcos_torchvision,
    "fcos_mmdet": fcos_mmdet,
    "retinanet_torchvision": retinanet_torchvision,
    "retinanet_mmdet": retinanet_mmdet,
    "palm": mediapipe(192, ((8, 2), (16, 6)), 7),
    "pose": mediapipe(224, ((8, 2), (16, 2), (32, 6)), 4),
}

_BGR = 'mean = [103.53, 116.28, 123.675]\nstd = [57.375, 57.12, 58.395]\ncolor = "BGR"'
_RGB = "range = [0, 1]\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]"
_FAMILY = 'kind = "{}"\nfamily = "{}"'
# name; builder; size, picture; head; classes
_ROWS = (
    (
        "RetinaFace",
        "retinaface",
        "320, 256",
        'mean = [104, 117, 123]\ncolor = "BGR"\nresize = "letterbox-topleft"',
        'kind = "retinaface"\nform = "raw"',
        1,
    ),
    (
        "SCRFD",
        "scrfd",
        "320, 256",
        'mean = 127.5\nstd = 128\nresize = "letterbox-topleft"',
        'kind = "scrfd"',
        1,
    ),
    (
        "YOLO5Face, three maps",
        "yolo5face",
        "320, 256",
        'range = [0, 1]\nresize = "letterbox"\npad = 114',
        'kind = "yolo5face"',
        1,
    ),
    ("NanoDet-Plus", "nanodet_plus", "416, 416", _BGR, _FAMILY.format("gfl", "nanodet-plus"), 3),
    ("PicoDet", "picodet", "320, 320", _RGB, _FAMILY.format("gfl", "picodet"), 3),
    ("GFL of mmdetection", "gfl", "320, 256", _BGR, _FAMILY.format("gfl", "gfl"), 3),
    (
        "RTMDet",
        "rtmdet",
        "320, 256",
        f'{_BGR}\nresize = "letterbox-topleft"\npad = 114',
        _FAMILY.format("gfl", "rtmdet") + '\ndistances = "pixels"',
        3,
    ),
    (
        "FCOS of torchvision",
        "fcos_torchvision",
        "320, 256",
        _RGB,
        _FAMILY.format("fcos", "torchvision"),
        3,
    ),
    ("FCOS of mmdetection", "fcos_mmdet", "320, 256", _BGR, _FAMILY.format("fcos", "mmdet"), 3),
    (
        "RetinaNet of torchvision",
        "retinanet_torchvision",
        "320, 256",
        _RGB,
        _FAMILY.format("retinanet", "torchvision"),
        3,
    ),
    (
        "RetinaNet of mmdetection",
        "retinanet_mmdet",
        "320, 256",
        _BGR,
        _FAMILY.format("retinanet", "mmdet"),
        3,
    ),
    (
        "MediaPipe palm detector",
        "palm",
        "192, 192",
        'range = [0, 1]\nresize = "letterbox"',
        'kind = "blazeface"',
        1,
    ),
    (
        "MediaPipe pose detector",
        "pose",
        "224, 224",
        'range = [-1, 1]\nresize = "letterbox"',
        'kind = "blazeface"',
        1,
    ),
)


def system_rows(nms: str) -> list[dict[str, Any]]:
    """Return the fields of each family's row in docs/systems.md."""
    return [
        {
            "name": name,
            "weights": "built: the published head on five to seven convolutions in ONNX, seeded, "
            "last layer scaled",
            "file": f"{build}.onnx",
            "build": build,
            "input": f"size = [{size}]\n{image}",
            "head": f"[head]\n{head}",
            "labels": labels,
            "more": nms,
        }
        for name, build, size, image, head, labels in _ROWS
    ]
