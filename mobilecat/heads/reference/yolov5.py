"""YOLOv5 in numpy, decoded or from raw maps."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, sigmoid, table
from mobilecat.heads.reference.yolo_maps import decode_maps
from mobilecat.spec.heads import YoloV5Head


def decode(spec: YoloV5Head, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    rows_there = any(a.ndim == 3 for a in outputs.values())
    if spec.form == "maps" or (spec.form is None and not rows_there):
        return decode_maps(spec.anchors, outputs, size_wh, _box)
    rows = table(outputs[pick(outputs, spec.output, lambda a: a.ndim == 3 and a.shape[2] > 5)])
    rows[:, 2:4] = np.maximum(rows[:, 2:4], 0)
    if spec.units == "normalised":
        rows[:, [0, 2]] *= size_wh[0]
        rows[:, [1, 3]] *= size_wh[1]
    return Candidates(from_centres(*rows[:, :4].T), (rows[:, 4:5] * rows[:, 5:])[None])


def _box(t: Array, cell: Array, stride: int, anchor: Array) -> tuple[Array, Array]:
    s = sigmoid(t)
    return (2 * s[..., :2] - 0.5 + cell) * stride, (2 * s[..., 2:]) ** 2 * anchor
