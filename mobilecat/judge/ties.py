"""Which detections rounding alone decides, and why another one is no fault.

Two reasons are known. *A tie*: two candidates of one class that suppress each other score the same;
either may be kept. *The selection*: what the suppression was given is within the limits, and what
the lane made of it is exactly what numpy makes of the lane's own candidates; then a detection that
is not there, or is another, was decided by differences that the limits allow (scores saturated at
1.0, a row whose two best classes tie, the last of `max_detections`). Both sides' rows must then be
candidates of the other: a row that is none, or that the suppression should not have kept, fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.match import Ties, corner_distances
from mobilecat.compare.tolerances import Limits
from mobilecat.errors import ArtifactError
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.boxes import iou
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.judge.observe import Observed, watched
from mobilecat.lanes.source import suppressed
from mobilecat.pictures.detections import Detections
from mobilecat.rows import rows_among

Floats = npt.NDArray[np.float64]

_SAME_PX, _SAME_SCORE = 1e-2, 2e-5
"""Suppression hands its rows through, so that a kept one is a candidate to the last bits."""


def ties_of(
    bundle: Bundle,
    observed: Observed,
    reference: Observed | None,
    expected: Detections,
    got: Detections,
    limits: Limits,
    model_from_image: Affine,
) -> Ties:
    """Return which differences between expected and got rounding explains.

    Frame: both in image pixels. reference: what the source gave for the same input; None where it
    did not run, and a selection cannot be told from a fault.
    """
    if bundle.spec.effective_nms is None:
        return Ties()

    @cache
    def found() -> _Found | None:  # most results differ in nothing, and nobody asks
        own = _Candidates.of(bundle, observed)
        given = expected, got, limits, model_from_image
        return None if own is None else _Found(bundle, own, observed, *given)

    @cache
    def other() -> _Candidates | None:
        return None if reference is None else _Candidates.of(bundle, reference)

    def pair(i: int, j: int) -> bool:
        return (mine := found()) is not None and mine.tied(i, j)

    def exact() -> _Found | None:
        mine = found() if other() is not None else None
        return mine if mine is not None and mine.exact else None

    def lost(i: int) -> bool:
        return (mine := exact()) is not None and mine.own.has(mine.expected, i, limits)

    def new(j: int) -> bool:
        mine, there = exact(), other()
        return mine is not None and there is not None and there.has(mine.got, j, limits)

    return Ties(pair, lost, new)


@dataclass(frozen=True)
class _Candidates:
    """In pixels of the model input. boxes: [N,4]. scores: [N,C]. rows: [N,…] by name."""

    boxes: Floats
    scores: Floats
    rows: Mapping[str, Floats]

    @staticmethod
    def of(bundle: Bundle, observed: Observed) -> _Candidates | None:
        named = {w.kind: n for n, w in watched(bundle).items() if w.stage == "candidates"}
        found = {k: observed.tensors.get(n) for k, n in named.items()}
        there = {k: np.asarray(t, np.float64) for k, t in found.items() if t is not None}
        if len(there) < max(2, len(found)) or {t.shape[:2] for t in there.values()} != {
            there["boxes"].shape[:2]
        }:
            return None
        if not all(np.isfinite(t).all() for t in there.values()):
            return None
        n = there["boxes"].shape[1]
        rows = {r.name: r.rows(there[r.name], n) for r in rows_among(there)}
        return _Candidates(there["boxes"][0], there["scores"][0], rows)

    @property
    def decoded(self) -> Candidates:
        rows = {name: values.reshape(1, len(values), -1) for name, values in self.rows.items()}
        return Candidates(self.boxes[None], self.scores[None], rows)

    def has(self, found: Detections, i: int, limits: Limits) -> bool:
        """Return whether detection i is a candidate here, within the limits."""
        kind = int(found.class_ids[i])
        if kind >= self.scores.shape[1]:
            return False
        near = corner_distances(self.boxes, found.boxes_xyxy[i]) <= limits.boxes_px
        near &= np.abs(self.scores[:, kind] - found.scores[i]) <= limits.scores
        for row in rows_among(self.rows):
            if row.name in found.rows:
                own = self.rows[row.name]
                there = np.broadcast_to(found.rows[row.name][i], own.shape)
                near &= row.apart(there, own) <= limits.of(row.limit)
        return bool(near.any())


@dataclass(frozen=True)
class _Found:
    """What a lane gave and what was expected, in pixels of the model input."""

    bundle: Bundle
    own: _Candidates
    observed: Observed
    expected_in_image: Detections
    got_in_image: Detections
    limits: Limits
    model_from_image: Affine

    @cached_property
    def expected(self) -> Detections:
        return self.expected_in_image.placed(self.model_from_image)

    @cached_property
    def got(self) -> Detections:
        return self.got_in_image.placed(self.model_from_image)

    @cached_property
    def exact(self) -> bool:
        """Whether the lane's results are what numpy makes of the lane's own candidates."""
        try:
            right = suppressed(self.bundle, self.own.decoded)
        except ArtifactError:
            return False
        return _alike(right, self.observed.tensors) or self._kept(right)

    def _kept(self, right: Mapping[str, Array]) -> bool:
        """The same for a lane whose results are no tensors of the contract (Vision's)."""
        n = int(right["count"].reshape(-1)[0])
        g = self.got
        if len(g) != n or not np.array_equal(g.class_ids, right["class_ids"][0, :n]):
            return False
        off = corner_distances(g.boxes_xyxy, right["boxes"][0, :n].astype(np.float64))
        scores = np.abs(g.scores - right["scores"][0, :n])
        return bool((off <= _SAME_PX).all() and (scores <= _SAME_SCORE).all())

    def tied(self, i: int, j: int) -> bool:
        """Return whether expected row i was a candidate of the lane's own that ties with got row j.

        They are of one class, suppress each other, are two rows of the lane's candidates, and the
        lane gave the expected one the score that it kept the other for, within its limits.
        """
        nms, e, g, limits = self.bundle.spec.effective_nms, self.expected, self.got, self.limits
        assert nms is not None
        if nms.selection != "nms":
            return self._last(i, j, nms.max_detections)
        if self.bundle.spec.head.turned:
            return False  # what follows is of upright boxes
        kind = e.class_ids[i]
        if nms.per_class and kind != g.class_ids[j]:
            return False
        if abs(e.scores[i] - g.scores[j]) > limits.scores:
            return False
        overlap = iou(e.boxes_xyxy[i : i + 1], g.boxes_xyxy[j : j + 1])[0, 0]
        if overlap <= nms.iou_threshold - limits.scores:
            return False
        best = self.own.scores.max(axis=1, initial=0)
        alike = np.abs(best - g.scores[j]) <= limits.scores
        kept = alike & (corner_distances(self.own.boxes, g.boxes_xyxy[j]) <= _SAME_PX)
        other = alike & (self.own.scores.argmax(axis=1) == kind)
        other &= corner_distances(self.own.boxes, e.boxes_xyxy[i]) <= limits.boxes_px
        return bool(kept.any() and (other & ~kept).any())

    def _last(self, i: int, j: int, most: int) -> bool:
        """Return it where nothing is suppressed: the list is full, and both score as its last.

        Then rounding alone decides which of them is the last that the list holds. The expected one
        is a candidate of the lane's own, with that class and the score of the one kept for it.
        """
        e, g, limits = self.expected, self.got, self.limits
        full = len(e) == len(g) == most
        lowest = float(g.scores.min(initial=np.inf))
        last = max(e.scores[i], g.scores[j]) - lowest <= limits.scores
        if not full or not last or abs(e.scores[i] - g.scores[j]) > limits.scores:
            return False
        near = corner_distances(self.own.boxes, e.boxes_xyxy[i]) <= limits.boxes_px
        alike = np.abs(self.own.scores[:, int(e.class_ids[i])] - g.scores[j]) <= limits.scores
        return bool((near & alike).any())


def _alike(right: Mapping[str, Array], got: Mapping[str, Array]) -> bool:
    def near(name: str, by: float) -> bool:
        e, g = right[name], got[name]
        return e.shape == g.shape and bool((np.abs(e.astype(np.float64) - g) <= by).all())

    if not set(right) <= set(got):
        return False
    limits: dict[str, float] = {"count": 0, "class_ids": 0, "scores": _SAME_SCORE}
    return all(near(name, limits.get(name, _SAME_PX)) for name in right)
