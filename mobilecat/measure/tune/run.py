"""Bundle and labelled pictures → a table of settings, and the best of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import DETECTOR, CascadeBundle, open_any
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.resize import plan_resize
from mobilecat.lanes import open_lane
from mobilecat.measure.datasets import Dataset, load_dataset
from mobilecat.measure.evaluate.collect import Opener
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap, match_classes
from mobilecat.measure.evaluate.scores import truth_of
from mobilecat.measure.shards import in_no_shard, shard
from mobilecat.measure.tune.candidates import Engine, lane_to_tune, ranked_of
from mobilecat.measure.tune.grid import Grid, Setting, without_overlap
from mobilecat.measure.tune.kept import Store, merge, open_store
from mobilecat.measure.tune.measure import Judged, Row, judge, row_of
from mobilecat.measure.tune.objective import Objective, Plateau, edges, settled
from mobilecat.measure.tune.ranked import Ranked, suppress_at
from mobilecat.measure.tune.spread import fill_on
from mobilecat.pictures.chart import Chart, write_chart
from mobilecat.shown import Drawn, Line, Shown, Table
from mobilecat.spec import NmsSpec, RawHead

Progress = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class Tuned(Shown):
    """A sweep. rows: in the grid's order. best: None where no row meets the objective's condition.

    baked: what the bundle has now. inferences: pictures that the model ran on; the rest came from
    the cache. seconds: of inference and reading, of the sweep. in_cascade: it is the detector of a
    cascade. spec, diff: what the best row was written into, and what changed there. too_few: that
    so few objects settle no threshold, else "". unwritten: the spec that was to be written, and is
    as it was, since they are too few. plateau: the score thresholds about as good.
    """

    bundle: Bundle
    folder: Path
    lane: str
    data: Dataset
    baked: NmsSpec
    objective: Objective
    rows: tuple[Row, ...]
    best: Row | None
    inferences: int
    seconds: tuple[float, float]
    notes: tuple[str, ...]
    in_cascade: bool = False
    spec: Path | None = None
    diff: str = ""
    too_few: str = ""
    unwritten: Path | None = None
    plateau: Plateau | None = None

    @property
    def exit_code(self) -> int:
        return 1 if self.best is None or self.unwritten is not None else 0

    def words(self) -> Iterable[Line | Table]:
        from mobilecat.measure.tune.words import said

        return said(self)

    @property
    def chart(self) -> Chart:
        """Recall over false positives a picture."""
        from mobilecat.measure.tune.plot import chart_of

        return chart_of(self)

    def drawings(self) -> Iterator[Drawn]:
        yield self.chart.drawn

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write `chart` as an SVG."""
        write_chart(self.chart, Path(path))

    def to_json(self) -> dict[str, Any]:
        """Return the sweep as JSON values."""
        return {
            "schema": 1,
            "bundle": self.bundle.name,
            "lane": self.lane,
            "data": str(self.data.path),
            "pictures": len(self.data),
            "baked": self.baked.model_dump(mode="json"),
            "objective": self.objective.name,
            "best": None if self.best is None else self.rows.index(self.best),
            "rows": [row.to_json() for row in self.rows],
            "inferences": self.inferences,
            "seconds": {"inference": self.seconds[0], "sweep": self.seconds[1]},
            "notes": list(self.notes),
            "unwritten": None if self.unwritten is None else str(self.unwritten),
        }


def open_detector(folder: Path) -> tuple[Path, Bundle, NmsSpec]:
    """Return the bundle in `folder`, or the detector of the cascade there, and its NMS.

    Errors: MobileCatError where it has no NMS to tune.
    """
    bundle = open_any(folder)
    if isinstance(bundle, CascadeBundle):
        if bundle.detector is None:
            raise _nothing(bundle, "its boxes come from elsewhere")
        folder, bundle = folder / DETECTOR, bundle.detector
    if isinstance(bundle.spec.head, RawHead) or bundle.spec.input is None:
        raise _nothing(bundle, "its head is raw", "name a head in the spec and export again")
    nms = bundle.spec.effective_nms
    if nms is None:
        raise _nothing(bundle, f"head {bundle.spec.head.kind!r} gives one result a picture")
    return folder, bundle, nms


def _nothing(bundle: Bundle, why: str, fix: str = "") -> MobileCatError:
    return MobileCatError("There is no NMS to tune", [Problem(why, bundle.name, fix)])


