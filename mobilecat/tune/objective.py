"""What "best" means, and which row is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mobilecat.errors import MobileCatError, Problem
from mobilecat.tune.measure import Row

WORDS = "f1, map, or recall@fp=NUMBER"
_RECALL_AT = re.compile(r"recall@fp=(\d+(?:\.\d*)?|\.\d+)", re.ASCII)


@dataclass(frozen=True)
class Objective:
    """name: as the user wrote it. fp: false positives a picture that a row may have, or None."""

    name: str
    value: Callable[[Row], float]
    fp: float | None = None


def objective_of(text: str) -> Objective:
    """Return the objective called `text`; MobileCatError naming what there is."""
    if text == "f1":
        return Objective(text, lambda row: row.f1)
    if text == "map":
        return Objective(text, lambda row: row.map50)
    if found := _RECALL_AT.fullmatch(text):
        return Objective(text, lambda row: row.recall, float(found[1]))
    raise MobileCatError("No such objective", [Problem(repr(text), "--objective", f"{WORDS}")])


def best_of(rows: Sequence[Row], objective: Objective) -> Row | None:
    """Return the best row; None where no row keeps to the false positives.

    Ties go to the higher score threshold, which leaves fewer boxes to handle and more distance to
    noise; then to the lower IoU threshold, and to fewer max_detections: a smaller output.
    """
    fp = objective.fp
    allowed = [r for r in rows if fp is None or r.false_positives_a_picture <= fp]

    def rank(row: Row) -> tuple[float, float, float, int]:
        s = row.setting
        value = round(objective.value(row), 9)  # sums of floats in another order are a tie
        return value, s.score_threshold, -s.iou_threshold, -s.max_detections

    return max(allowed, key=rank, default=None)
