"""Labelled pictures against a spec's preprocessing: would another find more of what is labelled?

Every artifact has the preprocessing that the spec says, so goldens hold whether it is right or not.
The source model runs once more with each usual alternative, on a sample, and each labelled object
says which way is better. docs/evaluate.md has how often that settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.lanes import Lane, NotRun
from mobilecat.lanes.source import SourceRunner, open_source, source_in
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import collect, keys_of
from mobilecat.measure.evaluate.kept import open_stores
from mobilecat.measure.evaluate.metrics import Floats, Truth, ious
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.evaluate.paired import LEANING, LEAST, Paired, Verdict
from mobilecat.measure.evaluate.scores import detections_of
from mobilecat.pictures.detections import Detections
from mobilecat.shown import Line
from mobilecat.spec import ImageSpec
from mobilecat.spec.checks import OpenCheck
from mobilecat.spec.otherwise import WORDS, Key, Otherwise, otherwise, said_of

MOST, FEWEST = 64, 34
"""Pictures: 64, and of large networks fewer, so that all ways together run no more often than the
evaluation itself; but 34, where there are as many."""
_DEFORMED = 1.2
"""By how much a picture is wider, or higher, than the input: less hardly tells its fit."""
_LEAST_SCORE = 0.01
_SOURCE = Lane("source")
_OVERLAP, _BOTH = "IoU", "score × IoU"


@dataclass(frozen=True)
class Tried:
    """One other way, on the same objects."""

    way: Otherwise
    paired: Paired

    @property
    def measure(self) -> str:
        """What is compared: a network may be surer of a fit that its training never had."""
        return _OVERLAP if self.way.key == "resize" else _BOTH

    @property
    def verdict(self) -> Verdict:
        return self.paired.verdict


@dataclass(frozen=True)
class Preprocessing:
    """What labelled pictures say of [input]. image: as the spec has it. pictures: how many were
    tried, `of` those with an object. unchecked: what the spec marks `# CHECK`."""

    image: ImageSpec
    tried: tuple[Tried, ...]
    pictures: int
    of: int
    unchecked: tuple[OpenCheck, ...] = ()

    def best(self, key: Key, *verdicts: Verdict) -> Tried | None:
        """Return the way of a key that chance explains least, of those with such a verdict."""
        there = [t for t in self.tried if t.way.key == key and t.verdict in verdicts]
        return min(there, key=lambda t: (t.paired.chance(), -t.paired.gain), default=None)

    def verdict(self, key: Key) -> str:
        """`wrong`, `leaning` to another, `right` (every other way is worse), `open`, or "" where no
        other way was tried."""
        there = {t.verdict for t in self.tried if t.way.key == key}
        if not there:
            return ""
        if "better" in there:
            return "wrong"
        if "leaning" in there:
            return "leaning"
        return "right" if there == {"worse"} else "open"

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(dict.fromkeys(t.way.key for t in self.tried))

    @property
    def settled(self) -> bool:
        """Whether every key looks right."""
        return bool(self.tried) and all(self.verdict(key) == "right" for key in self.keys)

    def words(self) -> Iterator[Line]:
        """Say first what looks wrong, then what cannot be told apart, then what looks right."""
        found = {key: self.verdict(key) for key in self.keys}
        for key in self.keys:
            if found[key] == "wrong" and (tried := self.best(key, "better")) is not None:
                yield Line(self._wrong(tried), "bold yellow", "LOOKS WRONG")
            if found[key] == "leaning" and (tried := self.best(key, "leaning")) is not None:
                yield Line(self._leaning(tried), "yellow", "note")
        if "wrong" in found.values():
            what = "after that export, evaluate again: one wrong key can hide another"
            yield Line(what, "yellow", "note")
            return
        yield from self._open([key for key in self.keys if found[key] == "open"])
        if right := [key for key in self.keys if found[key] == "right"]:
            yield Line(self._right(right), "dim", "note")

    def _compared(self, tried: Tried) -> str:
        """Say both figures, and how many objects speak for it."""
        pair, key = tried.paired, tried.way.key
        return (
            f"on {_objects(pair.objects)} the source's best boxes have {tried.measure} "
            f"{pair.kept.mean():.3f} with {said_of(self.image, key)} as the spec has it, "
            f"{pair.other.mean():.3f} with {tried.way.said} (higher for {pair.higher} of "
            f"{pair.objects}; {_chance(pair.chance())})"
        )

    def _wrong(self, tried: Tried) -> str:
        write = tried.way.to_write(self.image)
        return (
            f"input.{tried.way.key}: {self._compared(tried)}. Write {write} under [input] of the "
            f"spec, and export again{self._also(tried)}"
        )

    def _also(self, best: Tried) -> str:
        alike = [t.way.said for t in self.tried if t is not best and self._as_good(t, best)]
        if not alike:
            return ""
        return f"; {_listed(alike)} {'is' if len(alike) == 1 else 'are'} about as good"

    def _as_good(self, tried: Tried, best: Tried) -> bool:
        """Whether these objects do not tell another way of the same key from the best."""
        if tried.way.key != best.way.key or tried.verdict not in ("better", "leaning"):
            return False
        return Paired(tried.paired.other, best.paired.other).verdict != "better"

    def _leaning(self, tried: Tried) -> str:
        write = tried.way.to_write(self.image)
        return (
            f"input.{tried.way.key} is not settled, and leans to another: {self._compared(tried)}. "
            f"More labelled pictures settle it; or try it: {write} under [input], export, evaluate"
            f"{self._also(tried)}"
        )

    def _open(self, keys: Sequence[Key]) -> Iterator[Line]:
        """Say what is not told apart, with the figures of each way: which is ahead, and by what."""
        if not keys:
            return
        yield Line(
            f"{_listed([WORDS[key] for key in keys])} could not be told apart on "
            f"{_pictures(self.pictures)}: take what your training did, or label more pictures",
            "yellow",
            "note",
        )
        for key in keys:
            there = [t for t in self.tried if t.way.key == key]
            pair, measure = there[0].paired, there[0].measure
            ways = [f"{t.way.said} {_ahead(t.paired)}" for t in there if t.verdict == "close"]
            worse = [t.way.said for t in there if t.verdict == "worse"]
            ruled_out = (
                f"; {_listed(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else ""
            )
            kept = f"{said_of(self.image, key)}, as the spec has it, {pair.kept.mean():.3f}"
            yield Line(
                f"      {WORDS[key]}, {measure} of {_objects(pair.objects)}: {kept}; "
                f"{'; '.join(ways)}{ruled_out}",
                "dim",
            )

    def _right(self, keys: Sequence[Key]) -> str:
        looks = "looks" if len(keys) == 1 else "look"
        marked = [c.key for c in self.unchecked if c.key in {f"input.{k}" for k in keys}]
        away = f". Take the # CHECK of {_listed(marked)} away" if marked else ""
        few = "" if self.pictures == self.of else f" of {self.of}, spread evenly"
        return (
            f"{_listed([WORDS[key] for key in keys])} {looks} right: with every other usual one "
            f"the source is worse on {_pictures(self.pictures)}{few}{away}"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "pictures": self.pictures,
            "of_pictures": self.of,
            "verdicts": {f"input.{key}": self.verdict(key) for key in self.keys},
            "tried": [
                {
                    "key": f"input.{t.way.key}",
                    "other": t.way.said,
                    "write": t.way.to_write(self.image),
                    "measure": t.measure,
                    "kept_mean": float(t.paired.kept.mean()) if t.paired.objects else None,
                    "other_mean": float(t.paired.other.mean()) if t.paired.objects else None,
                    "objects": t.paired.objects,
                    "higher_for": t.paired.higher,
                    "chance": t.paired.chance(),
                    "verdict": t.verdict,
                }
                for t in self.tried
            ],
        }


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

    def values(name: str, image: ImageSpec, is_range: bool = False) -> list[Floats] | None:
        spec = bundle.spec.model_copy(update={"input": image, "nms": low})
        there = bundle.model_copy(update={"spec": spec})
        stores = open_stores(there, [_SOURCE], cache)
        if fresh or any(stores[_SOURCE.name].get(key) is None for key in keys):
            own = runner()
            if own is None or (is_range and own.takes_whole_numbers):
                return None
        found = collect(
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
        return [
            values_of(truth, detections_of(d, classes, None)[0])
            for truth, d in zip(wanted, found, strict=True)
        ]

    kept = values("what the spec has", image)
    if kept is None:
        return None
    tells = tells_fit(some, image.size)
    pairs: list[tuple[Otherwise, Floats, Floats]] = []
    for way in ways:
        other = values(way.said, way.of(image), way.key == "range")
        if other is None:
            continue
        column = 1 if way.key == "resize" else 0
        rows = [i for i in range(len(some)) if way.key != "resize" or tells[i]]
        a, b = (
            np.concatenate([np.zeros(0), *(v[i][:, column] for i in rows)]) for v in (kept, other)
        )
        if len(a):
            pairs.append((way, a, b))
    tried = tuple(Tried(way, Paired(a, b, len(pairs))) for way, a, b in pairs)
    of = sum(t.wanted > 0 for t in truths)
    return Preprocessing(image, tried, len(some), of, bundle.unchecked)


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


def _ahead(pair: Paired) -> str:
    """Say the other's mean, and where it is ahead of how many objects: a word of which to try."""
    ahead = f" (higher for {pair.higher} of {pair.objects})" if pair.gain > LEAST else ""
    if pair.chance(-1) < LEANING:
        ahead = " (probably worse)"
    return f"{pair.other.mean():.3f}{ahead}"


def _chance(chance: float) -> str:
    if chance < 0.001:
        return "by chance less than once in 1000"
    return f"by chance once in {1 / chance:.0f}" if chance < 0.5 else "as chance may have it"


def _objects(n: int) -> str:
    return f"{n} labelled object{'s' * (n != 1)}"


def _pictures(n: int) -> str:
    return f"{n} labelled picture{'s' * (n != 1)}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
