"""Whether labels and boxes are of one thing: a face lies within the animal, and is not it."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence

import numpy as np

from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.pictures.detections import Detections

_WITHIN = 0.9
"""The share of the smaller box that lies in the larger one."""
_LARGER = 2.0
"""Times in area: at half the area IoU is 0.5 at most, and nothing counts as found."""
_PAIRS = 3


def other_part(truths: Sequence[Truth], found: Sequence[Detections], classes: ClassMap) -> str:
    """Say that most labels lie far within the model's boxes, or around them; "" where they do not.

    truths, found: one a picture, boxes xyxy in its pixels; of one lane.
    """
    every = (_ratios(t, f, classes) for t, f in zip(truths, found, strict=True))
    ratios = array("d", itertools.chain.from_iterable(every))
    for side, sign in (("smaller", 1.0), ("larger", -1.0)):
        apart = array("d", (r**sign for r in ratios if r**sign > _LARGER))
        if len(apart) >= _PAIRS and 2 * len(apart) > len(ratios):
            where = "within boxes" if side == "smaller" else "around boxes"
            return (
                f"{len(apart)} of {len(ratios)} labels lie {where} of their class, and are "
                f"{float(np.median(apart)):.1f} times {side} in area: labels and model may mean "
                "different things, such as a face and the whole animal. These figures are of how "
                "the two agree, not of how well the model finds what it was trained on"
            )
    return ""


def _ratios(truth: Truth, found: Detections, classes: ClassMap) -> list[float]:
    """Return area of box over area of label, of each label that a box holds or that holds one."""
    if not len(found) or not len(truth):
        return []
    mine = np.array([classes.model.get(int(c), -1) for c in found.class_ids])
    ratios = []
    for box, kind in zip(
        truth.boxes_xyxy[~truth.ignore], truth.class_ids[~truth.ignore], strict=True
    ):
        others = found.boxes_xyxy[mine == kind]
        low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        theirs = np.prod(others[:, 2:] - others[:, :2], axis=1)
        its = float(np.prod(box[2:] - box[:2]))
        least = np.minimum(theirs, its)
        with np.errstate(invalid="ignore", divide="ignore"):
            within = (least > 0) & (shared >= _WITHIN * least)
        if within.any():
            ratios.append(float(theirs[within][shared[within].argmax()]) / its)
    return ratios
