"""Where a spec leaves open how pictures were fitted in training, labelled pictures tell.

How a picture is fitted is before the graph, so the source model runs once more on some of them, and
each labelled object says which way has the better box.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.lanes import Lane, NotRun
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import Opener, decoded
from mobilecat.measure.evaluate.metrics import Floats, Truth, ious
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec.checks import OpenCheck

KEY = "input.resize"
_WAYS = ("stretch", "letterbox")
MOST = 32
"""Pictures: of the demo's detector, 16 settle it in 98 of 100 draws (docs/evaluate.md)."""
_DEFORMED = 1.2
"""By how much a picture is wider, or higher, than the input: less than that hardly differs."""
_FEWEST = 3
_BOUND, _LEAST = 0.15, 0.05


@dataclass(frozen=True)
class Fits:
    """kept, other: a labelled object each, the best IoU with it, as the spec fits and the other."""

    kept: Floats
    other: Floats

    @property
    def gain(self) -> float:
        """By how much IoU the other way is better, of objects that either way finds at all."""
        return float((self.other - self.kept).mean())

    @property
    def settled(self) -> bool:
        n = len(self.kept)
        return n >= _FEWEST and abs(self.gain) > max(_LEAST, _BOUND / math.sqrt(n))

    def words(self, check: OpenCheck, way: str) -> str:
        """Say which is better, and what to type. way: as the spec has it."""
        n = len(self.kept)
        measured = (
            f"on {n} labelled object{'s' * (n != 1)}, the source's boxes have IoU "
            f"{self.kept.mean():.2f} with {way}, {self.other.mean():.2f} with {check.other}"
        )
        if not self.settled:
            more = "which settles nothing: more labelled pictures do"
            return f"{KEY} is still to be checked: {measured}, {more}"
        if self.gain > 0:
            return (
                f"{KEY} looks wrong: {measured}. Take {check.other}: write resize = "
                f'"{check.other}" into the spec, and export again'
            )
        return f"{KEY} looks right: {measured}. Take its # CHECK away"


def tried_otherwise(
    folder: Path,
    bundle: Bundle,
    pictures: Sequence[Labelled],
    found: Sequence[Detections],
    truths: Sequence[Truth],
    source: Path | None,
    opener: Opener,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Return by key what pictures tell of an open check; {} where none is open, or nothing tells.

    found: what the source model finds as the spec fits, a picture each.
    """
    check = next((c for c in bundle.unchecked if c.key == KEY and c.other in _WAYS), None)
    if check is None or bundle.spec.input is None or isinstance(bundle, CascadeBundle):
        return {}
    image = bundle.spec.input.model_copy(update={"resize": check.other, "rounding": None})
    lane = Lane("source")
    kept: list[Floats] = []
    other: list[Floats] = []
    try:
        runner = opener(folder, bundle, lane, source)
        for i in _telling(pictures, image.size):
            progress(f"{pictures[i].path.name} with {check.other}")
            pixels, plan = fit_picture(read_picture(pictures[i].path), image)
            there = decoded(runner.infer({"image": pixels}), plan, lane, pictures[i])
            kept.append(_best(truths[i], found[i]))
            other.append(_best(truths[i], there))
    except NotRun:
        return {}
    both = np.concatenate([np.zeros(0), *kept]), np.concatenate([np.zeros(0), *other])
    some = np.maximum(*both) > 0
    if not some.any():
        return {}
    fits = Fits(both[0][some], both[1][some])
    return {KEY: fits.words(check, bundle.spec.input.resize)}


def _telling(pictures: Sequence[Labelled], input_wh: tuple[int, int]) -> Sequence[int]:
    """Return up to MOST of those pictures, spread evenly, that a stretch deforms enough to tell."""
    width, height = input_wh
    shapes = [p.size_wh[0] / p.size_wh[1] * height / width for p in pictures]
    told = [i for i, shape in enumerate(shapes) if max(shape, 1 / shape) >= _DEFORMED]
    return told if len(told) <= MOST else [told[i * len(told) // MOST] for i in range(MOST)]


def _best(truth: Truth, found: Detections) -> Floats:
    """Return the best IoU of any box with each object that is to be found."""
    wanted = ~truth.ignore
    if not len(found):
        return np.zeros(int(wanted.sum()))
    best: Floats = ious(truth, found)[:, wanted].max(axis=0, initial=0)
    return best
