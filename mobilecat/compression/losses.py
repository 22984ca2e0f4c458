"""What a recipe loses against the source, in points of 100, and how sure pictures make of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mobilecat.measure.evaluate.scores import Scores

GROUPS = 10
"""Of pictures, each left out once: the jackknife's, which needs no chance."""
NOTHING_LEFT = 100.0
"""Points lost where the source has a figure and the artifact has none."""


@dataclass(frozen=True)
class Measure:
    """One figure of accuracy. least: what one object that is found at one IoU threshold less, or
    one object more or less, moves it by, in points."""

    name: str
    value: Callable[[Scores], float | None]
    least: Callable[[Scores], float]
    falls: bool = True
    """Whether it is worse when it is lower."""


def _one(count: int | None, parts: int = 1) -> float:
    return 100.0 / count / parts if count else NOTHING_LEFT


MAP = Measure("mAP", lambda s: s.ap, lambda s: _one(s.objects, 10))
NME = Measure(
    "NME",
    lambda s: s.landmarks.nme if s.landmarks else None,
    lambda s: _one(s.landmarks.measured if s.landmarks else 0, 10),
    falls=False,
)
TOP1 = Measure(
    "top-1",
    lambda s: s.classifier.top1 if s.classifier else None,
    lambda s: _one(s.classifier.pictures if s.classifier else 0),
)
MIOU = Measure(
    "mIoU",
    lambda s: s.class_map.miou if s.class_map else None,
    lambda s: _one(s.pictures),
)


def measures_of(source: Scores, single: bool) -> tuple[Measure, ...]:
    """Return what a budget is held to: of a detector mAP, of landmarks their error, of a head with
    both both. single: the head gives one result a picture, whose box follows from its landmarks."""
    if source.classifier is not None:
        return (TOP1,)
    if source.class_map is not None:
        return (MIOU,)
    marks = source.landmarks is not None and source.landmarks.nme is not None
    if single and marks:
        return (NME,)
    found = [MAP] if source.ap is not None else []
    return (*found, *((NME,) if marks else ()))


def lost(source: Scores, own: Scores, measures: Sequence[Measure]) -> float:
    """Return the points lost of the measure that lost most; below 0: it gained."""
    worst = -math.inf
    for measure in measures:
        before, after = measure.value(source), measure.value(own)
        if before is None:
            continue
        if after is None:
            return NOTHING_LEFT
        points = 100 * (before - after if measure.falls else after - before)
        worst = max(worst, points)
    return NOTHING_LEFT if worst == -math.inf else worst + 0.0


def spread_of(left_out: Sequence[float]) -> float:
    """Return the standard error of a figure from its values with one group of pictures left out.

    The jackknife's: √((g − 1)/g · Σ(θᵢ − θ̄)²), Efron 1982. 0 for fewer than two.
    """
    g = len(left_out)
    if g < 2:
        return 0.0
    mean = sum(left_out) / g
    return math.sqrt((g - 1) / g * sum((v - mean) ** 2 for v in left_out))


def groups_of(count: int) -> tuple[tuple[int, ...], ...]:
    """Return the pictures to score, by place, with each group left out; () for too few."""
    n = min(GROUPS, count)
    if n < 2:
        return ()
    return tuple(tuple(i for i in range(count) if i % n != k) for k in range(n))
