"""One candidate: exported as it would be shipped, run on the labelled pictures, timed, and kept."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.compression.kept import Kept
from mobilecat.compression.losses import Measure, groups_of, lost, measures_of, spread_of
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, WorkersError
from mobilecat.formats.base.target import TargetSpec
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import Lane, NotRun, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import collect
from mobilecat.measure.evaluate.kept import Store, open_stores
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap, PointMap
from mobilecat.measure.evaluate.run import is_single
from mobilecat.measure.evaluate.scores import Scores, score, truth_of
from mobilecat.measure.evaluate.spread import run_tasks, tasks_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import NmsSpec, Spec
from mobilecat.spread import Workers
from mobilecat.value import tuples

_TIMED = 15
"""Runs, in turns with the float32 artifact's; the fastest counts, which other work disturbs least.
"""
TIMED = ("tflite",)
"""Kinds whose time here is that of the engine that an app has too. Core ML and Core AI files run in
our own runtime here, whose time says nothing of a phone: they are not timed."""
ROUNDS, _EACH = 5, 5
"""Rounds in which files of alike sizes are timed once more, in turns, and runs of each in one."""
_LONG = 10.0
"""Seconds of one side, after which three runs are enough: int16x8 takes 30 times a float's."""
SOURCE = Lane("source")
Progress = Callable[[str], None]
Rounds = tuple[tuple[float, ...], ...]
"""Seconds of each of several files, a round at a time."""


@dataclass(frozen=True)
class Loss:
    """Points lost against the source on some pictures, and their standard error."""

    points: float
    spread: float


@dataclass(frozen=True)
class Made:
    """A candidate as it was measured. ranges: of its file's quantised values. time: of one run, as
    a share of the float32 artifact's in the same process; None where it was not timed.

    not_run: why there is nothing else.
    """

    bytes: int = 0
    sha256: str = ""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    loss: Loss | None = None
    held: Loss | None = None
    time: float | None = None
    not_run: str = ""


@dataclass
class Sets:
    """Labelled pictures: those that choose, and those that are held out to report on, by place."""

    pictures: Sequence[Labelled]
    truths: Sequence[Truth]
    choosing: tuple[int, ...]
    held: tuple[int, ...]
    classes: ClassMap
    points: PointMap | None


