"""Frames to Dask's workers, and what they find back in the order of the clip.

The clip is decoded and fitted here, and only the model's input travels: a frame of 1920 × 1080 is
6 MB, what a detector takes of it some hundred kB. Tracks are followed here as well, since a frame's
depend on all before it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mobilecat.bundle import Bundle
from mobilecat.clips.clip import Frame
from mobilecat.errors import Problem, WorkersError
from mobilecat.formats.base.runner import NotRun
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.lanes.base import Lane
from mobilecat.lanes.detect import decode_outputs
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.lanes.worker import Home, engine_at
from mobilecat.pictures.detections import Detections
from mobilecat.spread import Workers

_WAITING = 2
"""Frames under way for each worker. Each is held here whole, as it may be drawn on."""


@dataclass(frozen=True)
class Seen:
    """What the lanes found in a frame. seconds: of each lane's engine; work: with the fitting."""

    plan: ResizePlan
    found: dict[str, Detections]
    seconds: dict[str, float]
    work: float


@dataclass(frozen=True)
class _Task:
    home: Home
    lanes: tuple[Lane, ...]
    tensors: Mapping[str, Array]
    plan: ResizePlan


def idle_on(workers: Workers, home: Home, lanes: Sequence[Lane]) -> dict[str, str]:
    """Return the lanes that do not run on a worker, and why; each engine is opened by this."""
    (_, idle), *_ = workers.answers(_idle, [(home, tuple(lanes))])
    found: dict[str, str] = idle
    return found


def _idle(asked: tuple[Home, tuple[Lane, ...]]) -> dict[str, str]:
    home, lanes = asked
    reasons = {}
    for lane in lanes:
        try:
            engine_at(home, lane)
        except NotRun as why:
            reasons[lane.name] = str(why)
    return reasons


def seen_on(
    workers: Workers, home: Home, bundle: Bundle, lanes: Sequence[Lane], clip: Iterable[Frame]
) -> Iterator[tuple[Frame, Seen]]:
    """Give each frame with what the lanes find in it, in the order of the clip.

    Errors: what reading the clip raises, after all frames before; WorkersError.
    """
    frames: deque[tuple[Frame, float]] = deque()
    broken: list[Exception] = []

    def tasks() -> Iterator[_Task]:
        from PIL import Image

        try:
            for frame in clip:
                start = time.perf_counter()
                tensors, plan = picture_inputs(bundle, Image.fromarray(frame.pixels))
                frames.append((frame, time.perf_counter() - start))
                yield _Task(home, tuple(lanes), tensors, plan)
        except Exception as e:  # what was read before it comes first
            broken.append(e)

    for _, seen in workers.answers(_work, tasks(), in_order=True, waiting=_WAITING):
        frame, fitting = frames.popleft()
        yield frame, Seen(seen.plan, seen.found, seen.seconds, seen.work + fitting)
    if broken:
        raise broken[0]


def _work(task: _Task) -> Seen:
    """Run a frame, on a worker."""
    found, seconds = {}, {}
    start = time.perf_counter()
    for lane in task.lanes:
        try:
            engine, busy = engine_at(task.home, lane)
        except NotRun as why:
            what = f"{lane.name} runs on another worker, and not on this one: {why}"
            fix = "install the same on every worker, or name the engine that all have: --runner"
            raise WorkersError("The workers are not alike", [Problem(what, "--on", fix)]) from why
        with busy:
            began = time.perf_counter()
            outputs = engine.infer(task.tensors)
            seconds[lane.name] = time.perf_counter() - began
        found[lane.name] = decode_outputs(outputs, task.plan)
    return Seen(task.plan, found, seconds, time.perf_counter() - start)


def seen_here(
    bundle: Bundle,
    engines: Mapping[str, Callable[[Mapping[str, Array]], Mapping[str, Array]]],
    clip: Iterable[Frame],
) -> Iterator[tuple[Frame, Seen]]:
    """Give each frame with what the engines find in it, one after the other in this process."""
    from PIL import Image

    for frame in clip:
        found, seconds = {}, {}
        start = time.perf_counter()
        tensors, plan = picture_inputs(bundle, Image.fromarray(frame.pixels))
        for name, infer in engines.items():
            began = time.perf_counter()
            outputs = infer(tensors)
            seconds[name] = time.perf_counter() - began
            found[name] = decode_outputs(outputs, plan)
        yield frame, Seen(plan, found, seconds, time.perf_counter() - start)
