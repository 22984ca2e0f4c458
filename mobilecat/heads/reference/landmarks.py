"""One set of points a picture in numpy; the box is their extent."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, pick
from mobilecat.heads.reference.box import score_of
from mobilecat.spec import LandmarksHead


def decode(spec: LandmarksHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    rest = {k: v for k, v in outputs.items() if k != spec.score}
    name = pick(rest, spec.output, lambda a: _fits(a, spec))
    values = outputs[name].reshape(-1)[spec.start :].astype(np.float64)
    every = spec.columns
    values = values[: every * spec.count] if spec.count else values
    if spec.order == "x-then-y":
        x, y = np.split(values, 2)
    else:
        x, y = values[0::every], values[1::every]
    if spec.order == "yx":
        x, y = y, x
    if spec.units == "signed":
        x, y = (x + 1) / 2, (y + 1) / 2
    if spec.units != "pixels":
        x, y = x * size_wh[0], y * size_wh[1]
    box = np.array([[[x.min(), y.min(), x.max(), y.max()]]])
    points = np.stack([x, y], axis=1).reshape(1, 1, -1)
    return Candidates(box, score_of(outputs, spec.score), {"landmarks": points})


def _fits(array: Array, spec: LandmarksHead) -> bool:
    left = array.size - spec.start
    if spec.count is None:
        return left >= spec.columns and left % spec.columns == 0
    needed = spec.columns * spec.count
    return left == needed or (spec.start > 0 and left >= needed)
