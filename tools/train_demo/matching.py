"""Which anchor stands for which face."""

from __future__ import annotations

import numpy as np


def targets(faces_xyxy: np.ndarray, anchors: np.ndarray, size: int) -> np.ndarray:
    """Return the rows [N,6] of one picture from its faces' boxes [F,4] in pixels.

    An anchor stands for the face that it overlaps best: from IoU 0.5 on, or where no anchor fits
    the face better. Between 0.4 and 0.5, and on faces hardly seen, it is left out.
    """
    rows = np.zeros((len(anchors), 6), np.float32)
    rows[:, 5] = 1
    if not len(faces_xyxy):
        return rows
    clipped = faces_xyxy.clip(0, size)
    area = np.prod(faces_xyxy[:, 2:] - faces_xyxy[:, :2], axis=1)
    seen = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(area, 1e-6)
    shown = (seen > 0.4) & ((clipped[:, 2:] - clipped[:, :2]).min(1) > 0.06 * size)
    boxes = clipped[:, [1, 0, 3, 2]] / size
    overlap = _iou(anchors, boxes)
    best = overlap.argmax(1)
    most = overlap[np.arange(len(anchors)), best]
    rows[:, :4] = boxes[best]
    positive = (most >= 0.5) & shown[best]
    for face in np.flatnonzero(shown):
        anchor = overlap[:, face].argmax()
        rows[anchor, :4] = boxes[face]
        positive[anchor] = True
    rows[:, 4] = positive
    rows[:, 5] = positive | (most < 0.4) & ~((most >= 0.25) & ~shown[best])
    return rows


def _iou(anchors: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = anchors[:, None, :2] - anchors[:, None, 2:] / 2, anchors[:, None, :2]
    high = high + anchors[:, None, 2:] / 2
    overlap = np.clip(np.minimum(high, boxes[:, 2:]) - np.maximum(low, boxes[:, :2]), 0, None).prod(
        -1
    )
    union = anchors[:, None, 2:].prod(-1) + (boxes[:, 2:] - boxes[:, :2]).prod(-1) - overlap
    return overlap / np.maximum(union, 1e-9)
