"""YOLOv8-style in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, table
from mobilecat.spec.heads import YoloV8Head


def decode(spec: YoloV8Head, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    raw = outputs[pick(outputs, spec.output, lambda a: a.ndim == 3 and max(a.shape[1:]) >= 5)]
    rows_last = raw.shape[1] < raw.shape[2] if spec.layout is None else spec.layout == "rows-last"
    rows = table(raw.swapaxes(1, 2) if rows_last else raw)
    unit_x, unit_y = size_wh if spec.units == "normalised" else (1, 1)
    cx, cy, w, h = rows[:, :4].T
    w, h = np.maximum(w, 0), np.maximum(h, 0)
    boxes = from_centres(cx * unit_x, cy * unit_y, w * unit_x, h * unit_y)
    return Candidates(boxes, rows[None, :, 4:])
