"""A bundle's lanes on a labelled set: one evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.errors import MobileCatError, Problem
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.lanes.source import source_file
from mobilecat.measure.datasets import Dataset, load_dataset
from mobilecat.measure.datasets.packed import Each
from mobilecat.measure.evaluate.coco import require_library
from mobilecat.measure.evaluate.collect import (
    SOURCE,
    Collected,
    Opener,
    collect,
    gives_boxes_away,
)
from mobilecat.measure.evaluate.confusion import confusion_of
from mobilecat.measure.evaluate.kept import open_stores
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.moved import Moved, moved
from mobilecat.measure.evaluate.names import ClassMap, PointMap, match_classes, match_landmarks
from mobilecat.measure.evaluate.otherwise import question_of, tried_otherwise
from mobilecat.measure.evaluate.preprocessing import Preprocessing
from mobilecat.measure.evaluate.report import Evaluation, LaneScores, rounds
from mobilecat.measure.evaluate.scales import other_part
from mobilecat.measure.evaluate.scores import score, truth_of
from mobilecat.measure.evaluate.spread import collect_on, merge, tasks_of
from mobilecat.measure.seen import require_unseen
from mobilecat.measure.shards import in_no_shard, shard
from mobilecat.pictures.similarity import sigmas_of
from mobilecat.rows import MAPS
from mobilecat.spec import RawHead


def evaluate(
    folder: Path,
    data: Path,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    source: Path | None = None,
    limit: int | None = None,
    class_map: Mapping[str, str] | None = None,
    max_drop: float | None = None,
    cache: Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    allow_calibration: bool = False,
    on: str | None = None,
    part: str | None = None,
    merged: Sequence[Path] = (),
    progress: Callable[[str], None] = lambda _: None,
    opener: Opener = open_lane,
) -> Evaluation:
    """Return the accuracy of a bundle's or cascade's lanes on the labelled pictures of `data`.

    The source is always among them, as the others' losses are against it. limit: pictures, spread
    evenly. class_map: a class of the labels → the model's name. max_drop: points of mAP that an
    artifact may lose. cache: where results are kept, by default the user's cache folder. fresh:
    believe nothing that is kept. threads: by default one a core. allow_calibration: measure on the
    pictures of the calibration, too. on: Dask's workers (`spread`). part: `2/5`, the second of five
    shards. merged: caches of shards, to take over.
    Errors: MobileCatError for a damaged bundle, unusable labels, or where nothing ran.
    """
    require_library()
    bundle = open_any(folder)
    _require_detections(folder, bundle)
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    if SOURCE not in lanes:
        lanes.insert(0, SOURCE)
    progress("reading the labels")
    labelled = load_dataset(data)
    classes = match_classes(labelled, bundle.spec.labels, class_map)
    points = match_landmarks(labelled.landmarks, bundle.spec.landmarks, _landmark_count(bundle))
    chosen = shard(labelled.spread(limit).pictures, part)
    if not allow_calibration:
        require_unseen(bundle, Each(len(chosen), lambda i: chosen[i].path))
    if max_drop is not None and gives_boxes_away(bundle):
        what = "this cascade is given its boxes, the labels' own: it has no AP that could drop"
        raise MobileCatError("--max-drop has nothing to hold", [Problem(what, bundle.name)])
    stores = open_stores(bundle, lanes, cache)
    theirs = {k: i for i, k in classes.model.items()}
    class_ids = {i: theirs[k] for i, k in classes.data.items()}
    merge(stores, merged)
    elsewhere: dict[str, set[str]] = {}
    if on is not None:
        tasks = tasks_of(folder, bundle, lanes, chosen, stores, class_ids, source, fresh, progress)
        elsewhere = collect_on(on, tasks, stores, threads, progress)
        fresh = False
    marks = points if isinstance(points, PointMap) else None
    masks = gives_masks(bundle)
    truths: Sequence[Truth] = Each(
        len(chosen), lambda i: truth_of(chosen[i], classes, marks, masks)
    )
    if masks:  # outlines are drawn once
        truths = list(truths)
    asked = question_of(bundle, truths, cache)
    collected = collect(
        folder,
        bundle,
        lanes,
        chosen,
        stores,
        class_ids=class_ids,
        source=source,
        fresh=fresh,
        threads=threads,
        progress=progress,
        opener=opener,
        elsewhere=elsewhere,
        beside=None if asked is None else asked.beside,
    )
    if all(c.not_run for c in collected):
        raise MobileCatError("Nothing ran", [Problem(c.not_run, c.lane.name) for c in collected])
    rows = []
    there = next((c for c in collected if c.lane == SOURCE and not c.not_run), None)
    for found in collected:
        progress(f"scoring {found.lane.name}")
        row = _row(found, bundle, truths, classes, marks)
        rows.append(replace(row, moved=_moved(there, found, bundle)))
    notes = _notes(bundle, labelled, classes, points)
    if part is not None:
        said = f"shard {part}: figures of {len(chosen)} pictures; --merge its --cache for all"
        notes.insert(0, said)
    if merged:
        notes += in_no_shard({c.lane.name: c.inferred for c in collected}, len(chosen))
    few = [*few_objects(truths), *_source_of_before(folder, bundle, source, there)]
    notes += few
    first = next(c for c in collected if not c.not_run)
    apart = "" if bundle.spec.head.turned else other_part(truths, first.found, classes)
    if apart:
        notes.insert(0, apart)
    notes += list(dict.fromkeys(s.problem for s in stores.values() if s.problem))
    parts = bundle.parts.values() if isinstance(bundle, CascadeBundle) else [bundle]
    preprocessing: Preprocessing | None = None
    original = next(c for c in collected if c.lane == SOURCE)
    if asked is not None and not original.not_run and not apart:
        preprocessing = tried_otherwise(
            folder,
            asked,
            chosen,
            classes,
            lanes=sum(not c.not_run for c in collected),
            runner=original.runner,
            source=source,
            fresh=fresh,
            threads=threads,
            progress=progress,
        )
    tried = {f"input.{key}" for key in preprocessing.keys} if preprocessing is not None else set()
    notes += [c.evaluated for part in parts for c in part.unchecked if c.key not in tried]
    return Evaluation(
        bundle,
        folder,
        labelled,
        len(chosen),
        classes.names,
        tuple(rows),
        max_drop,
        runner,
        tuple(notes),
        preprocessing,
        tuple(few),
    )


def _require_detections(folder: Path, bundle: Bundle) -> None:
    if bundle.spec.input is None or isinstance(bundle.spec.head, RawHead):
        what = "its head is raw: it gives tensors, not detections"
        fix = "name a head in the spec and export again"
        raise MobileCatError("This bundle cannot be evaluated", [Problem(what, str(folder), fix)])


_FEW = 30
"""Objects below which chance moves the figures by more than most conversions cost."""


def few_objects(truths: Sequence[Truth]) -> list[str]:
    """Say that so few objects say little; nothing where there are enough, or none."""
    count = sum(int((~t.ignore).sum()) for t in truths)
    if not 0 < count < _FEW:
        return []
    objects = "1 object is" if count == 1 else f"{count} objects are"
    return [
        f"only {objects} measured: one more or less found moves recall by {1 / count:.2f}, and "
        f"mAP about as much; take {_FEW} or more before you believe a difference"
    ]


def _source_of_before(
    folder: Path, bundle: Bundle, source: Path | None, there: Collected | None
) -> list[str]:
    """Say that the source's figures are of an earlier run, where its model is not there now."""
    if there is None or there.inferred or isinstance(bundle, CascadeBundle):
        return []
    try:
        source_file(folder, bundle, source)
    except NotRun as reason:
        return [f"the source's results are kept ones, of an earlier run of evaluate: {reason}"]
    return []


