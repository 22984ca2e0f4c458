"""YOLO-style pose in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, sigmoid, table
from mobilecat.spec.heads import PoseHead


def decode(spec: PoseHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    raw = outputs[pick(outputs, spec.output, lambda a: a.ndim == 3 and max(a.shape[1:]) >= 7)]
    rows_last = raw.shape[1] < raw.shape[2] if spec.layout is None else spec.layout == "rows-last"
    rows = table(raw.swapaxes(1, 2) if rows_last else raw)
    unit_x, unit_y = size_wh if spec.units == "normalised" else (1, 1)
    cx, cy, w, h = rows[:, :4].T
    boxes = from_centres(
        cx * unit_x, cy * unit_y, np.maximum(w, 0) * unit_x, np.maximum(h, 0) * unit_y
    )
    first = 5 if spec.objectness else 4
    scores = rows[:, first : first + spec.classes]
    if spec.objectness:
        scores = scores * rows[:, 4:5]
    rest = rows[:, first + spec.classes :]
    step = 2 if spec.visibility == "none" else 3
    points = np.empty((len(rows), rest.shape[1] // step * 2))
    points[:, 0::2], points[:, 1::2] = rest[:, 0::step] * unit_x, rest[:, 1::step] * unit_y
    carried = {"landmarks": points[None]}
    if step == 3:
        seen = rest[:, 2::3]
        carried["landmark_scores"] = (sigmoid(seen) if spec.visibility == "logit" else seen)[None]
    return Candidates(boxes, scores[None], carried)
