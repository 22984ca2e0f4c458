"""From suspects to an answer: the simplest that fits within the noise, and what it cannot be told
apart from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mobilecat.diagnosis.catalogue import BY_ID
from mobilecat.diagnosis.facts import Scene
from mobilecat.diagnosis.search import Suspect, coordinates_of, rows_of, suspects

Verdict = Literal["nothing wrong", "named", "unexplained", "no boxes"]

NOISE_PX = 1.0
PER_BUG = 16.0
"""What a further bug must gain in chi2 before it is believed: four sigmas."""
SAME = 12.0
"""Suspects that lie this close in chi2 to the best are not told apart: 3.5 sigmas."""
_ALPHA_Z = 3.2905  # one true explanation in 1,000 is turned away (two-sided 0.001)


@dataclass(frozen=True)
class Answer:
    """What happened to the boxes.

    first: the simplest suspect that fits, None where none does. inseparable: what these boxes
    cannot tell from it, best first. closest: where nothing fits, what comes nearest.
    noise_px, gate_px: the noise taken, and the rms residual up to which a suspect fits it.
    """

    verdict: Verdict
    first: Suspect | None
    inseparable: tuple[Suspect, ...]
    closest: tuple[Suspect, ...]
    boxes: int
    missing: int
    extra: int
    noise_px: float
    gate_px: float
    seen_px: float
    """rms distance of observed from true boxes, before any explanation."""

    @property
    def named(self) -> bool:
        return self.verdict == "named"


def gate_chi2(n: int) -> float:
    """Return chi2's 99.9% point for n numbers (Wilson and Hilferty 1931)."""
    k = 2 / (9 * n)
    return n * (1 - k + 3.0902 * math.sqrt(k)) ** 3


def diagnose(scenes: Sequence[Scene], noise_px: float = NOISE_PX) -> Answer:
    """Name the bug, or the pair of bugs, that moved the true boxes to the observed ones.

    noise_px: what boxes differ by without any bug, in pixels of a picture 640 long. Where nothing
    fits, single bugs are tried again with twice and four times as much.
    """
    boxes = sum(len(s.evidence) for s in scenes)
    missing = sum(s.evidence.missing for s in scenes)
    extra = sum(s.evidence.extra for s in scenes)
    if boxes == 0:
        return Answer("no boxes", None, (), (), 0, missing, extra, noise_px, 0.0, 0.0)
    found = suspects([s for s in scenes if len(s.evidence)], noise_px)
    n = coordinates_of([rows_of(s) for s in scenes if len(s.evidence)])
    seen = next(s for s in found if not s.bugs).rms_px
    for scale in (1.0, 2.0, 4.0):
        level = [replace(s, chi2=s.chi2 / scale**2) for s in found]
        if scale > 1:
            level = [s for s in level if len(s.bugs) < 2]
        fitting = [s for s in level if s.chi2 <= gate_chi2(n)]
        if fitting:
            break
    gate = noise_px * scale * math.sqrt(gate_chi2(n) / n)
    common = (boxes, missing, extra, noise_px * scale, gate, seen)
    if not fitting:
        closest = sorted(found, key=_cost)[:3]
        return Answer("unexplained", None, (), tuple(closest), *common)
    ranked = sorted(fitting, key=_cost)
    first = ranked[0]
    limit = min(s.chi2 for s in fitting) + SAME
    same = tuple(s for s in ranked[1:] if s.chi2 <= limit)
    first, same = _by_scores(scenes, first, same)
    return Answer("named" if first.bugs else "nothing wrong", first, same, (), *common)


def _cost(s: Suspect) -> tuple[float, int, tuple[int, ...]]:
    order = tuple(_ORDER[b.id] for b in s.bugs)
    return (round(s.chi2 + PER_BUG * len(s.bugs) ** 1.2, 6), len(s.bugs), order)


_ORDER = {bug: i for i, bug in enumerate(BY_ID)}
DROP, COLLAPSE = 0.08, 0.4


def _by_scores(
    scenes: Sequence[Scene], first: Suspect, same: tuple[Suspect, ...]
) -> tuple[Suspect, tuple[Suspect, ...]]:
    """Add 27 or 28, the likelier first, where scores fell: no bug in coordinates does that."""
    drops = [
        s.evidence.true_scores - s.evidence.observed_scores
        for s in scenes
        if s.evidence.true_scores is not None and s.evidence.observed_scores is not None
    ]
    fell = float(np.median(np.concatenate(drops))) if drops else 0.0
    if fell < DROP:
        return first, same
    ids = ("28", "27") if fell >= COLLAPSE else ("27", "28")
    told = f"scores fell by {fell:.2f}"

    def with_bug(s: Suspect, bug: str) -> Suspect:
        return replace(s, bugs=(*s.bugs, BY_ID[bug]), labels=(*s.labels, told))

    alike = [with_bug(s, bug) for s in (first, *same) for bug in ids]
    return alike[0], tuple(alike[1:])
