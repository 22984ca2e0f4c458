"""From suspects to an answer: the simplest that fits within the noise, and what it cannot be told
apart from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mobilecat.diagnosis.catalogue import BY_ID
from mobilecat.diagnosis.facts import Scene
from mobilecat.diagnosis.likelihood import MOST_NOISE
from mobilecat.diagnosis.motion import Motion, motion_of
from mobilecat.diagnosis.pairing import Rows, rows_of, thinned
from mobilecat.diagnosis.residue import Left, systematic
from mobilecat.diagnosis.search import cost, suspects
from mobilecat.diagnosis.suspect import Suspect, predicted, standing
from mobilecat.diagnosis.turning import MIRRORED
from mobilecat.geometry.affine import F64

Verdict = Literal["nothing wrong", "named", "unexplained", "no boxes"]

NOISE_PX = 1.0
SAME = 12.0
"""Suspects that lie this close in −2 log likelihood to the best are not told apart: 3.5 sigmas."""
BEHIND = 25.0
"""How much dearer than the cheapest suspect the one that is believed may be."""
MOST_NOISE_OF_TWO = 2.5
"""Two bugs are believed only of boxes that scatter little."""


@dataclass(frozen=True)
class Answer:
    """What happened to the boxes.

    first: the simplest suspect that fits, None where none does. inseparable: what these boxes
    cannot tell from it, best first. closest: where nothing fits, what comes nearest.
    noise_px, gate_px: the noise that was seen, and the rms residual up to which a suspect fits it.
    motion: the map that describes it, whether it is a known bug or not.
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
    motion: Motion | None = None
    left_over: str = ""
    """What the nearest suspect leaves over that is no noise: `a move`, `a scale`."""

    @property
    def named(self) -> bool:
        return self.verdict == "named"


def diagnose(scenes: Sequence[Scene], noise_px: float = NOISE_PX) -> Answer:
    """Name the bug, or the pair of bugs, that moved the true boxes to the observed ones.

    noise_px: what boxes differ by without any bug, in pixels of a picture 640 long. Boxes that
    scatter more are compared by the scatter that is seen, up to 7.5 times as much.
    """
    whole = [s for s in scenes if len(s.evidence)]
    lonely = [s.evidence for s in scenes if not len(s.evidence)]
    missing = sum(s.evidence.missing for s in scenes) + sum(len(e.true) for e in lonely)
    extra = sum(s.evidence.extra for s in scenes) + sum(len(e.observed) for e in lonely)
    if not whole:
        return Answer("no boxes", None, (), (), 0, missing, extra, noise_px, 0.0, 0.0)
    few = thinned(whole)
    rows = [rows_of(s) for s in few]
    found, moved = suspects(rows, noise_px), motion_of(rows, noise_px)
    anywhere = [replace(r, far_px=np.inf) for r in rows]
    if not found:
        # No hypothesis brings enough boxes near to one another: what comes nearest is still asked.
        rows, found = anywhere, suspects(anywhere, noise_px)
    moved = moved or motion_of(anywhere, noise_px)
    ranked = _ranked(found, whole)
    trust = _Trust(rows, noise_px)
    behind = cost(ranked[0]) + BEHIND if ranked else 0.0
    # One that is only doubtful hides no dearer one: then nothing is said.
    first = next((s for s in ranked if cost(s) <= behind and not trust.against(s)), None)
    if first is not None and trust.doubtful(first):
        first = None
    same: tuple[Suspect, ...] = ()
    if first is not None:
        # A family that fits no better than its first special case is no explanation of its own.
        limit = min(s.misfit for s in ranked if not trust.against(s)) + SAME
        others = [s for s in ranked if s is not first and s.misfit <= limit]
        others = [s for s in others if not trust.against(s)]
        gained = [s.misfit <= first.misfit - 2 * (s.numbers - first.numbers) for s in others]
        plain = [s.numbers <= first.numbers for s in others]
        same = tuple(s for s, g, p in zip(others, gained, plain, strict=True) if g or p)
    pairs = _pairs(whole, first, moved and (moved[0], moved[1].maps, few), noise_px)
    boxes, lost, more, seen, drops = pairs
    level = max(noise_px, first.rms_px if first is not None else noise_px)
    most = MOST_NOISE if first is None or len(first.bugs) < 2 else MOST_NOISE_OF_TWO
    told = moved[0] if moved is not None else None
    common = (boxes, missing + lost, extra + more, level, most * noise_px, seen, told)
    if first is None:
        nearest = ranked[0] if ranked else None
        left = trust.left_over(nearest) if nearest is not None else ""
        return Answer("unexplained", None, (), tuple(ranked[:3]), *common, left)
    first, same = _by_scores(drops, first, same)
    return Answer("named" if first.bugs else "nothing wrong", first, same, (), *common)


_PLACE = {bug: i for i, bug in enumerate(BY_ID)}


def _ranked(found: Sequence[Suspect], scenes: Sequence[Scene]) -> list[Suspect]:
    """Return the cheapest first, and of those that fit alike the first of the catalogue.

    Where an app wrote down what it handed over, and its camera is not the front one, a frame that
    lies and is mirrored comes last of those: it is rare.
    """
    facts = [s.facts for s in scenes]
    rare = all(f.handed is not None and f.camera != "front" for f in facts)

    def order(s: Suspect) -> tuple[float, int, bool, tuple[int, ...]]:
        mirrored = rare and any(b.id in MIRRORED for b in s.bugs)
        places = tuple(_PLACE[b.id] for b in s.bugs)
        return (round(cost(s), 6), len(s.bugs), mirrored, places)

    return sorted(found, key=order)


