"""YOLOv3 in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, sigmoid
from mobilecat.heads.reference.yolo_maps import decode_maps
from mobilecat.spec.heads import YoloV3Head


def decode(spec: YoloV3Head, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    return decode_maps(spec.anchors, outputs, size_wh, _box)


def _box(t: Array, cell: Array, stride: int, anchor: Array) -> tuple[Array, Array]:
    return (sigmoid(t[..., :2]) + cell) * stride, np.exp(t[..., 2:]) * anchor
