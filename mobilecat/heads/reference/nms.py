"""Suppression in numpy, written from the definition in `mobilecat.bake.nms`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mobilecat.graph import Array

Overlap = Callable[[int, list[int]], Array]
"""(row, other rows) → how much the row's box overlaps each of theirs."""

BLOCK = 128
"""Candidates that are held to each other at once, best first; a list is often full before the
last."""


def suppress(
    boxes: Array,
    scores: Array,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
    per_class: bool,
    overlap: Overlap | None = None,
) -> list[int]:
    """Return the rows kept, best first. boxes: [N,4] xyxy; scores: [N,C]. overlap: by default the
    IoU of upright boxes."""
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    order = np.argsort(-best, kind="stable")
    waiting = order[best[order] > score_threshold]
    if overlap is not None:
        return _one_by_one(waiting.tolist(), classes, overlap, iou_threshold, max_detections,
                           per_class)  # fmt: skip
    ranked, kinds = boxes[waiting], classes[waiting]
    kept: list[int] = []

    def clash(some: Array, others: Array) -> Array:
        """Return which of `others` may not stand beside which of `some`, [some, others]."""
        over: Array = _iou(ranked[some][:, None], ranked[others][None]) > iou_threshold
        return over & (kinds[some][:, None] == kinds[others][None]) if per_class else over

    for start in range(0, len(waiting), BLOCK):
        if len(kept) >= max_detections:
            break
        block = np.arange(start, min(start + BLOCK, len(waiting)))
        block = block[~clash(np.array(kept, np.int64), block).any(axis=0)]
        among, free = clash(block, block), np.ones(len(block), np.bool_)
        for k, place in enumerate(block.tolist()):
            if free[k] and len(kept) < max_detections:
                kept.append(place)
                free &= ~among[k]
    rows: list[int] = waiting[kept].tolist()
    return rows


def _one_by_one(
    waiting: Sequence[int],
    classes: Array,
    overlap: Overlap,
    iou_threshold: float,
    max_detections: int,
    per_class: bool,
) -> list[int]:
    kept: list[int] = []
    for i in waiting:
        if len(kept) == max_detections:
            break
        rivals = [k for k in kept if not per_class or classes[k] == classes[i]]
        if not rivals or overlap(i, rivals).max() <= iou_threshold:
            kept.append(i)
    return kept


def _iou(a: Array, b: Array) -> Array:
    """Return the IoU of boxes (…,4) and (…,4), 0 where no area is."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    sides = np.clip(high - low, 0, None)
    inter = sides[..., 0] * sides[..., 1]
    areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    union = areas[0] + areas[1] - inter
    iou: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return iou
