"""Labelled pictures against a spec's preprocessing: would another find more of what is labelled?

Every artifact has the preprocessing that the spec says, so goldens hold whether it is right or not.
The source model runs once more with each usual alternative, on a sample, and each labelled object
says which way is better. docs/evaluate.md has how often that settles it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.foreign import engines_of
from mobilecat.lanes import NotRun, Runner
from mobilecat.lanes.source import SourceRunner, open_source, source_in
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.collect import keys_of
from mobilecat.measure.evaluate.fit import FitByCutOuts, gains_of
from mobilecat.measure.evaluate.metrics import Floats, Truth, ious
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.evaluate.paired import LEVEL, Paired
from mobilecat.measure.evaluate.preprocessing import Preprocessing, Tried
from mobilecat.measure.evaluate.scores import detections_of
from mobilecat.measure.evaluate.trial import LowScores, Trial, Way
from mobilecat.pictures.detections import Detections
from mobilecat.spec import ImageSpec
from mobilecat.spec.otherwise import Otherwise, otherwise
from mobilecat.spread import cores

MOST, FEWEST = 64, 34
"""Pictures: 64, and of large networks fewer, so that all ways together run no more often than the
evaluation itself; but 34, where there are as many."""
LOOKS, SURELY = (8, 16, 32), 10
"""After so many pictures a way is given up that is worse, where chance shows such a loss SURELY
times less often than it may of a verdict. It is then called worse, as it is after all of them, and
counts as tried: it accuses nobody, and makes no other way more likely to."""
_DEFORMED = 1.2
"""By how much a picture is wider, or higher, than the input: less hardly tells its fit."""


class Question:
    """What a bundle's source is tried with, the spec's own way first, on which pictures."""

    def __init__(
        self, bundle: Bundle, image: ImageSpec, truths: Sequence[Truth], cache: Path | None
    ) -> None:
        self.bundle, self.image, self.truths = bundle, image, truths
        fits = bundle.spec.head.kind != "obb"
        self.own = Way(bundle, image, cache)
        self.others = [
            (other, Way(bundle, other.of(image), cache, ranges=other.key == "range"))
            for other in otherwise(image, fits=fits)
        ]
        self._there = array("q", (i for i, truth in enumerate(truths) if truth.wanted))

    def places(self, lanes: int) -> list[int]:
        """Return the pictures that are tried. lanes: how many the evaluation runs on each."""
        return sample_of(self._there, len(self.truths), lanes, len(self.others) + 1)

    def beside(self, lanes: int) -> LowScores:
        """Return what takes the spec's own way from the source's lane."""
        return LowScores(self.own, self.places(lanes))

    @property
    def with_objects(self) -> int:
        """How many pictures have an object."""
        return len(self._there)


def question_of(bundle: Bundle, truths: Sequence[Truth], cache: Path | None) -> Question | None:
    """Return what there is to ask; None of a bundle whose boxes follow from no picture of its
    own, or that suppresses nothing. cache: as `evaluate` takes it."""
    image = bundle.spec.input
    if image is None or bundle.spec.effective_nms is None or isinstance(bundle, CascadeBundle):
        return None
    return Question(bundle, image, truths, cache)


def tried_otherwise(
    folder: Path,
    asked: Question,
    pictures: Sequence[Labelled],
    classes: ClassMap,
    *,
    lanes: int,
    runner: Runner | None,
    source: Path | None,
    fresh: bool,
    threads: int | None,
    progress: Callable[[str], None],
) -> Preprocessing | None:
    """Return what labelled pictures say of the preprocessing; None where no box can tell.

    lanes: how many the evaluation ran on each picture. runner: the source's, where it was opened.
    Errors: as `collect`.
    """
    bundle, image, nms = asked.bundle, asked.image, asked.bundle.spec.effective_nms
    assert nms is not None
    chosen = asked.places(lanes)
    if not chosen:
        return None
    some = {i: pictures[i] for i in chosen}
    keys = dict(zip(chosen, keys_of(list(some.values()), False, {}, progress), strict=True))

    def opened() -> SourceRunner | None:
        if runner is not None:
            return source_in(runner)
        at_once = min(threads or cores(), len(chosen))
        try:
            with engines_of(max(1, cores() // at_once)):
                return source_in(open_source(folder, bundle, source))
        except NotRun:
            return None

    trial = Trial(some, keys, opened, fresh=fresh, threads=threads, progress=progress)
    held = _Held(asked, chosen, tells_fit(list(some.values()), image.size), classes)
    order, seen = spread_evenly(chosen), 0
    for look in [*(k for k in LOOKS if k < len(chosen)), len(chosen)]:
        trial.run([asked.own, *(way for _, way in asked.others)], order[seen:look])
        seen = look
        if asked.own.not_run:
            return None
        for other, way in asked.others if look < len(chosen) else ():
            if way.under_way:
                way.given_up = surely_worse(held.paired(other, way, len(asked.others)))
    ran = [(other, way) for other, way in asked.others if not way.not_run]
    there = [(other, way) for other, way in ran if held.paired(other, way).objects]
    tried = tuple(
        Tried(
            other,
            held.paired(other, way, len(there)),
            None if way.given_up else held.ap(way, nms.score_threshold),
        )
        for other, way in there
    )
    own_ap = held.ap(asked.own, nms.score_threshold)
    of = asked.with_objects
    said = Preprocessing(image, tried, len(chosen), of, bundle.unchecked, own_ap)
    if said.verdict("resize") != "open" or "wrong" in map(said.verdict, said.keys):
        return said
    progress("trying cut-outs, which no fit distorts")
    fit, fitted = next((other, way) for other, way in there if other.key == "resize")
    gains = gains_of(
        [p.size_wh for p in some.values()],
        [asked.own.found[i] for i in chosen],
        [fitted.found[i] for i in chosen],
        image.size,
        nms.score_threshold,
        lambda k, cut: trial.in_cut_out(asked.own, chosen[k], cut),
    )
    return replace(said, by_cut_outs=FitByCutOuts(image.resize, fit.said, gains))


class _Held:
    """What ways find, held to the labels of the pictures that were chosen. tells: of which of these
    a stretch deforms enough to tell the fit."""

    def __init__(
        self, asked: Question, chosen: Sequence[int], tells: Sequence[bool], classes: ClassMap
    ) -> None:
        self._asked, self._chosen, self._classes = asked, chosen, classes
        self._tells = {i for i, told in zip(chosen, tells, strict=True) if told}
        self._values = cache(self._values_of)

    def _found(self, way: Way, i: int) -> Detections:
        return detections_of(way.found[i], self._classes, None)[0]

    def _values_of(self, way: Way, i: int) -> Floats:
        return values_of(self._asked.truths[i], self._found(way, i))

    def paired(self, other: Otherwise, way: Way, tries: int = 1) -> Paired:
        """Return the values of the objects that the way has seen, and that can tell."""
        fit = other.key == "resize"
        rows = [i for i in self._chosen if i in way.found and (i in self._tells or not fit)]
        a, b = (
            np.concatenate([np.zeros(0), *(self._values(w, i)[:, int(fit)] for i in rows)])
            for w in (self._asked.own, way)
        )
        return Paired(a, b, tries)

    def ap(self, way: Way, threshold: float) -> float | None:
        """Return mAP at the spec's own score threshold."""
        found = [self._found(way, i) for i in self._chosen]
        sure = [d.chosen(d.scores > threshold) for d in found]
        truths = [self._asked.truths[i] for i in self._chosen]
        return coco_scores(truths, sure, len(self._classes.names)).ap


