"""Losses, in Keras' backend-free operations.

Detector rows: targets [B,N,6] are ymin, xmin, ymax, xmax in 0..1, face (0 or 1), weight (0: left
out); predictions [B,N,5] are ty, tx, th, tw, logit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tools.train_demo.nets import decoded

BoxLoss = Callable[[Any, Any, Any], Any]


def smooth_l1(boxes: Any, rows: Any, anchors: Any) -> Any:
    """Huber's loss on the encodings [B,N,4], summed over them: [B,N]. As in the TF API's SSD."""
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 1e-4)
    offset = (centre - anchors[:, :2]) / anchors[:, 2:] * 10.0
    log_size = ops.log(sides / anchors[:, 2:]) * 5.0
    away = ops.abs(ops.concatenate([offset, log_size], axis=-1) - rows[..., :4])
    return ops.sum(ops.where(away < 1, 0.5 * away * away, away - 0.5), axis=-1)


def ciou(boxes: Any, rows: Any, anchors: Any) -> Any:
    """1 − CIoU of the decoded boxes: [B,N]. https://arxiv.org/abs/1911.08287, (10) to (12)."""
    found = decoded(rows, anchors)
    low = ops.maximum(boxes[..., :2], found[..., :2])
    high = ops.minimum(boxes[..., 2:], found[..., 2:])
    overlap = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
    sides, found_sides = boxes[..., 2:] - boxes[..., :2], found[..., 2:] - found[..., :2]
    union = ops.prod(sides, axis=-1) + ops.prod(found_sides, axis=-1) - overlap
    iou = overlap / ops.maximum(union, 1e-7)
    apart = (boxes[..., :2] + boxes[..., 2:] - found[..., :2] - found[..., 2:]) / 2
    hull = ops.maximum(boxes[..., 2:], found[..., 2:]) - ops.minimum(boxes[..., :2], found[..., :2])
    distance = ops.sum(apart * apart, axis=-1) / ops.maximum(ops.sum(hull * hull, axis=-1), 1e-7)
    shape = ops.arctan(sides[..., 1] / ops.maximum(sides[..., 0], 1e-4)) - ops.arctan(
        found_sides[..., 1] / ops.maximum(found_sides[..., 0], 1e-4)
    )
    v = 4 / math.pi**2 * shape * shape
    # The weight is a constant where the gradient is concerned: section 3.2 of the paper.
    alpha = ops.stop_gradient(v / ops.maximum(1 - iou + v, 1e-7))
    return 1 - iou + distance + alpha * v


# The weights bring both to the size of the focal loss on this data.
BOX_LOSSES: dict[str, tuple[BoxLoss, float]] = {"ciou": (ciou, 2.0), "smooth-l1": (smooth_l1, 1.0)}


class DetectorLoss(keras.losses.Loss):
    """Focal loss (https://arxiv.org/abs/1708.02002) on all anchors, a box loss on the faces'."""

    def __init__(self, box: str, anchors: np.ndarray, gamma: float = 2.0, alpha: float = 0.4):
        super().__init__(name="detector", reduction=None)
        self.box, self.box_weight = BOX_LOSSES[box]
        self.anchors = anchors
        self.gamma, self.alpha = gamma, alpha

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each picture [B]: sums over its anchors, by the number of faces'."""
        face, weight, logit = y_true[..., 4], y_true[..., 5], y_pred[..., 4]
        entropy = ops.relu(logit) - logit * face + ops.softplus(-ops.abs(logit))
        p = ops.sigmoid(logit)
        wrong = ops.where(face > 0.5, 1 - p, p)
        balance = ops.where(face > 0.5, self.alpha, 1 - self.alpha)
        focal = balance * ops.power(wrong, self.gamma) * entropy * weight
        boxes = self.box(y_true[..., :4], y_pred, ops.convert_to_tensor(self.anchors)) * face
        count = ops.maximum(ops.sum(face, axis=-1), 1.0)
        both = ops.sum(focal, axis=-1) + self.box_weight * ops.sum(boxes, axis=-1)
        return both / count


class PointsLoss(keras.losses.Loss):
    """Smooth L1 on points [B,18] in crops' sides, quadratic below 1 % of the side."""

    def __init__(self, bend: float = 0.01):
        super().__init__(name="points", reduction=None)
        self.bend = bend

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each crop [B]."""
        away = ops.abs(y_true - y_pred)
        bent = ops.where(away < self.bend, away * away / (2 * self.bend), away - self.bend / 2)
        return ops.sum(bent, axis=-1)
