"""Labelled pictures against a spec's preprocessing: would another find more of what is labelled?

Every artifact has the preprocessing that the spec says, so goldens hold whether it is right or not.
The source model runs once more with each usual alternative, on a sample, and each labelled object
says which way is better. docs/evaluate.md has how often that settles it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.lanes import Lane, NotRun, decode_outputs
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.lanes.source import SourceRunner, open_source, source_in
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.collect import collect, keys_of
from mobilecat.measure.evaluate.fit import Cut, FitByCutOuts, gains_of
from mobilecat.measure.evaluate.kept import Result, open_stores
from mobilecat.measure.evaluate.metrics import Floats, Truth, ious
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.evaluate.paired import Paired
from mobilecat.measure.evaluate.preprocessing import Preprocessing, Tried
from mobilecat.measure.evaluate.scores import detections_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import ImageSpec
from mobilecat.spec.otherwise import Otherwise, otherwise

MOST, FEWEST = 64, 34
"""Pictures: 64, and of large networks fewer, so that all ways together run no more often than the
evaluation itself; but 34, where there are as many."""
_DEFORMED = 1.2
"""By how much a picture is wider, or higher, than the input: less hardly tells its fit."""
_LEAST_SCORE = 0.01
_SOURCE = Lane("source")


def tried_otherwise(
    folder: Path,
    bundle: Bundle,
    pictures: Sequence[Labelled],
    truths: Sequence[Truth],
    classes: ClassMap,
    *,
    lanes: int,
    source: Path | None,
    cache: Path | None,
    fresh: bool,
    threads: int | None,
    progress: Callable[[str], None],
) -> Preprocessing | None:
    """Return what labelled pictures say of the preprocessing; None where no box can tell.

    lanes: how many the evaluation runs on each picture. Errors: as `collect`.
    """
    image = bundle.spec.input
    nms = bundle.spec.effective_nms
    if image is None or nms is None or isinstance(bundle, CascadeBundle):
        return None
    ways = list(otherwise(image, fits=bundle.spec.head.kind != "obb"))
    chosen = sample_of(truths, lanes, len(ways) + 1)
    if not chosen:
        return None
    some = [pictures[i] for i in chosen]
    wanted = [truths[i] for i in chosen]
    low = nms.model_copy(update={"score_threshold": min(_LEAST_SCORE, nms.score_threshold)})
    keys = keys_of(some, False, {}, progress)
    opened: list[SourceRunner] = []

    def runner() -> SourceRunner | None:
        """Return the source, opened once, and only where something is not kept."""
        if not opened:
            try:
                found = source_in(open_source(folder, bundle, source))
            except NotRun:
                return None
            opened.extend([found] if found is not None else [])
        return opened[0] if opened else None

    def low_bundle(image: ImageSpec) -> Bundle:
        return bundle.model_copy(
            update={"spec": bundle.spec.model_copy(update={"input": image, "nms": low})}
        )

    def found_with(
        name: str, image: ImageSpec, is_range: bool = False
    ) -> Sequence[Detections] | None:
        there = low_bundle(image)
        stores = open_stores(there, [_SOURCE], cache)
        if fresh or any(stores[_SOURCE.name].get(key) is None for key in keys):
            own = runner()
            if own is None or (is_range and own.takes_whole_numbers):
                return None
        return collect(
            folder,
            there,
            [_SOURCE],
            some,
            stores,
            class_ids={},
            source=source,
            fresh=fresh,
            threads=threads,
            progress=lambda said: progress(f"{said}, trying {name}"),
            opener=lambda *_: opened[0].for_bundle(there),
        )[0].found

    def evaluated(found: Sequence[Detections]) -> list[Detections]:
        return [detections_of(d, classes, None)[0] for d in found]

    def ap_of(found: Sequence[Detections]) -> float | None:
        sure = [d.chosen(d.scores > nms.score_threshold) for d in found]
        return coco_scores(wanted, sure, len(classes.names)).ap

    def find_in(i: int, cut: Cut) -> Detections | None:
        """Return what the spec as it is finds in a cut-out; None where the source does not run."""
        there = low_bundle(image)
        store = open_stores(there, [_SOURCE], cache)[_SOURCE.name]
        key = hashlib.sha256(f"{keys[i]} {cut}".encode()).hexdigest()
        if not fresh and (held := store.get(key)) is not None:
            return held.found
        own = runner()
        if own is None:
            return None
        tensors, plan = picture_inputs(there, read_picture(some[i].path).crop(cut))
        try:
            found = decode_outputs(own.for_bundle(there).infer(tensors), plan)
        except NotRun:
            return None
        store.put(key, Result(found, own.note))
        return found

    kept = found_with("what the spec has", image)
    if kept is None:
        return None
    tells = tells_fit(some, image.size)
    of_classes = evaluated(kept)
    own_values = [values_of(t, d) for t, d in zip(wanted, of_classes, strict=True)]
    pairs: list[tuple[Otherwise, Floats, Floats, float | None]] = []
    other_fit: Sequence[Detections] = ()
    for way in ways:
        other = found_with(way.said, way.of(image), way.key == "range")
        if other is None:
            continue
        there = evaluated(other)
        other_values = [values_of(t, d) for t, d in zip(wanted, there, strict=True)]
        column = 1 if way.key == "resize" else 0
        rows = [i for i in range(len(some)) if way.key != "resize" or tells[i]]
        a, b = (
            np.concatenate([np.zeros(0), *(v[i][:, column] for i in rows)])
            for v in (own_values, other_values)
        )
        if len(a):
            pairs.append((way, a, b, ap_of(there)))
            other_fit = other if way.key == "resize" else other_fit
    tried = tuple(Tried(way, Paired(a, b, len(pairs)), ap) for way, a, b, ap in pairs)
    of = sum(t.wanted > 0 for t in truths)
    told = Preprocessing(image, tried, len(some), of, bundle.unchecked, ap_of(of_classes))
    if told.verdict("resize") != "open" or "wrong" in map(told.verdict, told.keys):
        return told
    progress("trying cut-outs, which no fit distorts")
    sizes = [p.size_wh for p in some]
    gains = gains_of(sizes, kept, other_fit, image.size, nms.score_threshold, find_in)
    fits = (t.way.said for t in tried if t.way.key == "resize")
    return replace(told, by_cut_outs=FitByCutOuts(image.resize, next(fits), gains))


def sample_of(truths: Sequence[Truth], lanes: int, ways: int) -> list[int]:
    """Return which pictures are tried: with an object, spread evenly, MOST or fewer."""
    there = [i for i, truth in enumerate(truths) if truth.wanted]
    many = min(len(there), MOST, max(FEWEST, lanes * len(truths) // max(1, ways)))
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
