"""Which way up a frame is, as odds: what a model finds in each of its four directions.

A detector's scores say which way up its objects are, one detector's more than another's: one that
has learned faces finds them upright, one that has learned cats finds them on their side as well. So
the answer is a probability, and may be that it cannot be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.bench import Bench
from mobilecat.diagnosis.looks import AROUND, CENTRED
from mobilecat.diagnosis.machine import Chain
from mobilecat.geometry.affine import F64
from mobilecat.geometry.boxes import iou
from mobilecat.geometry.orientation import Orientation, compose_orientations

SURE, STEADY = 6.0, 2.0
"""Nats that a unit of either evidence is worth: how surely a thing is found, and how steadily its
box stays in its place. From four detectors and photos known to be upright: docs/diagnosis.md."""
SOFT = 0.05
"""Added to a share and to what it lacks of 1: near 0 and 1 shares differ by noise alone."""
CAUTION = 0.5
"""So many standard deviations over harmless changes are taken off the evidence: what is upright is
found as surely through each of them, what only looks like it is not."""
AS_HANDED = 0.5
"""The prior: as often right as not, else any of the other three."""
NAMED, FINE = 0.8, 0.9
"""Another direction is named from four fifths on; the frame's own is right from nine tenths."""
CLEAR = 0.05
"""What a direction is named for must be found so far above the threshold of a detection: scores
about it come and go by chance."""


@dataclass(frozen=True)
class Direction:
    """What is found in one direction.

    score: the best candidate's, mean over the changes. agreement: mean IoU of its box through one
    change with that through another. evidence: of both, in nats. probability: that it is upright.
    """

    orientation: Orientation
    score: float
    agreement: float
    evidence: float
    probability: float


@dataclass(frozen=True)
class Directions:
    """The four directions, as handed over first. looks: how many changes each was seen through.

    threshold: the score from which the bundle gives a detection.
    """

    each: tuple[Direction, ...]
    looks: int
    threshold: float

    @property
    def handed(self) -> Direction:
        return self.each[0]

    @property
    def best(self) -> Direction:
        return max(self.each, key=lambda d: d.probability)

    @property
    def told(self) -> bool:
        """Whether it can be told which direction is the upright one."""
        best = self.best
        if best is self.handed:
            return best.score >= self.threshold and best.probability >= FINE
        return best.score >= self.threshold + CLEAR and best.probability >= NAMED

    @property
    def turned(self) -> Direction | None:
        """The direction that the frame should have been handed over in; None where no other is."""
        return self.best if self.told and self.best is not self.handed else None


def log_odds(share: npt.ArrayLike) -> F64:
    p = np.asarray(share, dtype=np.float64)
    odds: F64 = np.log((p + SOFT) / (1 - p + SOFT))
    return odds


def sureness(strengths: Sequence[float], floor: float = 0.0) -> float:
    """Return log-odds of what was found through each harmless change, their spread taken off.

    floor: a score below which nothing is known, for engines that give no candidates.
    """
    odds = log_odds(np.maximum(np.asarray(strengths, dtype=np.float64), floor))
    return float(odds.mean() - CAUTION * odds.std())


def agreement(seen: Sequence[npt.NDArray[np.float64]]) -> float:
    """Return how well the best box through each change agrees with one of those through another.

    seen: (n, 4) each, best first, in one frame. Mean IoU over ordered pairs of changes.
    """
    shares = [
        float(iou(one[:1], other).max(initial=0.0))
        for k, one in enumerate(seen)
        for j, other in enumerate(seen)
        if k != j
    ]
    return float(np.mean(shares))


def probabilities(each: Sequence[float]) -> F64:
    """Return how probable each direction is the upright one, from nats; as handed over first.

    P(d) ∝ prior(d) · exp(evidence(d)): a conditional logit (McFadden 1974).
    """
    prior = np.full(len(each), (1 - AS_HANDED) / (len(each) - 1))
    prior[0] = AS_HANDED
    nats = np.asarray(each, dtype=np.float64) + np.log(prior)
    weights = np.exp(nats - nats.max())
    shares: F64 = weights / weights.sum()
    return shares


def look_around(bench: Bench, start: Chain) -> Directions:
    """Return what is found in each of four directions.

    A picture and its mirror image are two looks at one of them, since a detector finds as much in
    either: who mirrored a frame cannot be told this way.
    """
    ways = (start.orientation, *_other_ways(start.orientation))
    seen = [[bench.looked(c, k) for c in _chains(start, o) for k in AROUND] for o in ways]
    # Once all have run it is known whether the engine gives candidates.
    floor = 0.0 if bench.machine.gives_candidates else bench.machine.threshold
    found = []
    for o, trials in zip(ways, seen, strict=True):
        upright = replace(start, orientation=o)
        agreed = agreement([bench.candidates(upright, k) for k in CENTRED])
        sure = sureness([t.strength for t in trials], floor)
        score = float(np.mean([t.top for t in trials]))
        nats = SURE * sure + STEADY * float(log_odds(agreed))
        found.append(Direction(o, score, agreed, nats, 0.0))
    shares = probabilities([d.evidence for d in found])
    each = tuple(replace(d, probability=float(p)) for d, p in zip(found, shares, strict=True))
    return Directions(each, len(seen[0]), bench.machine.threshold)


def _chains(start: Chain, o: Orientation) -> list[Chain]:
    both = (o, compose_orientations(Orientation.UP_MIRRORED, o))
    return [replace(start, orientation=way) for way in both]


def _other_ways(o: Orientation) -> list[Orientation]:
    turns = (Orientation.RIGHT, Orientation.DOWN, Orientation.LEFT)
    return [compose_orientations(turn, o) for turn in turns]
