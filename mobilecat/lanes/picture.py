"""One picture through a bundle's lanes: what each finds, in the picture's pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.lanes.base import Lane, lanes_of
from mobilecat.lanes.candidates import (
    best_below,
    candidates_of,
    shows_candidates,
    suppressed_by,
    tried_nms,
)
from mobilecat.lanes.detect import decode_outputs
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections, nothing_above
from mobilecat.pictures.drawing import data_url, draw_detections
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.shown import Drawn, Line, Shown, Table
from mobilecat.spec import NmsSpec, RawHead

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_SAID = 600
"""Characters of an engine's own words."""


@dataclass(frozen=True, repr=False, eq=False)
class LaneRun(Shown):
    """What one lane gave.

    detections: in pixels of the upright picture; None for a raw head, and where it did not run.
    outputs: its tensors by the bundle's names, boxes in pixels of the model input.
    milliseconds: of the engine alone, warm. first_ms: of its first picture, where this was it.
    below: the best candidate, where nothing is above the threshold and the engine shows them.
    threshold: the score that a detection is above, where one is suppressed by it.
    not_run: why there is nothing, or "". failed: whether that is a fault of the lane's, rather than
    that it cannot run here.
    odd: what no detector gives: a sentence for each thing that looks wrong.
    """

    lane: Lane
    bundle: Bundle
    engine: str = ""
    milliseconds: float = 0.0
    first_ms: float | None = None
    outputs: Mapping[str, Array] = field(default_factory=dict)
    detections: Detections | None = None
    below: Detections | None = None
    threshold: float | None = None
    not_run: str = ""
    odd: tuple[str, ...] = ()
    failed: bool = False

    def words(self, but: Collection[str] = ()) -> Iterator[Line | Table]:
        """but: warnings that are said elsewhere."""
        if self.not_run:
            what, style = ("FAIL", "red") if self.failed else ("NOT_RUN", "")
            yield Line(f"{self.lane.name}: {what}, {self.not_run}", style)
            return
        first = "" if self.first_ms is None else f" (the first time {self.first_ms:.1f} ms)"
        yield Line(f"{self.lane.name}  {self.milliseconds:.1f} ms{first}, {self.engine}", "bold")
        yield from (Line(f"  warning: {t}", "yellow") for t in self.odd if t not in but)
        if self.detections is not None and not len(self.detections):
            yield Line(f"  {self.nothing}")
            return
        if self.detections is not None:
            spec = self.bundle.spec
            boxes = not spec.head.whole_picture
            yield from self.detections.words(spec.labels, spec.landmarks, boxes)
            return
        for name, facts in _facts(self.outputs).items():
            shape = "×".join(map(str, facts["shape"]))
            yield Line(
                f"  {name} {shape} {facts['dtype']}: {facts['min']:.5g} to "
                f"{facts['max']:.5g}, mean {facts['mean']:.5g}"
            )

    @property
    def nothing(self) -> str:
        """Say that nothing was found, and what comes nearest: its class, score and place."""
        spec = self.bundle.spec
        return nothing_above(self.threshold, self.below, spec.labels)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        spec, artifact = self.bundle.spec, self.lane.artifact
        row: dict[str, Any] = {"lane": self.lane.name, "runner": self.lane.runner}
        row["artifact"] = artifact.file if artifact else None
        if self.not_run:
            failed = {"failed": True} if self.failed else {}
            return {**row, "not_run": self.not_run, **failed}
        row |= {"engine": self.engine, "milliseconds": round(self.milliseconds, 2)}
        if self.first_ms is not None:
            row["first_milliseconds"] = round(self.first_ms, 2)
        if self.detections is None:
            return {**row, "outputs": _facts(self.outputs)}
        row["detections"] = self.detections.to_json(spec.labels, spec.landmarks)
        if self.below is not None:
            row["best_score"] = round(float(self.below.scores[0]), 6)
            row["below_threshold"] = self.below.to_json(spec.labels, spec.landmarks)[0]
        cascade = isinstance(self.bundle, CascadeBundle)
        return row if cascade else {**row, "odd": list(self.odd)}


