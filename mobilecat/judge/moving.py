"""A clip's golden: every lane on its sampled frames, judged as pictures are, and its steadiness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.clips.reading import ClipReader
from mobilecat.compare.compare import Check, passed
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.resize import ResizePlan
from mobilecat.golden.moving import FrameResult, result_of
from mobilecat.golden.store import PlanRecord
from mobilecat.graph import Array
from mobilecat.judge.observe import guarded
from mobilecat.lanes import Lane, Runner, decode_outputs
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.similarity import sigmas_of
from mobilecat.tracks.stability import Stability, Steadiness, faults


@dataclass(frozen=True)
class Moving:
    """What a lane gave for a clip. plan: how its frames were fitted."""

    lane: Lane
    plan: PlanRecord
    frames: tuple[FrameResult, ...]
    stability: Stability


def run_clip(
    engines: Sequence[tuple[Lane, Runner]],
    bundle: Bundle,
    path: Path,
    every: int,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Moving | Check]:
    """Run lanes on each N-th frame of a clip, which is decoded once; return by lane's name what it
    gave, or a Check where it failed.

    The source among them is what the others' tracks are compared with. Errors: ImageError for a
    clip that cannot be read or is not whole.
    """
    from PIL import Image

    nms = bundle.spec.effective_nms
    threshold = nms.score_threshold if nms else None
    steady = {lane.name: Steadiness(threshold) for lane, _ in engines}
    frames: dict[str, list[FrameResult]] = {lane.name: [] for lane, _ in engines}
    broken: dict[str, Check] = {}
    plan = None
    order = sorted(engines, key=lambda e: e[0].artifact is not None)
    with ClipReader(path, every) as clip:
        for step, frame in enumerate(clip):
            progress(f"{path.name}: frame {frame.index}")
            tensors, fit = picture_inputs(bundle, Image.fromarray(frame.pixels))
            plan = plan or PlanRecord.of(fit)
            source, ids = None, None
            for lane, engine in [x for x in order if x[0].name not in broken]:
                run = partial(_found, engine, tensors, fit)
                got = guarded("run", lane, run)
                if isinstance(got, Check):
                    broken[lane.name] = got
                    continue
                told = result_of(frame, got, bundle.spec.labels, bundle.spec.landmarks)
                frames[lane.name].append(told)
                in_model = got.placed(fit.model_from_image)
                mine = steady[lane.name].add(step, in_model, source, ids)
                if lane.artifact is None:
                    source, ids = in_model, mine
    assert plan is not None
    return {
        n: broken.get(n) or Moving(lane, plan, tuple(frames[n]), steady[n].finish())
        for lane, n in ((lane, lane.name) for lane, _ in engines)
    }


def _found(engine: Runner, tensors: Mapping[str, Array], fit: ResizePlan) -> Detections:
    return decode_outputs(engine.infer(tensors), fit)


def judge_frames(
    bundle: Bundle,
    expected: Sequence[FrameResult],
    got: Sequence[FrameResult],
    plan: PlanRecord,
    limits: Limits,
    against: str = "golden",
) -> list[Check]:
    """Return the checks of detections, each that of the frame which is worst, named in its detail;
    and `frames`: whether the clip gives the frames, at the times, that were approved."""
    checks = [_frames(expected, got, against)]
    to_model = plan.plan.model_from_image
    nms = bundle.spec.effective_nms
    threshold = nms.score_threshold if nms else None
    worst: dict[str, Check] = {}
    failed: dict[str, int] = {}
    by_index = {f.index: f for f in got}
    for want in expected:
        have = by_index.get(want.index)
        if have is None:
            continue
        e, g = want.found, have.found
        points = e.landmarks_xy
        sigmas = None if points is None else sigmas_of(bundle.spec, points.shape[1])
        for check in compare_detections(e, g, limits, to_model, threshold, against, sigmas=sigmas):
            failed[check.name] = failed.get(check.name, 0) + (check.verdict == "FAIL")
            detail = f"{want.words}: {check.detail}" if check.detail else want.words
            if check.name not in worst or _rank(check) > _rank(worst[check.name]):
                worst[check.name] = replace(check, detail=detail)
    for name, check in worst.items():
        n = failed[name]
        detail = f"{n} of {len(expected)} frames; worst in {check.detail}" if n else check.detail
        checks.append(replace(check, detail=detail))
    return checks


def _rank(check: Check) -> tuple[bool, bool, float]:
    share = 0.0 if check.value is None or not check.limit else check.value / check.limit
    return check.verdict == "FAIL", check.verdict == "PASS", share


def _frames(expected: Sequence[FrameResult], got: Sequence[FrameResult], against: str) -> Check:
    want, have = ([(f.index, f.time) for f in side] for side in (expected, got))
    other = next((i for i, (a, b) in enumerate(zip(want, have, strict=False)) if a != b), None)
    if want == have:
        detail = f"{len(want)} frames, at their times"
    elif other is not None:
        detail = f"{expected[other].words} was approved, the clip gives {got[other].words}"
    else:
        detail = f"{len(want)} frames were approved, the clip gives {len(have)}"
    return Check("input", "frames", passed(want == have), detail=detail, against=against)


def judge_steadiness(found: Moving, source: Moving, limits: Limits) -> Check:
    """Return whether a lane is as steady as its source: `tracks.stability`."""
    said = faults(found.stability, source.stability, limits.boxes_px)
    jitter = found.stability.corner_jitter_px
    detail = "; ".join(said) or ("" if jitter is None else f"corners tremble by {jitter:.2f} px")
    return Check("detections", "steadiness", passed(not said), detail=detail, against="source")
