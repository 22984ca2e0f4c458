"""Every lane on every picture: what is kept is read, the rest is inferred, on all cores.

A worker takes a picture, reads it once, and takes it through the lanes that still need it; each
lane runs one picture at a time, and workers start at different lanes. docs/evaluate.md has what
that was measured against.
"""

from __future__ import annotations

import hashlib
import threading
import time
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.foreign import engines_of
from mobilecat.geometry.resize import ResizePlan, plan_resize
from mobilecat.graph import Array
from mobilecat.lanes import Lane, NotRun, Runner, decode_outputs, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.datasets.packed import Each
from mobilecat.measure.evaluate.held import Found
from mobilecat.measure.evaluate.kept import Result, Store
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture
from mobilecat.spread import cores

Opener = Callable[[Path, Bundle, Lane, Path | None], Runner]
SOURCE = Lane("source")
_HASH = hashlib.sha256().digest_size
_NONE: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Collected:
    """What one lane gave. found: one a picture, in order; () with `not_run`, the reason.

    inferred, kept: how many pictures ran now, and how many had been kept. seconds: of an inference,
    the median, with whatever else the machine did meanwhile. runner: the engine, where it ran now.
    """

    lane: Lane
    found: Sequence[Detections]
    engine: str = ""
    not_run: str = ""
    inferred: int = 0
    kept: int = 0
    seconds: float | None = None
    runner: Runner | None = None


class Beside(Protocol):
    """Something else to be made of what the source's lane gives anyway, at some `places`. taps:
    what the source is asked for besides its results."""

    @property
    def places(self) -> Collection[int]: ...
    @property
    def taps(self) -> tuple[str, ...]: ...
    def take(
        self,
        place: int,
        key: str,
        runner: Runner,
        outputs: Mapping[str, Array],
        plan: ResizePlan,
        picture: Labelled,
    ) -> None: ...


@dataclass
class _Work:
    """A lane under way. todo: of each picture, by place, whether it still has to run."""

    lane: Lane
    store: Store
    results: Found
    todo: bytearray
    runner: Runner | None = None
    not_run: str = ""
    busy: threading.Lock = field(default_factory=threading.Lock)


def gives_boxes_away(bundle: Bundle) -> bool:
    """Return whether boxes come from elsewhere; here, then, from the labels."""
    return isinstance(bundle, CascadeBundle) and bundle.detector is None


