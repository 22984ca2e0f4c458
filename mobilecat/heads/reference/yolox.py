"""YOLOX in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, table
from mobilecat.spec.heads import YoloXHead


def decode(spec: YoloXHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """xy = (p + cell) · stride, wh = e^p · stride, score = obj · class."""
    p = table(outputs[pick(outputs, spec.output, lambda a: a.ndim == 3 and a.shape[2] > 5)])
    cells = [
        (col, row, stride)
        for stride in spec.strides
        for row in range(size_wh[1] // stride)
        for col in range(size_wh[0] // stride)
    ]
    col, row, stride = np.array(cells, dtype=np.float64).T
    cx, cy = (p[:, 0] + col) * stride, (p[:, 1] + row) * stride
    w, h = np.exp(p[:, 2]) * stride, np.exp(p[:, 3]) * stride
    return Candidates(from_centres(cx, cy, w, h), (p[:, 4:5] * p[:, 5:])[None])