class Bench:
    """Measures candidates of one spec.

    work: a folder for what is exported, gone afterwards. model: the source's file. calibration: its
    pictures' hashes. workers: gives Dask's workers, who run candidates on the pictures.
    """

    def __init__(
        self,
        spec: Spec,
        model: Path,
        sets: Sets,
        kept: Kept,
        work: Path,
        calibration: Sequence[str] = (),
        threads: int | None = None,
        workers: Callable[[], Workers] | None = None,
    ) -> None:
        self._workers = workers
        self._spec, self._model, self._sets, self._kept = spec, model, sets, kept
        self._work, self._calibration, self._threads = work, tuple(calibration), threads
        self._sha = sha256_of(model)
        self._made = 0
        self._source: dict[tuple[int, ...], Scores] = {}
        self._found: Sequence[Detections] = ()
        self._beside: tuple[TargetSpec, Any] | None = None
        self.measures: tuple[Measure, ...] = ()
        self.measured = 0
        """Candidates that were exported and run in this process; the others had been kept."""
        self.inferences = 0

    def made(self, target: TargetSpec, reference: TargetSpec | None, progress: Progress) -> Made:
        """Return what the artifact of `target` is worth.

        reference: the float32 target that its time is compared with; None for itself.
        """
        spec = self._alone(target)
        said = self._said(spec, target)
        old = self._kept.get("candidates", said)
        if isinstance(old, dict) and (done := self._again(old, progress)) is not None:
            return done
        self.measured += 1
        try:
            return self._measure(spec, target, reference, said, progress)
        except WorkersError:
            raise  # which says nothing of the candidate
        except MobileCatError as e:
            why = "; ".join([e.summary, *(p.what for p in e.problems[:1])])
            self._kept.put("candidates", said, {"not_run": why})
            return Made(not_run=why)

    def _alone(self, target: TargetSpec) -> Spec:
        targets = type(self._spec.targets)(**{target.kind: (target,)})
        return self._spec.model_copy(update={"targets": targets})

    def _said(self, spec: Spec, target: TargetSpec) -> dict[str, Any]:
        left = set() if target.fits else {"quantize"}
        return {
            "spec": spec.model_dump(mode="json", by_alias=True, exclude={"tolerances", *left}),
            "source": self._sha,
            "calibration": list(self._calibration) if target.fits else [],
        }

    def _again(self, old: Mapping[str, Any], progress: Progress) -> Made | None:
        """Return what was kept; None where a picture of it is missing."""
        try:
            if old.get("not_run"):
                return Made(not_run=str(old["not_run"]))
            bundle = Bundle.model_validate(tuples(json.loads(old["bundle"])))
            record, seconds = bundle.artifacts[0], old["time"]
            lane = Lane(str(old["runner"]), record)
        except (KeyError, ValueError, IndexError, TypeError):
            return None
        found = self._stored(bundle, lane)
        if found is None or (not self._found and not self._load_source(bundle)):
            return None
        progress("measured before")
        return self._judged(bundle, record.bytes, record.sha256, record.ranges, found, seconds)

    def _stored(self, bundle: Bundle, lane: Lane) -> tuple[Detections, ...] | None:
        store = self._stores(bundle, [lane])[lane.name]
        results = [store.get(key) for key in self._keys]
        found = tuple(r.found for r in results if r is not None)
        return found if len(found) == len(results) else None

    def _stores(self, bundle: Bundle, lanes: Sequence[Lane]) -> dict[str, Store]:
        return open_stores(bundle, lanes, self._kept.results, self._kept.since)

    def _load_source(self, bundle: Bundle) -> bool:
        found = self._stored(bundle, SOURCE)
        self._found = found or ()
        return found is not None

    @cached_property
    def _keys(self) -> list[str]:
        return [sha256_of(p.path) for p in self._sets.pictures]

    def _measure(
        self,
        spec: Spec,
        target: TargetSpec,
        reference: TargetSpec | None,
        said: Mapping[str, Any],
        progress: Progress,
    ) -> Made:
        bundle, out = self._export(spec, progress)
        record = bundle.artifacts[0]
        lane = Lane(FORMATS[record.kind].engines[0].runner, record)
        lanes = [SOURCE, lane]
        stores = self._stores(bundle, lanes)
        if self._workers is not None:
            pictures = self._sets.pictures
            there = open_bundle(out)  # as they find it, with its seal
            tasks = tasks_of(out, there, lanes, pictures, stores, {}, self._model, False, progress)
            self.inferences += run_tasks(self._workers, tasks, stores, progress)
        collected = collect(
            out,
            bundle,
            lanes,
            self._sets.pictures,
            stores,
            class_ids={},
            source=self._model,
            fresh=False,
            threads=self._threads,
            progress=progress,
        )
        source, own = collected
        self.inferences += source.inferred + own.inferred
        if source.not_run or own.not_run:
            return Made(not_run=own.not_run or source.not_run)
        self._found = source.found
        seconds = None
        if reference is not None and target.kind in TIMED:
            progress("timing it beside float32")
            seconds = self._time(out, bundle, lane, self._reference(reference, progress))
        self._kept.put(
            "candidates",
            said,
            {"bundle": bundle.to_json(), "runner": lane.runner, "time": seconds},
        )
        if reference is not None:
            shutil.rmtree(out, ignore_errors=True)
        return self._judged(bundle, record.bytes, record.sha256, record.ranges, own.found, seconds)

    def _export(self, spec: Spec, progress: Progress) -> tuple[Bundle, Path]:
        self._made += 1
        out = self._work / f"{self._made}"
        return export(spec, out, source=self._model, progress=progress).bundle, out

    def _reference(self, target: TargetSpec, progress: Progress) -> Any:
        """Return the runner of the float32 artifact, exported where it is not there yet."""
        if self._beside is None or self._beside[0] != target:
            bundle, out = self._export(self._alone(target), progress)
            record = bundle.artifacts[0]
            lane = Lane(FORMATS[record.kind].engines[0].runner, record)
            self._beside = target, open_lane(out, bundle, lane, self._model)
        return self._beside[1]

    def _time(self, out: Path, bundle: Bundle, lane: Lane, beside: Any) -> float | None:
        try:
            runners = [open_lane(out, bundle, lane, self._model), beside]
        except NotRun:
            return None
        picture = read_picture(self._sets.pictures[0].path)
        inputs, _ = picture_inputs(bundle, picture)
        taken: list[list[float]] = [[], []]
        for i in range(_TIMED + 2):
            if i > 4 and max(map(sum, taken)) > _LONG:
                break
            for runner, times in zip(runners, taken, strict=True):
                start = time.perf_counter()
                runner.infer(inputs)
                if i >= 2:
                    times.append(time.perf_counter() - start)
        own, theirs = map(min, taken)
        return own / theirs if theirs else None

    def rounds(
        self, targets: Sequence[TargetSpec], reference: TargetSpec, progress: Progress
    ) -> Rounds | None:
        """Return seconds of each file in each round, the float32 file's first; None where one does
        not run."""
        every = (reference, *targets)
        said = {"timed in turns": [self._said(self._alone(t), t) for t in every]}
        old = self._kept.get("rounds", said)
        if isinstance(old, list) and all(isinstance(r, list) and len(r) == len(every) for r in old):
            return tuple(map(tuple, old))
        runs: list[Callable[[], object]] = []
        outs: list[Path] = []
        try:
            for target in every:
                progress(f"writing {len(outs) + 1} of {len(every)} files of alike worth anew")
                bundle, out = self._export(self._alone(target), lambda _: None)
                outs.append(out)
                record = bundle.artifacts[0]
                lane = Lane(FORMATS[record.kind].engines[0].runner, record)
                runner = open_lane(out, bundle, lane, self._model)
                inputs, _ = picture_inputs(bundle, read_picture(self._sets.pictures[0].path))
                runs.append(partial(runner.infer, inputs))
            progress(f"timing {len(targets)} of them in turns")
            found = in_turns(runs)
        except (NotRun, MobileCatError):
            return None
        finally:
            for out in outs:
                shutil.rmtree(out, ignore_errors=True)
        self._kept.put("rounds", said, [list(r) for r in found])
        return found

    def _judged(
        self,
        bundle: Bundle,
        size: int,
        sha256: str,
        ranges: Mapping[str, tuple[float, float]],
        found: Sequence[Detections],
        seconds: float | None,
    ) -> Made:
        if not self.measures:
            whole = self._score(bundle, self._found, tuple(range(len(self._found))))
            self.measures = measures_of(whole, is_single(bundle))
        held = self._loss(bundle, found, self._sets.held) if self._sets.held else None
        loss = self._loss(bundle, found, self._sets.choosing)
        return Made(size, sha256, dict(ranges), loss, held, seconds)

    def _loss(self, bundle: Bundle, found: Sequence[Detections], places: tuple[int, ...]) -> Loss:
        def points(those: tuple[int, ...]) -> float:
            if those not in self._source:
                self._source[those] = self._score(bundle, self._found, those)
            return lost(self._source[those], self._score(bundle, found, those), self.measures)

        groups = groups_of(len(places))
        each = [points(tuple(places[i] for i in group)) for group in groups]
        return Loss(points(places), spread_of(each))

    @property
    def nms(self) -> NmsSpec | None:
        return self._spec.effective_nms

    def source_scores(self) -> Scores | None:
        """Return the source's figures on the pictures that choose, once something was measured."""
        return self._source.get(self._sets.choosing)

    def _score(
        self, bundle: Bundle, found: Sequence[Detections], places: tuple[int, ...]
    ) -> Scores:
        sets = self._sets
        return score(
            [sets.truths[i] for i in places],
            [found[i] for i in places],
            sets.classes,
            sets.points,
            single=is_single(bundle),
            own_boxes=False,
            whole=bundle.spec.head.whole_picture,
            class_map=bundle.spec.head.gives_class_map,
        )


def in_turns(
    runs: Sequence[Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> Rounds:
    """Run each of `runs` in turns; return the least seconds of each, a round at a time.

    Three rounds at least; no more where they have taken long.
    """
    for run in runs:
        run()
    rounds: list[tuple[float, ...]] = []
    begun = clock()
    while len(rounds) < ROUNDS and (len(rounds) < 3 or clock() - begun < _LONG):
        least = [math.inf] * len(runs)
        for _ in range(_EACH):
            for k, run in enumerate(runs):
                start = clock()
                run()
                least[k] = min(least[k], clock() - start)
        rounds.append(tuple(least))
    return tuple(rounds)


def truths_of(
    pictures: Sequence[Labelled], classes: ClassMap, points: PointMap | None, masks: bool
) -> tuple[Truth, ...]:
    """Return what is to be found in each picture."""
    return tuple(truth_of(p, classes, points, masks) for p in pictures)