@dataclass(frozen=True, repr=False, eq=False)
class PictureRun(Shown):
    """A lane each, in the bundle's order. file: where the picture was read from, if anywhere."""

    bundle: Bundle
    picture: Image
    lanes: tuple[LaneRun, ...]
    file: Path | None = None

    def __len__(self) -> int:
        return len(self.lanes)

    def __iter__(self) -> Iterator[LaneRun]:
        return iter(self.lanes)

    def __getitem__(self, name: str) -> LaneRun:
        """Return what the lane called `name` gave, as `onnx:yunet.onnx`; or a runner's first."""
        for row in self.lanes:
            if name in (row.lane.name, row.lane.runner):
                return row
        raise KeyError(name)

    @property
    def first(self) -> LaneRun:
        """The first lane that ran. Errors: MobileCatError with every lane's reason if none did."""
        for row in self.lanes:
            if not row.not_run:
                return row
        raise MobileCatError("Nothing ran", [Problem(r.not_run, r.lane.name) for r in self.lanes])

    @property
    def detections(self) -> Detections:
        """What the first lane that ran found.

        Errors: MobileCatError where none did, or the head is raw: `first.outputs` has its tensors.
        """
        if (found := self.first.detections) is None:
            what = Problem("its head is raw", self.bundle.name, "read .first.outputs")
            raise MobileCatError("This bundle gives tensors, not detections", [what])
        return found

    def draw(self) -> Image:
        """Return a copy of the picture with what the first lane to find anything found on it.

        Where none did, with the best candidate below the threshold, its box in broken lines.
        """
        spec = self.bundle.spec
        found = next((r.detections for r in self.lanes if r.detections), None)
        below = next((r.below for r in self.lanes if r.below), None)
        shown = found or below or self.detections
        return draw_detections(
            self.picture, shown, spec.labels, spec.landmarks, spec.skeleton, broken=not found
        )

    def words(self) -> Iterator[Line | Table]:
        shared = self.odd_everywhere
        for row in self.lanes:
            yield from row.words(but=shared)
        yield from (Line(f"warning: in all lanes, {text}", "yellow") for text in shared)

    @property
    def odd_everywhere(self) -> tuple[str, ...]:
        """What looks wrong in every lane that ran, where several did: the spec, not a lane."""
        ran = [row for row in self.lanes if not row.not_run]
        if len(ran) < 2:
            return ()
        return tuple(text for text in ran[0].odd if all(text in row.odd for row in ran))

    def drawings(self) -> Iterator[Drawn]:
        if any(r.detections is not None for r in self.lanes):
            yield Drawn(data_url(self.draw(), 480), f"what {self.first.lane.name} found")

    def to_json(self) -> dict[str, Any]:
        """Return every lane's result as JSON values, as `mobilecat run --json` prints them."""
        file = {"file": str(self.file), "sha256": sha256_of(self.file)} if self.file else {}
        image = {**file, "size_wh": list(self.picture.size)}
        return {"schema": 1, "image": image, "results": [r.to_json() for r in self.lanes]}


