"""Which observed box is which true one under a hypothesis, and how far apart the pairs lie.

A bug moves boxes, so no pairing is right before the bug is known: each hypothesis pairs anew what
it predicts with what was seen. A side that lies on the edge of the view or the picture may have
been cut off there: it bounds where the side was, and says no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.geometry.affine import F64

MOST_PAIRED, MOST_FREE, MOST_SEEN, MOST_SCENES = 240, 20, 100, 48
"""Boxes beyond these are thinned evenly: more tell nothing new."""
CUT_PX = 1.0
"""A side that lies this near to an edge, of a picture 640 long, may have been cut off there."""
FAR_PX = 21.0
"""Pairs further apart (rms of the sides) are not one object, whatever the noise."""
ORDER_KEPT = 3.0
"""What it costs, in units of chi2, that boxes without score or id have changed their order."""
_SCORE_SIGMA, _SCORE_MOST = 0.05, 9.0
_BLOCK = 2_000_000  # numbers compared at once: 16 MB


@dataclass(frozen=True, eq=False)
class Rows:
    """A scene as rows: boxes, then landmarks as boxes without area. owner: each landmark's box.

    Shapes: start (N + N·L, 4), seen (M, 4), seen_marks (M, L, 2). low, high (M, 4): sides that were
    cut off at a lower or higher edge. known (M,): how many numbers each observed box tells.
    """

    facts: Facts
    start: F64
    seen: F64
    seen_marks: F64
    boxes: int
    owner: npt.NDArray[np.int64]
    px: F64
    delayed: Mapping[int, F64]
    allowed: npt.NDArray[np.bool_] | None
    prior: F64
    low: npt.NDArray[np.bool_]
    high: npt.NDArray[np.bool_]
    known: F64
    far_px: float = FAR_PX

    @property
    def pairs(self) -> int:
        return min(self.boxes, len(self.seen))


def thinned(scenes: Sequence[Scene]) -> list[Scene]:
    """Return at most so many scenes, with at most so many boxes, as are worth comparing."""
    at = np.linspace(0, len(scenes) - 1, min(len(scenes), MOST_SCENES)).round().astype(int)
    return [Scene(scenes[k].facts, _thinned(scenes[k].evidence)) for k in np.unique(at)]


def _thinned(e: Evidence) -> Evidence:
    per_box = 1 + (0 if e.true_marks is None else e.true_marks.shape[1])
    most = MOST_PAIRED // per_box if e.partners is None else MOST_FREE
    left = _evenly(len(e.true), max(5, most))
    # Paired boxes go with their partners; of free ones nothing observed is left out lightly.
    right = left if e.partners is None else _evenly(len(e.observed), MOST_SEEN)

    def some(a: F64 | None, at: npt.NDArray[np.int64]) -> F64 | None:
        return None if a is None else a[at]

    return replace(
        e,
        true=e.true[left],
        observed=e.observed[right],
        true_marks=some(e.true_marks, left),
        observed_marks=some(e.observed_marks, right),
        true_scores=some(e.true_scores, left),
        observed_scores=some(e.observed_scores, right),
        earlier={d: b[left] for d, b in e.earlier.items()},
        partners=None if e.partners is None else e.partners[np.ix_(left, right)],
    )


def _evenly(n: int, most: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def rows_of(scene: Scene) -> Rows:
    """Return the scene as rows that every way can map at once."""
    e = scene.evidence
    n, m = len(e.true), len(e.observed)
    px = np.tile(scene.facts.pixels_from_norm, 2)
    starts, owner, seen_marks = [e.true], np.zeros(0, dtype=np.int64), np.zeros((m, 0, 2))
    if e.true_marks is not None and e.observed_marks is not None and e.true_marks.shape[1]:
        starts.append(np.tile(e.true_marks.reshape(-1, 2), (1, 2)))
        owner = np.repeat(np.arange(n), e.true_marks.shape[1])
        seen_marks = e.observed_marks
    delayed = {
        d: np.concatenate([boxes, np.full((len(owner), 4), np.nan)])
        for d, boxes in e.earlier.items()
    }
    seen = in_order(e.observed)
    low, high = _cut(seen, e.edges, px)
    known = np.maximum(4.0 - (low | high).sum(axis=1), 1.0) + 2.0 * seen_marks.shape[1]
    return Rows(
        scene.facts,
        np.concatenate(starts),
        seen,
        seen_marks,
        n,
        owner,
        px,
        delayed,
        e.partners,
        _prior(e),
        low,
        high,
        known,
    )


def in_order(boxes: F64) -> F64:
    """Return the rectangles with x1 ≤ x2 and y1 ≤ y2, as they are drawn. Shape: (…, 4)."""
    pairs = np.sort(boxes.reshape(*boxes.shape[:-1], 2, 2), axis=-2)
    ordered: F64 = pairs.reshape(boxes.shape)
    return ordered


def _cut(seen: F64, edges: F64, px: F64) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    low = np.zeros(seen.shape, dtype=bool)
    high = np.zeros(seen.shape, dtype=bool)
    for edge in edges:
        near_low = np.abs(seen - np.tile(edge[:2], 2)) * px <= CUT_PX
        near_high = np.abs(seen - np.tile(edge[2:], 2)) * px <= CUT_PX
        low, high = low | near_low, high | near_high
    return low, high & ~low


def _prior(e: Evidence) -> F64:
    """What each pair costs before any box is looked at, in units of chi2. Shape: (N, M)."""
    n, m = len(e.true), len(e.observed)
    if e.partners is None:
        return np.zeros((n, m))
    if e.true_scores is not None and e.observed_scores is not None:
        # Scores that all fell by the same are another matter: their middles are compared away.
        fell = np.median(e.true_scores) - np.median(e.observed_scores) if n == m else 0.0
        apart = (e.true_scores[:, None] - e.observed_scores[None, :] - fell) / _SCORE_SIGMA
        priced: F64 = np.minimum(apart**2, _SCORE_MOST)
        return priced
    return ORDER_KEPT * (1.0 - np.eye(n)) if n == m else np.zeros((n, m))


def squares(rows: Rows, predicted: F64) -> F64:
    """Return squared distances of predicted from observed boxes, in px² of a picture 640 long.

    Shapes: predicted (C, N + N·L, 4) → (C, N) where rows are pairs already, else (C, N, M).
    """
    per = max(1, rows.boxes * (1 if rows.allowed is None else len(rows.seen)) * 4)
    step = max(1, _BLOCK // per)
    if len(predicted) > step:
        blocks = range(0, len(predicted), step)
        return np.concatenate([squares(rows, predicted[k : k + step]) for k in blocks])
    n = rows.boxes
    boxes = in_order(predicted[:, :n])
    marks = predicted[:, n:, :2].reshape(len(predicted), n, -1, 2)
    if rows.allowed is not None:
        boxes, marks = boxes[:, :, None], marks[:, :, None]
    off = (boxes - rows.seen) * rows.px
    off = np.where(rows.low, np.maximum(off, 0.0), off)
    off = np.where(rows.high, np.minimum(off, 0.0), off)
    total: F64 = np.square(off).sum(axis=-1)
    if marks.size:
        away = (marks - rows.seen_marks) * rows.px[:2]
        total = total + np.square(np.where(np.isnan(away), 0.0, away)).sum(axis=(-1, -2))
    if np.isnan(total).any():  # no box so early: as good as the others
        known = ~np.isnan(total)
        mean = np.where(known, total, 0.0).sum(axis=1, keepdims=True) / known.sum(
            axis=1, keepdims=True
        ).clip(1)
        total = np.where(known, total, np.where(known.any(axis=1, keepdims=True), mean, np.inf))
    return total


@dataclass(frozen=True, eq=False)
class Pairs:
    """The nearest partner of every true box, candidate by candidate. Shapes: (C, N).

    partner: −1 for none. sure: where no observed box serves twice, so that this is the best
    assignment; elsewhere its distances are a lower bound.
    """

    squares: F64
    known: F64
    prior: F64
    partner: npt.NDArray[np.int64]
    sure: npt.NDArray[np.bool_]


def nearest(rows: Rows, apart: F64) -> Pairs:
    """Return each true box's nearest observed one, of what `squares` gave."""
    count, n = apart.shape[:2]
    if rows.allowed is None:
        at = np.tile(np.arange(n), (count, 1))
        known = np.tile(rows.known, (count, 1))
        return Pairs(apart, known, np.zeros_like(apart), at, np.ones(count, dtype=bool))
    cost = _costs(rows, apart)
    partner = cost.argmin(axis=2)
    least = np.take_along_axis(cost, partner[..., None], axis=2)[..., 0]
    none = ~np.isfinite(least)
    partner = np.where(none, -1, partner)
    taken = np.sort(np.where(none, -1 - np.arange(n), partner), axis=1)
    sure = (np.diff(taken, axis=1) != 0).all(axis=1)
    return _of(rows, apart, partner, sure)