def _moved(there: Collected | None, mine: Collected, bundle: Bundle) -> Moved | None:
    """Return how far a quantised lane's boxes are from the source's, where that found some."""
    if there is None or mine.not_run or not rounds(mine.lane):
        return None
    if bundle.spec.head.whole_picture or gives_boxes_away(bundle):
        return None
    return moved(there.found, mine.found)


def _row(
    found: Collected,
    bundle: Bundle,
    truths: Sequence[Truth],
    classes: ClassMap,
    points: PointMap | None,
) -> LaneScores:
    if found.not_run:
        return LaneScores(found.lane, "", None, found.not_run)
    scores = score(
        truths,
        found.found,
        classes,
        points,
        single=is_single(bundle),
        own_boxes=gives_boxes_away(bundle),
        sigmas=sigmas_of(bundle.spec, _landmark_count(bundle) or 0),
        whole=bundle.spec.head.whole_picture,
        class_map=bundle.spec.head.gives_class_map,
    )
    taken = None
    if not bundle.spec.head.whole_picture and not gives_boxes_away(bundle):
        taken = confusion_of(truths, found.found, classes)
    return LaneScores(
        found.lane, found.engine, scores, "", found.inferred, found.kept, taken, found.seconds
    )


def is_single(bundle: Bundle) -> bool:
    """Return whether the head gives one result a picture, whatever is in it."""
    return not bundle.spec.head.suppressed and not isinstance(bundle, CascadeBundle)


def gives_masks(bundle: Bundle) -> bool:
    return any(t.name in MAPS for t in bundle.outputs)


def _landmark_count(bundle: Bundle) -> int | None:
    return next((t.shape[-2] for t in bundle.outputs if t.name == "landmarks"), None)


def _notes(bundle: Bundle, data: Dataset, classes: ClassMap, points: PointMap | str) -> list[str]:
    notes = [*data.notes, *classes.notes]
    turned = any(p.angles is not None for p in data.pictures)
    if turned and bundle.spec.head.turned:
        notes.append("IoU is that of turned boxes, as polygons")
    elif turned or bundle.spec.head.turned:
        which = "the labels are turned" if turned else "the model's boxes are turned"
        notes.append(f"IoU is of polygons, and only {which}: the others are upright")
    if isinstance(points, PointMap):
        notes += [points.note] if points.note else []
        count = _landmark_count(bundle) or 0
        if sigmas_of(bundle.spec, count) is None:
            notes.append(f"no OKS: the spec gives no `sigmas` for its {count} landmarks")
    elif data.landmarks or _landmark_count(bundle) is not None:
        notes.append(f"no landmark error: {points}")
    if gives_masks(bundle) and not any(p.outlines for p in data.pictures):
        notes.append("no AP of masks: the labels have no outlines")
    nms = bundle.spec.effective_nms
    if gives_boxes_away(bundle):
        notes.append("the boxes are the labels' own: only the landmarks say something")
    elif nms is not None and nms.score_threshold > LOW:
        notes.append(
            f"AP is of what the artifacts let through: score_threshold {nms.score_threshold:g} is "
            "baked in, and lower scores are not there; mobilecat tune, or an export with "
            f"score_threshold = {LOW:g}, shows the whole curve"
        )
    return notes


LOW = 0.01
"""A score threshold from which on down AP hardly changes."""