def surely_worse(pair: Paired) -> bool:
    """Return whether a way need not see the rest of the pictures."""
    return pair.chance(-1) * SURELY < LEVEL


def spread_evenly(places: Sequence[int]) -> list[int]:
    """Return the same of which the first few lie as far apart as all: by k/n with the bits of k
    turned round, van der Corput's sequence."""
    turned = [int(f"{k:016b}"[::-1], 2) for k in range(len(places))]
    return [places[k] for k in sorted(range(len(places)), key=turned.__getitem__)]


def sample_of(there: Sequence[int], pictures: int, lanes: int, ways: int) -> list[int]:
    """Return which pictures are tried, spread evenly: MOST or fewer of those with an object.

    there: these. pictures: how many are evaluated, in so many lanes.
    """
    many = min(len(there), MOST, max(FEWEST, lanes * pictures // max(1, ways)))
    return [there[i * len(there) // many] for i in range(many)]


def values_of(truth: Truth, found: Detections) -> Floats:
    """Return [objects, 2]: score × IoU of each object's best box of its class, and that box's IoU;
    the first times the share of the picture's squared scores that is on labelled objects, so that a
    flood of boxes is no find."""
    wanted = ~truth.ignore
    values: Floats = np.zeros((int(wanted.sum()), 2))
    if not len(found) or not len(values):
        return values
    overlap = ious(truth, found)[:, wanted]
    overlap = overlap * (found.class_ids[:, None] == truth.class_ids[wanted][None, :])
    both = found.scores[:, None] * overlap
    best = both.argmax(axis=0)
    own = np.unique(best)
    squares = found.scores**2
    share = float(squares[own].sum() / squares.sum()) if squares.sum() else 0.0
    at = np.arange(len(best))
    values[:, 0] = both[best, at] * share
    values[:, 1] = overlap[best, at]
    return values


def tells_fit(pictures: Sequence[Labelled], input_wh: tuple[int, int]) -> list[bool]:
    """Return of which pictures a stretch deforms enough to tell."""
    width, height = input_wh
    shapes = [p.size_wh[0] / p.size_wh[1] * height / width for p in pictures]
    return [max(shape, 1 / shape) >= _DEFORMED for shape in shapes]
