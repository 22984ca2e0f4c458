"""The source in several ways on the same pictures: each picture read once, fitted once a fit.

Pictures come in an order that is spread evenly from the first few on, so that a way which is
clearly worse on those need not see the rest.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.heads import NETWORKS_OWN
from mobilecat.lanes import NotRun, Runner
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.lanes.source import SourceRunner, source_in
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import SOURCE, decoded, in_threads
from mobilecat.measure.evaluate.fit import Cut
from mobilecat.measure.evaluate.kept import Result, Store, open_stores
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import ImageSpec
from mobilecat.spread import cores

LEAST_SCORE = 0.01


class Way:
    """The source with one [input], all down to a score of LEAST_SCORE.

    found: what it finds in each picture so far, by place in the data. given_up: whether it sees no
    more of them. not_run: whether it cannot run here, or would change nothing. ranges: whether it
    differs from the spec in its range, which a network that takes whole numbers does not see.
    """

    def __init__(
        self, bundle: Bundle, image: ImageSpec, cache: Path | None, ranges: bool = False
    ) -> None:
        nms = bundle.spec.effective_nms
        assert nms is not None
        low = nms.model_copy(update={"score_threshold": min(LEAST_SCORE, nms.score_threshold)})
        spec = bundle.spec.model_copy(update={"input": image, "nms": low})
        self.bundle = bundle.model_copy(update={"spec": spec})
        self.store: Store = open_stores(self.bundle, [SOURCE], cache)[SOURCE.name]
        self.found: dict[int, Detections] = {}
        self.given_up = self.not_run = False
        self.ranges = ranges

    @property
    def fit(self) -> tuple[object, ...]:
        """All that a picture's fitted pixels follow from."""
        image = self.bundle.spec.input
        assert image is not None
        how = image.resize, image.rounding, image.resample
        return image.size, *how, image.pad, image.channels

    @property
    def under_way(self) -> bool:
        return not self.given_up and not self.not_run


class Trial:
    """Pictures by place, and the source that ways are tried with. open_source: gives it where
    something has to run; None where it cannot."""

    def __init__(
        self,
        pictures: Mapping[int, Labelled],
        keys: Mapping[int, str],
        open_source: Callable[[], SourceRunner | None],
        *,
        fresh: bool,
        threads: int | None,
        progress: Callable[[str], None],
    ) -> None:
        self._pictures, self._keys = pictures, keys
        self._open, self._opened = open_source, list[SourceRunner | None]()
        self._fresh, self._threads, self._progress = fresh, threads or cores(), progress
        self._busy: AbstractContextManager[object] = nullcontext()

    @property
    def source(self) -> SourceRunner | None:
        """The source, opened when it is first asked for."""
        if not self._opened:
            self._opened.append(self._open())
            source = self._opened[0]
            if source is not None and not source.takes_several:
                self._busy = threading.Lock()
        return self._opened[0]

    def kept(self, way: Way, key: str) -> Detections | None:
        result = None if self._fresh else way.store.get(key)
        return None if result is None else result.found

    def run(self, ways: Sequence[Way], places: Sequence[int]) -> None:
        """Run each way that is under way on the pictures at `places`, as far as nothing is kept."""
        todo: dict[int, list[Way]] = {}
        for i in places:
            for way in ways:
                if not way.under_way or i in way.found:
                    continue
                if (found := self.kept(way, self._keys[i])) is not None:
                    way.found[i] = found
                else:
                    todo.setdefault(i, []).append(way)
        source = self.source if todo else None
        for way in {way for there in todo.values() for way in there}:
            way.not_run = source is None or (way.ranges and source.takes_whole_numbers)

        def one(i: int) -> None:
            picture = self._pictures[i]
            image = read_picture(picture.path)
            fitted: dict[tuple[object, ...], tuple[Mapping[str, Array], ResizePlan]] = {}
            for way in todo[i]:
                if way.not_run:
                    continue
                if way.fit not in fitted:
                    fitted[way.fit] = picture_inputs(way.bundle, image)
                found = self._find(way, self._keys[i], *fitted[way.fit], picture)
                if found is not None:
                    way.found[i] = found

        def said(text: str) -> None:
            self._progress(f"{text}, trying other preprocessing")

        needed = [i for i, there in todo.items() if any(not way.not_run for way in there)]
        in_threads(one, needed, self._threads, said)

    def in_cut_out(self, way: Way, i: int, cut: Cut) -> Detections | None:
        """Return what a way finds in a cut-out of a picture; None where the source does not run."""
        key = hashlib.sha256(f"{self._keys[i]} {cut}".encode()).hexdigest()
        if (found := self.kept(way, key)) is not None:
            return found
        picture = self._pictures[i]
        inputs = picture_inputs(way.bundle, read_picture(picture.path).crop(cut))
        return self._find(way, key, *inputs, picture)

    def _find(
        self,
        way: Way,
        key: str,
        tensors: Mapping[str, Array],
        plan: ResizePlan,
        picture: Labelled,
    ) -> Detections | None:
        """Run the source, and keep what it finds; where it does not run, the way ends."""
        if (source := self.source) is None:
            return None
        there = source.for_bundle(way.bundle)
        try:
            with self._busy:
                raw = there.raw(tensors)
        except NotRun:
            way.not_run = True
            return None
        found = decoded(there.results(raw), plan, SOURCE, picture)
        way.store.put(key, Result(found, source.note))
        return found


class LowScores:
    """What a way finds, of what the source's lane gives anyway; see `collect.Beside`."""

    def __init__(self, way: Way, places: Sequence[int]) -> None:
        self._way, self.places = way, frozenset(places)
        # A bundle may say so already, where a name was that of a decoded output.
        raw = [t.name.removesuffix(NETWORKS_OWN) for t in way.bundle.raw_outputs]
        self.taps = tuple(f"{name}{NETWORKS_OWN}" for name in raw)
        self._own = dict(zip(self.taps, raw, strict=True))

    def take(
        self,
        place: int,
        key: str,
        runner: Runner,
        outputs: Mapping[str, Array],
        plan: ResizePlan,
        picture: Labelled,
    ) -> None:
        """Keep what follows from the network's own outputs, which `runner` gave with the rest."""
        source = source_in(runner)
        if source is None or not set(self.taps) <= set(outputs):
            return
        raw = {self._own[tap]: outputs[tap] for tap in self.taps}
        found = decoded(source.for_bundle(self._way.bundle).results(raw), plan, SOURCE, picture)
        self._way.store.put(key, Result(found, source.note))
        self._way.found[place] = found
