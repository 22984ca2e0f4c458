"""RetinaFace in numpy, prior by prior."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, from_centres, table
from mobilecat.heads.reference.levels import Pyramid
from mobilecat.spec.heads import RetinafaceHead


def decode(spec: RetinafaceHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """centre = prior + loc · 0.1 · side, size = side · e^(loc · 0.2), point = prior + landm · 0.1 ·
    side; the score is the second of two.
    """
    width, height = size_wh
    loc, conf, landms = _tables(spec, outputs, size_wh)
    face = activate(conf, spec.activation)[None, :, 1:]
    x, y = landms[:, 0::2], landms[:, 1::2]
    if spec.form == "decoded":
        x1, y1, x2, y2 = (loc * [width, height, width, height]).T
        boxes = np.stack([x1, y1, np.maximum(x1, x2), np.maximum(y1, y2)], axis=-1)[None]
        points = np.stack([x * width, y * height], axis=-1)
        return Candidates(boxes, face, {"landmarks": points.reshape(1, len(loc), -1)})
    priors = []
    for stride, sides in sorted(zip(spec.strides, spec.priors, strict=True)):
        for row in range(math.ceil(height / stride)):
            for col in range(math.ceil(width / stride)):
                priors += [((col + 0.5) * stride, (row + 0.5) * stride, side) for side in sides]
    px, py, side = np.array(priors).T
    v, w = spec.variances
    boxes = from_centres(
        px + loc[:, 0] * v * side,
        py + loc[:, 1] * v * side,
        side * np.exp(loc[:, 2] * w),
        side * np.exp(loc[:, 3] * w),
    )
    step = (v * side)[:, None]
    points = np.stack([px[:, None] + x * step, py[:, None] + y * step], axis=-1)
    return Candidates(boxes, face, {"landmarks": points.reshape(1, len(loc), -1)})


def _tables(
    spec: RetinafaceHead, outputs: Arrays, size_wh: tuple[int, int]
) -> tuple[Array, Array, Array]:
    if spec.columns is not None:
        rows = next(
            table(v)
            for k, v in outputs.items()
            if (spec.output is None and v.shape[-1] >= 8) or k == spec.output
        )
        if spec.columns == "boxes-scores-points":
            return rows[:, :4], rows[:, 4:6], rows[:, 6:]
        return rows[:, :4], rows[:, -2:], rows[:, 4:-2]
    pyramid = Pyramid(outputs, size_wh, spec.strides, len(spec.priors[0]), spec.layout)
    loc = pyramid.take(spec.boxes, lambda d: d == 4)
    conf = pyramid.take(spec.scores, lambda d: d == 2)
    landms = pyramid.take(spec.points, lambda d: d >= 6)
    assert loc is not None and conf is not None and landms is not None
    return loc, conf, landms
