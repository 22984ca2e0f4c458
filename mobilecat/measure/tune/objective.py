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


@dataclass(frozen=True)
class Plateau:
    """The score thresholds beside each other, of one IoU threshold and one max_detections, whose
    rows one object found or missed could swap. step: what that moves, at most.

    rows: by rising threshold. below, above: the next rows, where it falls off; None at an end.
    """

    step: float
    rows: tuple[Row, ...]
    below: Row | None
    above: Row | None

    def middle(self, objective: Objective) -> Row:
        """Return the row nearest to the middle, as thresholds are of these pictures, and the next
        ones differ; of two as near the better, then the higher threshold."""
        low, high = (r.setting.score_threshold for r in (self.rows[0], self.rows[-1]))

        def key(row: Row) -> tuple[float, float, float]:
            score = row.setting.score_threshold
            return -round(abs(score - (low + high) / 2), 9), objective.rank(row) or 0.0, score

        return max(self.rows, key=key)

    def words(self, objective: Objective) -> str:
        """Say how far it reaches, and where it falls off; "" where it is all that was swept."""
        falls = [
            f"at {row.setting.score_threshold:g} {_rank_said(objective, row)}"
            for row in (self.below, self.above)
            if row is not None
        ]
        if not falls:
            return ""
        low, high = (r.setting.score_threshold for r in (self.rows[0], self.rows[-1]))
        one = f"one object moves it by {self.step:.3f}"
        if low == high:
            return f"score_threshold {low:g} stands alone: {one}; {', '.join(falls)}"
        return (
            f"score_threshold {low:g} to {high:g} are as good within one object, which moves it "
            f"by {self.step:.3f}; {', '.join(falls)}"
        )


def _rank_said(objective: Objective, row: Row) -> str:
    if objective.rank(row) is None:
        return f"there are {row.false_positives_a_picture:.2f} false positives a picture"
    return f"it falls to {objective.value(row):.3f}"


def plateau_of(best: Row, rows: Sequence[Row], objective: Objective) -> Plateau:
    """Return the plateau on which `best`, whose rank no row exceeds, lies."""
    step = 1 / max(1, best.true_positives + best.missed)
    beside = sorted(
        (
            r
            for r in rows
            if replace(r.setting, score_threshold=0) == replace(best.setting, score_threshold=0)
        ),
        key=lambda r: r.setting.score_threshold,
    )
    top = objective.rank(best) or 0.0
    ranks = [objective.rank(r) for r in beside]
    good = [rank is not None and rank >= top - step for rank in ranks]
    first = last = beside.index(best)
    while first > 0 and good[first - 1]:
        first -= 1
    while last + 1 < len(beside) and good[last + 1]:
        last += 1
    below = beside[first - 1] if first else None
    above = beside[last + 1] if last + 1 < len(beside) else None
    return Plateau(step, tuple(beside[first : last + 1]), below, above)


def settled(
    rows: Sequence[Row], objective: Objective, now: Setting | None = None
) -> tuple[Row | None, Plateau | None]:
    """Return the row to take, and the plateau that it lies on.

    It is the best one's plateau, and its middle, unless what is baked is as good as any.
    """
    best = best_of(rows, objective, now)
    if best is None:
        return None, None
    plateau = plateau_of(best, rows, objective)
    baked = now is not None and best.setting.score_threshold == now.score_threshold
    return best if baked else plateau.middle(objective), plateau


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
