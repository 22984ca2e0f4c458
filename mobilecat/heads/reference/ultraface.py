"""UltraFace in numpy."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, table
from mobilecat.spec.heads import UltrafaceHead

MIN_BOXES = [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]]


def decode(spec: UltrafaceHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """centre = loc · 0.1 · side + prior, side · e^(loc · 0.2), all in 0..1 of the picture."""
    width, height = size_wh
    loc = table(outputs[pick(outputs, spec.boxes, lambda a: a.shape[-1] == 4)])
    face = table(outputs[pick(outputs, spec.scores, lambda a: a.shape[-1] == 2)])[None, :, 1:]
    if spec.form == "decoded":
        loc[:, 2:] = np.maximum(loc[:, :2], loc[:, 2:])
        return Candidates((loc * [width, height, width, height])[None], face)
    priors = []
    for stride, sides in zip((8, 16, 32, 64), MIN_BOXES, strict=True):
        fw, fh = math.ceil(width / stride), math.ceil(height / stride)
        for j in range(fh):
            for i in range(fw):
                for side in sides:
                    priors.append(((i + 0.5) / fw, (j + 0.5) / fh, side / width, side / height))
    x, y, w, h = np.clip(np.array(priors), 0, 1).T
    boxes = from_centres(
        (loc[:, 0] * 0.1 * w + x) * width,
        (loc[:, 1] * 0.1 * h + y) * height,
        np.exp(loc[:, 2] * 0.2) * w * width,
        np.exp(loc[:, 3] * 0.2) * h * height,
    )
    return Candidates(boxes, face)
