"""Networks of 28 families, with the sizes, names and values that their published files have.

Each gives seeded numbers in the range of what the family gives, where no file is at hand; `head`
is what `init` must say without a question, `asked` what it cannot know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Published:
    """size: width, height. outputs: shape, low, high by name; metadata: as exporters write it."""

    size: tuple[int, int]
    outputs: Mapping[str, tuple[tuple[int, ...], Any, Any]]
    head: Mapping[str, Any]
    asked: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def _strides(shapes: Mapping[str, int], side: int, low: float, high: float) -> dict[str, Any]:
    return {
        f"{name}_{s}": ((1, (side // s) ** 2, width), low, high)
        for name, width in shapes.items()
        for s in (8, 16, 32)
    }


def _boxes(side: float, *more: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Return low and high of columns: centre x, y, width, height up to `side`, then others."""
    low = [0.05 * side] * 4 + [m[0] for m in more]
    return low, [0.9 * side] * 4 + [m[1] for m in more]


def _rows(count: int, columns: tuple[list[float], list[float]]) -> tuple[Any, ...]:
    """Return [1,N,columns]."""
    return (1, count, len(columns[0])), columns[0], columns[1]


def _columns(count: int, rows: tuple[list[float], list[float]]) -> tuple[Any, ...]:
    """Return [1,columns,N]."""
    low, high = ([[v] for v in side] for side in rows)
    return (1, len(low), count), low, high


