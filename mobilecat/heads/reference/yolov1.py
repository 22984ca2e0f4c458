"""YOLOv1 in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, pick
from mobilecat.spec.heads import YoloV1Head


def decode(spec: YoloV1Head, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """cx = (x + column) / columns, cy = (y + row) / rows, w and h of the picture, conf · class."""
    width, height = size_wh
    raw = outputs[pick(outputs, spec.output, lambda a: a.ndim == 4)][0].astype(np.float64)
    channels_last = raw.shape[0] * width == raw.shape[1] * height
    if spec.layout == "NCHW" or (spec.layout is None and not channels_last):
        raw = raw.transpose(1, 2, 0)
    rows, cols, _ = raw.shape
    boxes, scores = [], []
    for i in range(rows):
        for j in range(cols):
            classes = raw[i, j, 5 * spec.boxes :]
            for x, y, w, h, conf in raw[i, j, : 5 * spec.boxes].reshape(-1, 5):
                cx, cy = (x + j) / cols * width, (y + i) / rows * height
                w, h = max(w, 0) * width, max(h, 0) * height
                boxes.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
                scores.append(conf * classes)
    return Candidates(np.array(boxes)[None], np.array(scores)[None])
