"""One set of points a picture in numpy; the box is their extent."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, pick, sigmoid
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
    found = _set_of(np.stack([x, y], axis=1), score_of(outputs, spec.score))
    if spec.visibility is not None:
        seen = values[spec.visibility :: every]
        seen = sigmoid(seen) if spec.visibility_activation == "sigmoid" else seen
        rows = {**found.rows, "landmark_scores": seen.reshape(1, 1, -1)}
        return Candidates(found.boxes, found.scores, rows)
    return found


def _set_of(points_xy: Array, score: Array) -> Candidates:
    low, high = points_xy.min(axis=0), points_xy.max(axis=0)
    box = np.concatenate([low, high]).reshape(1, 1, 4)
    return Candidates(box, score, {"landmarks": points_xy.reshape(1, 1, -1)})


def of_points(points_xy: Array, scores: Array) -> Candidates:
    """Return one set of points (L,2) with their scores (L,), whose mean is the set's."""
    found = _set_of(points_xy, np.array([[[scores.mean()]]]))
    return Candidates(
        found.boxes, found.scores, {**found.rows, "landmark_scores": scores.reshape(1, 1, -1)}
    )


def _fits(array: Array, spec: LandmarksHead) -> bool:
    left = array.size - spec.start
    if spec.count is None:
        return left >= spec.columns and left % spec.columns == 0
    needed = spec.columns * spec.count
    return left == needed or (spec.start > 0 and left >= needed)
