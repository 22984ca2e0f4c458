"""Which fit a network was trained on, told without labels: boxes against those of a cut-out.

A box is held to the one found in a cut-out of the input's own aspect, which no fit distorts: a
network that never saw stretched pictures puts boxes of the wrong shape on them, as sure of itself
as ever. Pure functions; who runs the network is elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecat.geometry.boxes import iou
from mobilecat.pictures.detections import Detections

MARGIN = 0.25
"""By how much one picture must differ before it says anything. Of n pictures their mean differs by
chance √n times less, so MARGIN/√n; and never less than a least difference."""
_LEAST_OVERLAP = 0.05
"""A mean difference of IoU below is real at times, and yet says nothing of the training."""
_SAME = 0.3
"""IoU above which two boxes are of one object."""

Box = Sequence[float]


def margin(pictures: int, least: float) -> float:
    """Return the least mean difference, of so many pictures, that says anything."""
    return max(least, MARGIN / math.sqrt(pictures))


def overlap_margin(pictures: int) -> float:
    """Return `margin` of the gains that `nearer` gives: IoU."""
    return margin(pictures, _LEAST_OVERLAP)


def decides(gains: Sequence[float]) -> float | None:
    """Return the mean of what `nearer` gave, a picture each, where that decides, else None."""
    if not gains:
        return None
    mean = float(np.mean(gains))
    return mean if abs(mean) > overlap_margin(len(gains)) else None


def cut_around(
    a_xyxy: Box, b_xyxy: Box, picture_wh: tuple[int, int], input_wh: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the largest cut-out of the input's aspect around both
    boxes; None where they do not fit."""
    scale = min(p / i for p, i in zip(picture_wh, input_wh, strict=True))
    sides = np.floor(np.array(input_wh) * scale)
    low = np.minimum(a_xyxy, b_xyxy)[:2]
    high = np.maximum(a_xyxy, b_xyxy)[2:]
    start = np.clip(np.rint((low + high - sides) / 2), 0, np.array(picture_wh) - sides)
    slack = sides.min() / 50  # boxes reach a little beyond their objects, and beyond pictures
    if (low < start - slack).any() or (high > start + sides + slack).any():
        return None
    left, top, right, bottom = (int(v) for v in (*start, *(start + sides)))
    return left, top, right, bottom


def pair_of(kept: Detections, other: Detections, threshold: float) -> tuple[Any, Any] | None:
    """Return the best box of each way, where both are of the same object; else None."""
    if not len(kept) or not len(other):
        return None
    a, b = (found.chosen(slice(1)) for found in (_ranked(kept), _ranked(other)))
    sure = max(a.scores[0], b.scores[0]) > threshold
    if (
        not sure
        or a.class_ids[0] != b.class_ids[0]
        or iou(a.boxes_xyxy, b.boxes_xyxy)[0, 0] < _SAME
    ):
        return None
    return a.boxes_xyxy[0], b.boxes_xyxy[0]


def nearer(kept_xyxy: Box, other_xyxy: Box, cut: Detections, threshold: float) -> float | None:
    """Return by how much IoU the other's box is nearer to the cut-out's than the kept one's.

    cut: what is found in the cut-out, in the picture's pixels. None: it has no such box.
    """
    sure = cut.chosen(cut.scores > threshold)
    if not len(sure):
        return None
    near = iou(sure.boxes_xyxy, np.array([kept_xyxy, other_xyxy]))
    best = near[near.sum(axis=1).argmax()]
    return float(best[1] - best[0]) if best.max() > _SAME else None


def _ranked(found: Detections) -> Detections:
    return found.chosen(np.argsort(-found.scores, kind="stable"))