@dataclass
class _Trust:
    """Why a suspect is not believed, each looked at once."""

    rows: Sequence[Rows]
    noise_px: float

    def __post_init__(self) -> None:
        self._known: dict[Suspect, tuple[bool, bool, str]] = {}

    def against(self, s: Suspect) -> bool:
        return self._looked(s)[0]

    def doubtful(self, s: Suspect) -> bool:
        return self._looked(s)[1]

    def left_over(self, s: Suspect) -> str:
        return self._looked(s)[2]

    def _looked(self, s: Suspect) -> tuple[bool, bool, str]:
        if s not in self._known:
            self._known[s] = self._look(s)
        return self._known[s]

    def _look(self, s: Suspect) -> tuple[bool, bool, str]:
        most = MOST_NOISE if len(s.bugs) < 2 else MOST_NOISE_OF_TWO
        maps = [predicted(s.steps, r) for r in self.rows]
        whole = [m for m in maps if m is not None]
        if len(whole) < len(maps):
            return True, True, ""
        found = standing(self.rows, whole, self.noise_px)
        middle = self.rows[0].px[:2] / 2
        left, sure = systematic(Left(found.off, found.at, middle, s.numbers, self.noise_px))
        # Pairs that somebody made are no chance: one that disagrees is not "nothing wrong".
        made = all(r.allowed is None for r in self.rows)
        odd = not s.bugs and made and found.kept < sum(r.pairs for r in self.rows)
        return sure or odd or found.rms_px > most * self.noise_px, bool(left), left


def _pairs(
    scenes: Sequence[Scene],
    first: Suspect | None,
    moved: tuple[Motion, Sequence[F64], Sequence[Scene]] | None,
    noise_px: float,
) -> tuple[int, int, int, float, F64]:
    """Return pairs, lost and extra boxes, how far off boxes were (rms px), and scores' falls."""
    if first is not None:
        rows = [rows_of(s) for s in scenes]
        maps = [predicted(first.steps, r) for r in rows]
        found = standing(rows, [m for m in maps if m is not None], noise_px)
    elif moved is not None:
        scenes = moved[2]
        rows = [rows_of(s) for s in scenes]
        found = standing(rows, moved[1], noise_px)
    else:
        n = sum(len(s.evidence) for s in scenes)
        return n, *_unpaired(scenes, n), _nearest_rms(scenes), np.zeros(0)
    squares, numbers, count, falls = 0.0, 0, 0, [np.zeros(0)]
    for s, r, (pairs, counts) in zip(scenes, rows, found.pairs, strict=True):
        # Outliers have a partner, though an odd one, where somebody made the pairs.
        i = np.nonzero(counts | (r.allowed is None))[0]
        j = pairs.partner[0][i]
        off = (r.seen[j] - r.start[i]) * r.px
        squares, numbers = squares + float((off**2).sum()), numbers + off.size
        count += len(i)
        if s.evidence.true_scores is not None and s.evidence.observed_scores is not None:
            falls.append(s.evidence.true_scores[i] - s.evidence.observed_scores[j])
    seen = (squares / numbers) ** 0.5 if numbers else _nearest_rms(scenes)
    return count, *_unpaired(scenes, count), seen, np.concatenate(falls)


def pairs_of(scene: Scene, suspect: Suspect, noise_px: float = NOISE_PX) -> list[tuple[int, int]]:
    """Return which observed box belongs to which true one, as a suspect has it: rows of each."""
    rows = rows_of(scene)
    at = predicted(suspect.steps, rows)
    if at is None:
        return []
    pairs, counts = standing([rows], [at], noise_px).pairs[0]
    return [(int(i), int(pairs.partner[0][i])) for i in np.nonzero(counts)[0]]


def _unpaired(scenes: Sequence[Scene], pairs: int) -> tuple[int, int]:
    true = sum(len(s.evidence.true) for s in scenes)
    return true - pairs, sum(len(s.evidence.observed) for s in scenes) - pairs


def _nearest_rms(scenes: Sequence[Scene]) -> float:
    """How far each true box is from the nearest observed one."""
    off = []
    for s in scenes:
        px = np.tile(s.facts.pixels_from_norm, 2)
        apart = ((s.evidence.true[:, None] - s.evidence.observed[None]) * px) ** 2
        off.append(apart.mean(axis=-1).min(axis=1))
    return float(np.sqrt(np.concatenate(off).mean()))


DROP, COLLAPSE = 0.08, 0.4


def _by_scores(
    falls: F64, first: Suspect, same: tuple[Suspect, ...]
) -> tuple[Suspect, tuple[Suspect, ...]]:
    """Add 27 or 28, the likelier first, where scores fell: no bug in coordinates does that."""
    fell = float(np.median(falls)) if len(falls) else 0.0
    if fell < DROP:
        return first, same
    ids = ("28", "27") if fell >= COLLAPSE else ("27", "28")
    told = f"scores fell by {fell:.2f}"

    def with_bug(s: Suspect, bug: str) -> Suspect:
        return replace(s, also=(*s.also, bug), labels=(*s.labels, told))

    alike = [with_bug(s, bug) for s in (first, *same) for bug in ids]
    return alike[0], tuple(alike[1:])