def collect(
    folder: Path,
    bundle: Bundle,
    lanes: Sequence[Lane],
    pictures: Sequence[Labelled],
    stores: Mapping[str, Store],
    *,
    class_ids: Mapping[int, int],
    source: Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
    opener: Opener = open_lane,
    elsewhere: Mapping[str, Collection[str]] = _NONE,
    beside: Callable[[int], Beside] | None = None,
) -> list[Collected]:
    """Return what each lane finds in each picture.

    class_ids: the labels' → the model's, for a cascade that is given boxes. fresh: believe nothing
    that is kept. elsewhere: lane → keys that workers inferred for this very run; they lie in the
    stores and count as inferred. beside: what else is made of the source's outputs, given how many
    lanes run here. Errors: MobileCatError where a lane breaks its contract on a picture.
    """
    given = gives_boxes_away(bundle)
    keys = keys_of(pictures, given, class_ids, progress)
    works = []
    now = {name: frozenset(ran) for name, ran in elsewhere.items()}
    kept: dict[str, int] = {}
    for lane in lanes:
        store, held = stores[lane.name], Found(len(keys))
        ran_now = now.get(lane.name, frozenset())
        kept[lane.name] = 0
        for i, key in enumerate(keys) if not fresh else ():
            if (result := store.get(key)) is not None:
                held.put(i, result.found, result.engine, result.seconds)
                kept[lane.name] += key not in ran_now
        works.append(_Work(lane, store, held, bytearray(not held.has(i) for i in range(len(keys)))))
    workers = threads or cores()
    at_once = min(workers, sum(any(w.todo) for w in works))
    own = max(1, cores() // at_once) if at_once > 1 else None
    for work in works:
        if any(work.todo) or not keys:
            progress(f"loading {work.lane.name}")
            try:
                with engines_of(own):
                    work.runner = opener(folder, bundle, work.lane, source)
            except NotRun as reason:
                work.not_run = str(reason)
                work.todo = bytearray(len(keys))
    also = beside(sum(not w.not_run for w in works)) if beside is not None else None

    def one(i: int) -> None:
        tensors, plan = inputs_of(bundle, pictures[i], class_ids if given else None)
        for work in _turned(works, i):
            if not work.todo[i] or work.runner is None:
                continue
            with work.busy:
                if work.not_run:
                    continue
                more = also if also and work.lane == SOURCE and i in also.places else None
                start = time.perf_counter()
                try:
                    outputs = work.runner.infer(tensors, more.taps if more else ())
                    seconds = time.perf_counter() - start
                except NotRun as reason:  # of this lane, at this picture; the others go on
                    work.not_run = f"{pictures[i].path.name}: {reason}"
                    continue
            found = decoded(outputs, plan, work.lane, pictures[i])
            work.store.put(keys[i], Result(found, work.runner.note, seconds))
            work.results.put(i, found, work.runner.note, seconds)
            if more:
                more.take(i, keys[i], work.runner, outputs, plan, pictures[i])

    order = array("q", (i for i in range(len(keys)) if any(w.todo[i] for w in works)))
    in_threads(one, order, workers, progress)
    return [_collected(w, len(keys), kept[w.lane.name]) for w in works]


def _collected(work: _Work, pictures: int, kept: int) -> Collected:
    if work.not_run:
        return Collected(work.lane, (), not_run=work.not_run)
    results = work.results
    engine = work.runner.note if work.runner else results.engine
    seconds = float(np.median(results.seconds)) if results.seconds else None
    return Collected(
        work.lane, results.each, engine, "", pictures - kept, kept, seconds, work.runner
    )


def keys_of(
    pictures: Sequence[Labelled],
    given: bool,
    class_ids: Mapping[int, int],
    progress: Callable[[str], None],
) -> Sequence[str]:
    """Return what each picture is kept under: its hash, and that of boxes that it is given."""
    progress(f"hashing {len(pictures)} pictures")
    packed = bytearray()
    for picture in pictures:
        key = sha256_of(picture.path)
        if given:
            both = key.encode() + _bytes(_boxes(picture, class_ids))
            key = hashlib.sha256(both).hexdigest()
        packed += bytes.fromhex(key)
    return Each(len(pictures), lambda i: packed[_HASH * i : _HASH * (i + 1)].hex())


def _bytes(tensors: Mapping[str, Array]) -> bytes:
    return b"".join(value.tobytes() for value in tensors.values())


def _boxes(picture: Labelled, class_ids: Mapping[int, int]) -> dict[str, Array]:
    """Return the labelled boxes of known classes as a cascade takes boxes, each of score 1."""
    known = [i for i, c in enumerate(picture.class_ids)
             if int(c) in class_ids and not picture.ignore[i]]  # fmt: skip
    return {
        "boxes": picture.boxes_xyxy[known],
        "scores": np.ones(len(known)),
        "class_ids": np.array([class_ids[int(picture.class_ids[i])] for i in known], np.int64),
    }


def inputs_of(
    bundle: Bundle, picture: Labelled, class_ids: Mapping[int, int] | None
) -> tuple[Mapping[str, Array], ResizePlan]:
    image = read_picture(picture.path)
    if class_ids is None:
        return picture_inputs(bundle, image)
    tensors = {"image": np.asarray(image, dtype=np.uint8), **_boxes(picture, class_ids)}
    return tensors, plan_resize(image.size, image.size, "stretch")


def decoded(
    outputs: Mapping[str, Array], plan: ResizePlan, lane: Lane, picture: Labelled
) -> Detections:
    try:
        return decode_outputs(outputs, plan)
    except MobileCatError as e:
        problems = [Problem(p.what, f"{lane.name}, {picture.path}", p.fix) for p in e.problems]
        raise type(e)(e.summary, problems) from e


def _turned(works: Sequence[_Work], by: int) -> list[_Work]:
    at = by % len(works)
    return [*works[at:], *works[:at]]


def in_threads(
    one: Callable[[int], None],
    order: Sequence[int],
    threads: int,
    progress: Callable[[str], None],
) -> None:
    """Call `one` for each, `threads` at a time; the first error stops the rest."""
    start = time.monotonic()
    done = 0
    counted = threading.Lock()

    def told(i: int) -> None:
        nonlocal done
        one(i)
        with counted:
            done += 1
            wait_s = (time.monotonic() - start) / done * (len(order) - done)
            progress(f"{done} of {len(order)} pictures, about {wait_s:.0f} s left")

    if threads == 1:
        for i in order:
            told(i)
        return
    left = iter(order)
    over = threading.Event()

    def many() -> None:
        while not over.is_set():
            with counted:
                i = next(left, None)
            if i is None:
                return
            try:
                told(i)
            except BaseException:
                over.set()
                raise

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(many) for _ in range(threads)]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            over.set()
            pool.shutdown(wait=True, cancel_futures=True)
        for future in finished:
            future.result()
