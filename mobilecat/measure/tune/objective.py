"""What "best" means, and which row is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.tune.grid import Setting
from mobilecat.measure.tune.measure import Row

WORDS = "f1, map, or recall@fp=NUMBER"
_RECALL_AT = re.compile(r"recall@fp=(\d+(?:\.\d*)?|\.\d+)", re.ASCII)


@dataclass(frozen=True)
class Objective:
    """name: as the user wrote it. fp: false positives a picture that a row may have, or None."""

    name: str
    value: Callable[[Row], float]
    fp: float | None = None

    def rank(self, row: Row) -> float | None:
        """Return what is compared, the higher the better; None for a row with too many."""
        if self.fp is not None and row.false_positives_a_picture > self.fp:
            return None
        return round(self.value(row), 9)  # sums of floats in another order are a tie


def objective_of(text: str) -> Objective:
    """Return the objective called `text`; MobileCatError naming what there is."""
    if text == "f1":
        return Objective(text, lambda row: row.f1)
    if text == "map":
        return Objective(text, lambda row: row.map50)
    if found := _RECALL_AT.fullmatch(text):
        return Objective(text, lambda row: row.recall, float(found[1]))
    raise MobileCatError("No such objective", [Problem(repr(text), "--objective", f"{WORDS}")])


def best_of(rows: Sequence[Row], objective: Objective, now: Setting | None = None) -> Row | None:
    """Return the best row; None where no row keeps to the false positives.

    now: what the bundle has: of rows as good, the one that changes the fewest keys of it is taken.
    Other ties go to the higher score threshold, which leaves fewer boxes to handle and more
    distance to noise; then to the lower IoU threshold, and to fewer max_detections: a smaller
    output.
    """
    ranked = [(rank, row) for row in rows if (rank := objective.rank(row)) is not None]

    def key(ranked: tuple[float, Row]) -> tuple[float, int, float, float, int]:
        s = ranked[1].setting
        return ranked[0], s.alike(now), s.score_threshold, -s.iou_threshold, -s.max_detections

    return max(ranked, key=key)[1] if ranked else None


def edges(best: Row, rows: Sequence[Row], objective: Objective) -> list[str]:
    """Say where the best lies on the edge of what was swept, and its neighbour is worse."""
    said = []
    by_setting = {row.setting: row for row in rows}
    for name in ("score_threshold", "iou_threshold"):
        values = sorted({getattr(setting, name) for setting in by_setting})
        value = getattr(best.setting, name)
        if len(values) == 1 or value not in (values[0], values[-1]) or not 0 < value < 1:
            continue
        low = value == values[0]
        beside = by_setting[replace(best.setting, **{name: values[1 if low else -2]})]
        if objective.rank(beside) != objective.rank(best):
            which = "lowest" if low else "highest"
            said.append(f"the best {name}, {value:g}, is the {which} swept: sweep beyond it")
    return said
