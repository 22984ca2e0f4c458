"""RetinaNet in numpy, its anchors one by one."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, from_centres
from mobilecat.heads.reference.levels import Pyramid, cut
from mobilecat.spec.heads import RetinanetHead

LARGEST = 1000 / 16


def decode(spec: RetinanetHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """centre = anchor + delta · side, size = side · min(e^delta, 1000/16)."""
    width, height = size_wh
    torchvision = spec.family == "torchvision"
    shapes = {s: _shapes(spec, k, s) for k, s in enumerate(spec.strides)}
    pyramid = Pyramid(outputs, size_wh, spec.strides, len(shapes[spec.strides[0]]), spec.layout)
    deltas = pyramid.take(spec.boxes, lambda d: d == 4)
    scores = pyramid.take(spec.scores, lambda d: True)
    assert deltas is not None and scores is not None
    anchors = []
    for i, (stride, row, col) in enumerate(pyramid.cells()):
        rows, cols = pyramid.grid[stride]
        dx, dy = (width // cols, height // rows) if torchvision else (stride, stride)
        offset = spec.offset or 0
        w, h = shapes[stride][i % pyramid.anchors]
        anchors.append(((col + offset) * dx, (row + offset) * dy, w, h))
    x, y, w, h = np.array(anchors).T
    dx, dy = deltas[:, :2].T * spec.variances[0]
    grown = np.exp(deltas[:, 2:] * spec.variances[1])
    clamp = spec.clamp or ("both" if spec.family == "mmdet" else "above")
    if clamp != "none":
        grown = grown.clip(1 / LARGEST if clamp == "both" else 0, LARGEST)
    boxes = from_centres(x + dx * w, y + dy * h, w * grown[:, 0], h * grown[:, 1])
    clip = spec.family in ("torchvision", "detectron2") if spec.clip is None else spec.clip
    return Candidates(
        cut(boxes, size_wh) if clip else boxes, activate(scores, spec.activation)[None]
    )


def _shapes(spec: RetinanetHead, level: int, stride: int) -> list[tuple[float, float]]:
    """Return width and height of each anchor of a cell, in the library's order."""
    torchvision = spec.family == "torchvision"
    if spec.sizes is not None:
        sizes = list(spec.sizes[level])
    elif spec.scales is not None:
        sizes = [scale * stride for scale in spec.scales]
    else:
        sizes = [stride * 4 * 2 ** (k / 3) for k in range(3)]
        sizes = [float(int(v)) for v in sizes] if torchvision else sizes
    made = {
        (i, j): (size / math.sqrt(ratio), size * math.sqrt(ratio))
        for i, ratio in enumerate(spec.ratios)
        for j, size in enumerate(sizes)
    }
    order = spec.order
    if order is None:
        order = "sizes-then-ratios" if spec.family == "detectron2" else "ratios-then-sizes"
    keys = sorted(made) if order == "ratios-then-sizes" else sorted(made, key=lambda k: k[::-1])
    rounded = torchvision if spec.rounded is None else spec.rounded
    if rounded:
        return [(round(made[k][0] / 2) * 2, round(made[k][1] / 2) * 2) for k in keys]
    return [made[k] for k in keys]
