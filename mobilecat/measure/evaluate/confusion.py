"""What each labelled object was taken for: its class, another, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.measure.evaluate.metrics import IOU, Truth, ious
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.pictures.detections import Detections

MISSED, NOTHING, OTHER = "missed", "nothing there", "another class"


@dataclass(frozen=True)
class Confusion:
    """counts: [row][column], how many objects of a row's class were found as a column's.

    rows: the evaluated classes, then what is no object. columns: the same classes, one that the
    labels do not have, then what was missed.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        counts = [list(row) for row in self.counts]
        return {"labelled": list(self.rows), "found": list(self.columns), "counts": counts}


def confusion_of(
    truths: Sequence[Truth], found: Sequence[Detections], classes: ClassMap
) -> Confusion:
    """Match at IoU 0.5 whatever the class, the most overlapping pair first, each box once.

    Objects to be ignored, and what overlaps them, do not count. A detection of a class that the
    labels do not have counts where it overlaps an object, and nowhere else.
    """
    n = len(classes.names)
    counts = np.zeros((n + 1, n + 2), np.int64)
    for truth, there in zip(truths, found, strict=True):
        mine = np.array([classes.model.get(int(c), n) for c in there.class_ids], np.int64)
        both = len(truth) > 0 and len(there) > 0
        overlap = ious(truth, there) if both else np.zeros((len(there), len(truth)))
        of_object, of_box = np.full(len(truth), -1), np.full(len(there), -1)
        pairs = np.argwhere(overlap >= IOU)
        for i, j in pairs[np.argsort(-overlap[pairs[:, 0], pairs[:, 1]], kind="stable")]:
            if of_object[j] < 0 and of_box[i] < 0:
                of_object[j], of_box[i] = i, j
        for j in np.flatnonzero(~truth.ignore):
            column = mine[of_object[j]] if of_object[j] >= 0 else n + 1
            counts[truth.class_ids[j], column] += 1
        near = (
            (overlap[:, truth.ignore] >= IOU).any(axis=1)
            if len(truth)
            else np.zeros(len(there), bool)
        )
        for i in np.flatnonzero((of_box < 0) & ~near & (mine < n)):
            counts[n, mine[i]] += 1
    rows, columns = (*classes.names, NOTHING), (*classes.names, OTHER, MISSED)
    return Confusion(rows, columns, tuple(tuple(map(int, row)) for row in counts))