def assigned(rows: Rows, apart: F64) -> Pairs:
    """Return the best assignment of one candidate, each observed box at most once. (1, N, M)."""
    pairs = nearest(rows, apart)
    if pairs.sure[0]:
        return pairs
    cost = _costs(rows, apart)[0]
    partner = assignment(cost)
    return _of(rows, apart, partner[None], np.ones(1, dtype=bool))


def _costs(rows: Rows, apart: F64) -> F64:
    assert rows.allowed is not None
    far = rows.far_px**2 * rows.known
    return np.where(rows.allowed & (apart <= far), apart + rows.prior, np.inf)


def _of(
    rows: Rows, apart: F64, partner: npt.NDArray[np.int64], sure: npt.NDArray[np.bool_]
) -> Pairs:
    none = partner < 0
    at = np.where(none, 0, partner)
    of = np.arange(rows.boxes)
    there = np.take_along_axis(apart, at[..., None], axis=2)[..., 0]
    return Pairs(
        np.where(none, np.inf, there),
        np.where(none, 4.0, rows.known[at]),
        np.where(none, 0.0, rows.prior[of, at]),
        partner,
        sure,
    )


def assignment(cost: F64) -> npt.NDArray[np.int64]:
    """Return each row's column of the cheapest assignment, −1 where it costs infinity.

    Shape: (N, M) → (N,). The Hungarian method by shortest augmenting paths (Kuhn 1955; Jonker and
    Volgenant 1987), on the cost padded to a square that stands for "no partner".
    """
    n, m = cost.shape
    size = n + m
    finite = np.isfinite(cost)
    dear = float(cost[finite].max(initial=0.0)) * 2 + 1e6
    padded = np.full((size + 1, size + 1), 0.0)
    padded[1:, 1:] = dear
    padded[1 : n + 1, 1 : m + 1] = np.where(finite, cost, dear * 4)
    padded[n + 1 :, m + 1 :] = 0.0
    u, v = np.zeros(size + 1), np.zeros(size + 1)
    row_of = np.zeros(size + 1, dtype=np.int64)
    for i in range(1, size + 1):
        row_of[0], j = i, 0
        least = np.full(size + 1, np.inf)
        way = np.zeros(size + 1, dtype=np.int64)
        used = np.zeros(size + 1, dtype=bool)
        while True:
            used[j] = True
            current = padded[row_of[j]] - u[row_of[j]] - v
            better = ~used & (current < least)
            better[0] = False
            least[better] = current[better]
            way[better] = j
            open_ = np.where(used, np.inf, least)
            open_[0] = np.inf
            step_to = int(open_.argmin())
            delta = open_[step_to]
            u[row_of[used]] += delta
            v[used] -= delta
            least[~used] -= delta
            j = step_to
            if row_of[j] == 0:
                break
        while j:
            row_of[j] = row_of[way[j]]
            j = way[j]
    partner = np.full(n, -1, dtype=np.int64)
    for j in range(1, m + 1):
        i = row_of[j] - 1
        if 0 <= i < n and finite[i, j - 1]:
            partner[i] = j - 1
    return partner
