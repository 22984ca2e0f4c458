"""Which candidates are kept, in numpy, written from the words of `NmsSpec` alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mobilecat.geometry.turned import probiou, turned_corners, turned_iou
from mobilecat.graph import Array
from mobilecat.heads.reference.nms import Overlap, suppress
from mobilecat.spec import NmsSpec


class Kept(NamedTuple):
    """What is kept, best first: rows of the candidates, their classes and scores, [n] each."""

    rows: Array
    classes: Array
    scores: Array


def select(boxes: Array, scores: Array, nms: NmsSpec, angles: Array | None = None) -> Kept:
    """boxes: [N,4] xyxy; scores: [N,C]; angles: [N], where boxes are turned."""
    if nms.selection == "pairs":
        return _pairs(scores, nms)
    if nms.selection == "best":
        best = scores.max(axis=1, initial=-np.inf)
        order = np.argsort(-best, kind="stable")
        rows = order[best[order] > nms.score_threshold][: nms.max_detections]
    else:
        limits = nms.score_threshold, nms.iou_threshold, nms.max_detections, nms.per_class
        overlap = overlap_of(boxes, angles, nms) if angles is not None else None
        rows = np.array(suppress(boxes, scores, *limits, overlap), dtype=np.int64)
    return Kept(rows, scores[rows].argmax(axis=1), scores[rows].max(axis=1, initial=0))


def _pairs(scores: Array, nms: NmsSpec) -> Kept:
    """Row by row and class by class, so that sorting keeps equals in that order."""
    rows, classes = np.indices(scores.shape).reshape(2, -1)
    flat = scores[rows, classes]
    above = flat > nms.score_threshold
    rows, classes, flat = rows[above], classes[above], flat[above]
    order = np.argsort(-flat, kind="stable")[: nms.max_detections]
    return Kept(rows[order], classes[order], flat[order])


def overlap_of(boxes: Array, angles: Array, nms: NmsSpec) -> Overlap:
    """Return (row, other rows) → how much a turned box overlaps others, as `nms.overlap` says."""
    wide, turns = np.asarray(boxes, np.float64), np.asarray(angles, np.float64).reshape(-1)
    if nms.overlap == "probiou":

        def gaussians(i: int, others: list[int]) -> Array:
            row: Array = probiou(wide[[i]], turns[[i]], wide[others], turns[others])[0]
            return row

        return gaussians
    corners = turned_corners(wide, turns)

    def polygons(i: int, others: list[int]) -> Array:
        row: Array = turned_iou(corners[[i]], corners[others])[0]
        return row

    return polygons