def tune(
    folder: Path,
    data: Path,
    grid: Grid,
    objective: Objective,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    source: Path | None = None,
    limit: int | None = None,
    cache: Path | None = None,
    fresh: bool = False,
    class_map: Mapping[str, str] | None = None,
    on: str | None = None,
    part: str | None = None,
    merged: Sequence[Path] = (),
    progress: Progress = lambda _: None,
    opener: Opener = open_lane,
) -> Tuned:
    """Sweep `grid` over the labelled pictures at `data`; nothing but the cache is written.

    Candidates come from the source model, or from `runner` and `artifact`. cache: where they are
    kept, by default in the user's cache folder; fresh: believe none of them. limit: pictures,
    spread evenly. class_map: a class of the labels → the model's name for it. on: Dask's workers,
    whose candidates go through the cache (`spread`). part: `2/5`, the second of five shards.
    merged: caches of shards, to take over.
    Where the bundle selects without suppression, there is no IoU threshold to sweep.
    Errors: MobileCatError.
    """
    asked, (folder, bundle, nms) = folder, open_detector(folder)
    grid = without_overlap(grid, nms)
    lane = lane_to_tune(bundle, runner, artifact)
    labels = load_dataset(data).spread(limit)
    labels = replace(labels, pictures=shard(labels.pictures, part))
    classes = match_classes(labels, bundle.spec.labels, class_map)
    truths = [truth_of(p, classes, None) for p in labels.pictures]
    wanted = _wanted(truths, labels)
    engine = Engine(folder, bundle, lane, source, opener)
    store = open_store(bundle, lane, cache, fresh)
    merge(store, merged)
    start = perf_counter()
    if on is not None:
        asked_for, paths = (runner, artifact), [p.path for p in labels.pictures]
        floor = grid.scores[0]
        engine.inferences = fill_on(
            on, folder, bundle, asked_for, source, paths, floor, store, progress
        )
        store = Store(store.folder)  # what came just now is believed, also where nothing else was
    ranked = []
    for i, picture in enumerate(labels.pictures, start=1):
        progress(f"{lane.name}: picture {i} of {len(labels)}, {picture.path.name}")
        ranked.append(ranked_of(picture.path, grid.scores[0], engine, store))
    inferred = perf_counter()
    rows = _sweep(ranked, bundle, labels, truths, classes, wanted, grid, progress)
    swept = perf_counter()
    now = Setting(nms.score_threshold, nms.iou_threshold, nms.max_detections)
    best, plateau = settled(rows, objective, now)
    notes = [*labels.notes, *classes.notes, *_others(bundle, classes)]
    if part is not None:
        said = f"shard {part}: the sweep of {len(labels)} pictures; --merge its --cache for all"
        notes.insert(0, said)
    if merged:
        notes += in_no_shard({lane.name: engine.inferences}, len(labels))
    notes += edges(best, rows, objective) if best is not None else []
    notes += [too_few] if (too_few := few(wanted, len(labels))) else []
    notes += [store.problem] if store.problem else []
    return Tuned(
        bundle,
        folder,
        lane.name,
        labels,
        nms,
        objective,
        rows,
        best,
        engine.inferences,
        (inferred - start, swept - inferred),
        tuple(notes),
        folder != asked,
        too_few=too_few,
        plateau=plateau,
    )


_FEW = 30
"""Objects below which chance moves the best threshold: of n, one more or less is 1/n of recall."""


def few(wanted: Mapping[int, int], pictures: int) -> str:
    """Say that so few objects settle no threshold; "" where there are enough."""
    count = sum(wanted.values())
    if count >= _FEW:
        return ""
    objects = "1 object" if count == 1 else f"{count} objects"
    where = "1 picture" if pictures == 1 else f"{pictures} pictures"
    return (
        f"{objects} in {where} settle no threshold: one object more or less moves recall by "
        f"{1 / count:.2f}; take {_FEW} objects or more"
    )


def _others(bundle: Bundle, classes: ClassMap) -> list[str]:
    count = bundle.candidates[1].shape[2] - len(classes.model)
    return [f"{count} of the model's classes are not labelled: not judged"] if count else []


def _wanted(truths: Sequence[Truth], labels: Dataset) -> dict[int, int]:
    """Return class → objects to be found; MobileCatError where there are none at all."""
    every = np.concatenate([t.class_ids[~t.ignore] for t in truths])
    if not len(every):
        what = "no picture has an object of a class that the model finds"
        fix = "add labelled pictures: without objects, fewer detections are always better"
        raise MobileCatError("Nothing is to be found", [Problem(what, str(labels.path), fix)])
    ids, counts = np.unique(every, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def _sweep(
    ranked: Sequence[Ranked],
    bundle: Bundle,
    labels: Dataset,
    truths: Sequence[Truth],
    classes: ClassMap,
    wanted: Mapping[int, int],
    grid: Grid,
    progress: Progress,
) -> tuple[Row, ...]:
    image, nms = bundle.spec.input, bundle.spec.effective_nms
    assert image is not None and nms is not None
    judged: dict[float, list[Judged]] = {iou: [] for iou in grid.ious}
    for candidates, picture, truth in zip(ranked, labels.pictures, truths, strict=True):
        progress(f"suppressing and matching {picture.path.name}")
        plan = plan_resize(picture.size_wh, image.size, image.resize, image.rounding)
        most = grid.max_detections[-1] + 1
        kept = suppress_at(candidates, grid.ious, most, nms.per_class, nms.overlap)
        for iou, rows in zip(grid.ious, kept, strict=True):
            found = candidates.detections(rows, plan.image_from_model)
            judged[iou].append(judge(truth, found, classes))
    made = []
    for i, setting in enumerate(grid.settings, start=1):
        progress(f"setting {i} of {len(grid.settings)}")
        above = [r.above(setting.score_threshold) for r in ranked]
        ms = _nms_ms(above, setting, nms)
        mean = sum(map(len, above)) / len(above)
        made.append(row_of(setting, judged[setting.iou_threshold], wanted, mean, ms))
    return tuple(made)


_TIMED = 100
"""Pictures, spread evenly, that suppression is timed on."""


def _nms_ms(above: Sequence[Ranked], setting: Setting, nms: NmsSpec) -> float:
    """Return milliseconds of CPU a picture of suppression at this setting alone."""
    timed = above[:: -(-len(above) // _TIMED)]
    start = thread_time()
    for candidates in timed:
        at, most = [setting.iou_threshold], setting.max_detections
        suppress_at(candidates, at, most, nms.per_class, nms.overlap)
    return (thread_time() - start) / len(timed) * 1e3