SCORE = (0.01, 0.99)
COCO80 = [SCORE] * 80
NAMES = str({i: f"class {i}" for i in range(80)})
POINTS = [(5.0, 600.0), (5.0, 600.0), SCORE] * 17
SCRFD = {
    str(448 + i): ((12800 // 4 ** (i % 3), width), 0.01, 0.99)
    for i, width in enumerate((1, 1, 1, 4, 4, 4, 10, 10, 10))
}

PUBLISHED: dict[str, Published] = {
    "YuNet 2023": Published(
        (640, 640),
        _strides({"cls": 1, "obj": 1, "bbox": 4, "kps": 10}, 640, 0, 1),
        {"kind": "yunet"},
    ),
    "UltraFace, raw": Published(
        (320, 240),
        {"scores": ((1, 4420, 2), 0, 1), "boxes": ((1, 4420, 4), -1, 1)},
        {"kind": "ultraface", "form": "raw"},
    ),
    "UltraFace, decoded": Published(
        (320, 240),
        {
            "scores": ((1, 4420, 2), 0, 1),
            "boxes": ((1, 4420, 4), [0, 0, 0.6, 0.6], [0.4, 0.4, 1, 1]),
        },
        {"kind": "ultraface", "form": "decoded"},
    ),
    "CenterFace": Published(
        (640, 480),
        {
            "537": ((1, 1, 120, 160), 0, 1),
            "538": ((1, 2, 120, 160), 0, 3),
            "539": ((1, 2, 120, 160), 0, 1),
            "540": ((1, 10, 120, 160), -1, 1),
        },
        {"kind": "centernet"},
    ),
    "SCRFD with points": Published((640, 640), SCRFD, {"kind": "scrfd"}),
    "RetinaFace": Published(
        (640, 640),
        {
            "loc": ((1, 16800, 4), -1, 1),
            "conf": ((1, 16800, 2), 0, 1),
            "landms": ((1, 16800, 10), -1, 1),
        },
        {"kind": "retinaface"},
    ),
    "YOLOv5n": Published(
        (640, 640),
        {"output0": _rows(25200, _boxes(640, SCORE, *COCO80))},
        {"kind": "yolov5", "units": "pixels"},
    ),
    "YOLOv5n, in shares": Published(
        (320, 320),
        {"output": _rows(6300, _boxes(1, SCORE, *COCO80))},
        {"kind": "yolov5", "units": "normalised"},
    ),
    "YOLOv8n": Published(
        (640, 640),
        {"output0": _columns(8400, _boxes(640, *COCO80))},
        {"kind": "yolov8", "units": "pixels"},
        metadata={"task": "detect", "names": NAMES},
    ),
    "YOLO11n, no metadata": Published(
        (640, 640),
        {"output0": _columns(8400, _boxes(640, *COCO80))},
        {"kind": "yolov8", "units": "pixels"},
    ),
    "YOLOv8n-pose": Published(
        (640, 640),
        {"output0": _columns(8400, _boxes(640, SCORE, *POINTS))},
        {"kind": "pose"},
        metadata={"task": "pose", "kpt_shape": "[17, 3]", "names": "{0: 'person'}"},
    ),
    "YOLOv8n-seg": Published(
        (640, 640),
        {
            "output0": _columns(8400, _boxes(640, *COCO80, *[(-1, 1)] * 32)),
            "output1": ((1, 32, 160, 160), -1, 1),
        },
        {"kind": "masks"},
        metadata={"task": "segment", "names": NAMES},
    ),
    "YOLOv8n-obb": Published(
        (1024, 1024),
        {"output0": _columns(21504, _boxes(1024, *[SCORE] * 15, (-0.7, 2.3)))},
        {"kind": "obb"},
        metadata={"task": "obb", "names": str({i: f"class {i}" for i in range(15)})},
    ),
    "YOLOX-nano": Published(
        (416, 416),
        {"output": _rows(3549, ([-2.0] * 4 + [0.01] * 81, [2.0] * 4 + [0.99] * 81))},
        {"kind": "yolox"},
    ),
    "YOLO5Face": Published(
        (640, 640),
        {"output": _rows(25200, _boxes(640, SCORE, *[(5.0, 600.0)] * 10, SCORE))},
        {"kind": "yolo5face"},
    ),
    "BlazeFace": Published(
        (128, 128),
        {"regressors": ((1, 896, 16), -20, 20), "classificators": ((1, 896, 1), -10, 5)},
        {"kind": "blazeface"},
    ),
    "MediaPipe palm": Published(
        (192, 192),
        {"Identity": ((1, 2016, 18), -20, 20), "Identity_1": ((1, 2016, 1), -10, 5)},
        {"kind": "blazeface"},
    ),
    "MediaPipe pose": Published(
        (224, 224),
        {"Identity": ((1, 2254, 12), -20, 20), "Identity_1": ((1, 2254, 1), -10, 5)},
        {"kind": "blazeface"},
    ),
    "NanoDet-Plus": Published(
        (416, 416),
        {"output": _rows(3598, ([0.01] * 80 + [-2.0] * 32, [0.99] * 80 + [2.0] * 32))},
        {"kind": "gfl"},
        ("head.family",),
    ),
    "FCOS of torchvision": Published(
        (256, 256),
        {
            "cls_logits": ((1, 1364, 91), -6, 2),
            "bbox_regression": ((1, 1364, 4), 0, 3),
            "bbox_ctrness": ((1, 1364, 1), -2, 2),
        },
        {"kind": "fcos", "family": "torchvision"},
    ),
    "RetinaNet of torchvision": Published(
        (256, 256),
        {"cls_logits": ((1, 12276, 91), -6, 2), "bbox_regression": ((1, 12276, 4), -1, 1)},
        {"kind": "retinanet", "family": "torchvision"},
    ),
    "YOLOv10n": Published(
        (640, 640),
        {"output0": _rows(300, ([0.0] * 4 + [0.01, 0], [640.0] * 4 + [0.99, 79]))},
        {"kind": "end2end"},
        metadata={"task": "detect", "names": NAMES},
    ),
    "RT-DETR": Published(
        (640, 640),
        {"labels": ((1, 300, 80), -6, 2), "boxes": ((1, 300, 4), 0.05, 0.9)},
        {"kind": "detr"},
        ("head.activation",),
    ),
    "MobileNetV3": Published(
        (224, 224), {"logits": ((1, 1000), -3, 9)}, {"kind": "classify"}, ("input.mean",)
    ),
    "DeepLabV3": Published(
        (256, 256), {"out": ((1, 21, 256, 256), -3, 9)}, {"kind": "segments"}, ("head.kind",)
    ),
    "RTMPose (SimCC)": Published(
        (192, 256),
        {"simcc_x": ((1, 17, 384), 0, 1), "simcc_y": ((1, 17, 512), 0, 1)},
        {"kind": "simcc"},
    ),
    "HRNet's heat maps": Published(
        (192, 256), {"output": ((1, 17, 64, 48), 0, 1)}, {"kind": "heatmap"}, ("head.kind",)
    ),
    "MediaPipe face mesh": Published(
        (192, 192),
        {"points": ((1, 1, 1, 1404), 5, 180), "flag": ((1, 1, 1, 1), -5, 5)},
        {"kind": "landmarks", "columns": 3, "units": "pixels"},
        ("head.kind", "head.columns", "input.range"),
    ),
}
