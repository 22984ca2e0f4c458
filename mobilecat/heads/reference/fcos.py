"""FCOS in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate
from mobilecat.heads.reference.levels import Pyramid, around, cut
from mobilecat.spec.heads import FcosHead


def decode(spec: FcosHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """x1 = x − left, …; score = √(class · centreness), or without the root, or the class alone."""
    width, height = size_wh
    torchvision = spec.family == "torchvision"
    offset = spec.offset
    if offset is None:
        offset = 0 if torchvision else 0.5
    score = spec.score or ("product" if spec.family == "mmdet" else "sqrt")
    distances = spec.distances or ("strides" if torchvision else "pixels")
    pyramid = Pyramid(outputs, size_wh, spec.strides, 1, spec.layout)
    sides = pyramid.take(spec.boxes, lambda d: d == 4)
    central = None if score == "class" else pyramid.take(spec.centerness, lambda d: d == 1)
    cls = pyramid.take(spec.scores, lambda d: True)
    assert sides is not None and cls is not None
    points, steps = [], []
    for stride, row, col in pyramid.cells():
        rows, cols = pyramid.grid[stride]
        dx, dy = (width // cols, height // rows) if torchvision else (stride, stride)
        points.append(((col + offset) * dx, (row + offset) * dy))
        steps.append([stride if distances == "strides" else 1])
    boxes = around(np.array(points, dtype=np.float64), sides * np.array(steps))
    found = activate(cls, spec.activation)
    if central is not None:
        found = found * activate(central, spec.activation)
        found = np.sqrt(found) if score == "sqrt" else found
    clip = torchvision if spec.clip is None else spec.clip
    return Candidates(cut(boxes, size_wh) if clip else boxes, found[None])
