"""Suppression in numpy, written from the definition in `mobilecat.bake.nms`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mobilecat.graph import Array

Overlap = Callable[[int, list[int]], Array]
"""(row, other rows) → how much the row's box overlaps each of theirs."""


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
    measured = overlap or (lambda i, others: _iou(boxes[i], boxes[others]))
    best = scores.max(axis=1) if scores.shape[1] else np.zeros(len(scores))
    classes = scores.argmax(axis=1)
    waiting = [int(i) for i in np.argsort(-best, kind="stable") if best[i] > score_threshold]
    kept: list[int] = []
    for i in waiting:
        if len(kept) == max_detections:
            break
        rivals = [k for k in kept if not per_class or classes[k] == classes[i]]
        if not rivals or measured(i, rivals).max() <= iou_threshold:
            kept.append(i)
    return kept


def _iou(box: Array, others: Array) -> Array:
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(box[2:] - box[:2])
    union = area + np.prod(others[:, 2:] - others[:, :2], axis=1) - inter
    iou: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return iou
