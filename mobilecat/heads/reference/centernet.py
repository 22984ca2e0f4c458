"""CenterFace in numpy, cell by cell."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays
from mobilecat.spec.heads import CenternetHead


def decode(spec: CenternetHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    pairs = [k for k, v in outputs.items() if v.shape[1] == 2 and k != spec.heatmap]
    size_name = spec.size or next(k for k in pairs if k != spec.offset)
    offset_name = spec.offset or next(k for k in pairs if k != size_name)
    rest = [k for k in outputs if k not in (size_name, offset_name)]
    heat_name = spec.heatmap or next(
        k for k in rest if k != spec.points and (spec.points or outputs[k].shape[1] % 2)
    )
    points_name = spec.points or next(
        (k for k in rest if k != heat_name and outputs[k].shape[1] % 2 == 0), None
    )
    heat, size, offset = (outputs[k][0].astype(float) for k in (heat_name, size_name, offset_name))
    points = outputs[points_name][0].astype(float) if points_name else np.zeros((0, 1, 1))
    _, rows, cols = heat.shape
    stride = size_wh[0] / cols
    boxes, landmarks = [], []
    for row in range(rows):
        for col in range(cols):
            h, w = (math.exp(v) * stride for v in size[:, row, col])
            cy = (row + offset[0, row, col] + 0.5) * stride
            cx = (col + offset[1, row, col] + 0.5) * stride
            x1, y1 = cx - w / 2, cy - h / 2
            boxes.append((x1, y1, x1 + w, y1 + h))
            if points_name:
                at = points[:, row, col]
                for y, x in zip(at[0::2], at[1::2], strict=True):
                    landmarks += [x1 + x * w, y1 + y * h]
    scores = heat.reshape(len(heat), -1).T[None]
    n = rows * cols
    given = {"landmarks": np.array(landmarks).reshape(1, n, -1)} if points_name else {}
    return Candidates(np.array(boxes)[None], scores, given)