def run_picture(
    folder: Path,
    bundle: Bundle,
    image: Picture,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    boxes: Path | None = None,
    opener: Callable[[Lane], Runner],
    is_warm: Callable[[Lane], bool] = lambda _: True,
    nms: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> PictureRun:
    """Run the lanes of a bundle, all or the named, on one picture, one after another.

    opener: what loads a lane. is_warm: whether it ran before; one that did not runs twice, as its
    first picture is no measure. boxes: of a cascade that finds none itself. nms: keys of [nms],
    tried on each lane's candidates in place of what is baked in.
    Errors: MobileCatError for a bundle without picture input, an unusable picture or unknown lane.
    """
    if bundle.spec.input is None:
        fix = "compare its tensors: mobilecat validate DIR --random 3"
        said = Problem("its spec has no [input]", str(folder), fix)
        raise MobileCatError("This bundle takes tensors, not pictures", [said])
    picture = picture_of(image)
    tried = tried_nms(bundle, nms or {})
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    tensors, plan = picture_inputs(bundle, picture, boxes)
    rows = []
    for lane in lanes:
        progress(lane.name)
        warm = lane.slow or is_warm(lane)
        try:
            engine = opener(lane)
            if tried is not None and not shows_candidates(lane, bundle):
                raise NotRun("its thresholds are baked in, and it does not show its candidates")
        except NotRun as reason:
            rows.append(LaneRun(lane, bundle, not_run=str(reason)))
            continue
        except Exception as e:
            rows.append(_failed(lane, bundle, e, alone=len(lanes) == 1))
            continue
        try:
            rows.append(_run_lane(lane, bundle, engine, tensors, plan, warm, tried))
        except NotRun as reason:
            rows.append(LaneRun(lane, bundle, not_run=str(reason)))
        except Exception as e:  # engines share no error class; one lane's crash is not the others'
            rows.append(_failed(lane, bundle, e, alone=len(lanes) == 1))
    file = Path(image) if isinstance(image, str | os.PathLike) else None
    return PictureRun(bundle, picture, tuple(rows), file)


def _run_lane(
    lane: Lane,
    bundle: Bundle,
    engine: Runner,
    tensors: Mapping[str, Array],
    plan: ResizePlan,
    warm: bool,
    tried: NmsSpec | None,
) -> LaneRun:
    """Return what one lane gives. tried: [nms] in place of what is baked in."""
    outputs, took = _timed(engine, tensors)
    first = None
    if not warm:
        first = took
        outputs, took = _timed(engine, tensors)
    raw = isinstance(bundle.spec.head, RawHead)
    found, below = None if raw else decode_outputs(outputs, plan), None
    if found is not None and (tried is not None or not len(found)):
        candidates = _candidates(engine, lane, bundle, tensors)
        if candidates is not None and tried is not None:
            outputs = suppressed_by(candidates, bundle, tried)
            found = decode_outputs(outputs, plan)
        if candidates is not None and not len(found):
            below = best_below(candidates, bundle, plan)
    odd = () if found is None else _odd(bundle, found, plan)
    settled = tried or bundle.spec.effective_nms
    threshold = settled.score_threshold if settled is not None else None
    told = LaneRun(lane, bundle, engine.note, took, first, outputs, found, below, odd=odd)
    return replace(told, threshold=threshold)


def _failed(lane: Lane, bundle: Bundle, error: Exception, alone: bool) -> LaneRun:
    """Return a lane that raised, with why in one line. alone: there is no other to go on with."""
    if isinstance(error, MobileCatError):
        if alone:
            raise error
        said = "; ".join([error.summary, *(": ".join(_parts(p)) for p in error.problems)])
    else:
        said = f"{type(error).__name__}: {error}"
    absent = isinstance(error, ImportError)
    said = f"a package is missing: {error}" if absent else said
    return LaneRun(lane, bundle, not_run=" ".join(said.split())[:_MOST_SAID], failed=not absent)


def _parts(problem: Problem) -> list[str]:
    return [part for part in (problem.what, problem.fix) if part]


def _timed(engine: Runner, tensors: Mapping[str, Array]) -> tuple[dict[str, Array], float]:
    """Return what the engine gives, and the milliseconds that it took."""
    start = perf_counter()
    outputs = engine.infer(tensors)
    return outputs, (perf_counter() - start) * 1e3


def _candidates(
    engine: Runner, lane: Lane, bundle: Bundle, tensors: Mapping[str, Array]
) -> Candidates | None:
    """Return what is decoded before suppression; None where the engine shows none, or is slow."""
    if lane.slow or not shows_candidates(lane, bundle):
        return None
    return candidates_of(engine, bundle, tensors["image"])


def _odd(bundle: Bundle, found: Detections, plan: ResizePlan) -> tuple[str, ...]:
    if isinstance(bundle, CascadeBundle):
        return ()
    return tuple(odd_values(bundle.spec, found, plan.model_from_image, "bundle"))


def _facts(outputs: Mapping[str, Array]) -> dict[str, dict[str, Any]]:
    return {
        k: {
            "shape": list(v.shape),
            "dtype": v.dtype.name,
            "min": float(v.min()),
            "max": float(v.max()),
            "mean": float(v.mean()),
        }
        for k, v in outputs.items()
    }
