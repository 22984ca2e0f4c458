"""Re-run the model on the frame as it was handed over, and through each suspect repair.

This finds the bugs that leave no box at all: a frame lying on its side, swapped colours, a wrong
range of values, a crop that cuts the object off, bytes read in another layout. Layouts are told by
the bytes themselves (memory.py); which way is up by the model, as a probability (directions.py);
all else by the model, against what harmless changes of the picture do (looks.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import open_bundle
from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.bench import Bench
from mobilecat.diagnosis.directions import Directions, look_around
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.looks import LIKE_IT, Pixels
from mobilecat.diagnosis.machine import Chain, Machine, Trial
from mobilecat.diagnosis.memory import misread
from mobilecat.diagnosis.told import (
    COLOUR_TOLD,
    LIMITS,
    NO_DIRECTION,
    colour_note,
    colours_untold,
    direction_untold,
    ranges_untold,
    verdict_of,
    wrong_spec,
)
from mobilecat.geometry.affine import F64
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.vision import CropAndScale
from mobilecat.pictures.reading import Picture, picture_of, require_8_bits, unreadable
from mobilecat.spec import ImageSpec

WITH_TRUTH = 0.05
"""With true boxes the score of those found is compared: a repair must raise it by this."""
_COLOUR_GAIN, _COLOUR_SHARE, _COLOUR_LOOKS = 0.12, 0.25, 0.95
_OTHER_GAIN, _OTHER_SHARE = 0.12, 0.3
_ASPECTS = (4 / 3, 16 / 9, 3 / 4, 9 / 16)


@dataclass(frozen=True)
class Rerun:
    """All trials, the first of them as handed over. changes: fields of the chain that restore it.

    ids: rows of the catalogue. sentence: for a tired person. mended: the frame as stored, its bytes
    in the layout that was found; None where they were read as they should be. directions: what the
    model finds in each of four; None with true boxes. colour: how much its score changes with red
    and blue swapped.
    """

    trials: tuple[Trial, ...]
    restored: Trial
    changes: tuple[str, ...]
    ids: tuple[str, ...]
    sentence: str
    engine: str
    notes: tuple[str, ...]
    directions: Directions | None = None
    colour: float | None = None
    mended: Pixels | None = None

    @property
    def handed(self) -> Trial:
        return self.trials[0]

    @property
    def repairs(self) -> tuple[Trial, ...]:
        """Trials but those that only ask which way up the frame is: `directions` says it."""
        start, found = self.handed, self.restored
        if self.directions is None:
            return self.trials
        turns = {replace(found.chain, orientation=o, swapped=False) for o in Orientation}
        return tuple(t for t in self.trials if t in (start, found) or t.chain not in turns)

    @property
    def silent(self) -> str:
        """What to say where the app drew nothing, although the model finds something here."""
        mute = [t.chain.words() for t in self.trials if not len(t.found)]
        because = f"; of the chains tried, these leave no box: {'; '.join(mute)}" if mute else ""
        return (
            "The model finds objects in this frame, and the app drew none: look between the "
            f"frame and the model, then at the score threshold{because}."
        )

    @property
    def wrong(self) -> bool:
        """Whether something has to be repaired, or nothing was found at all."""
        return bool(self.ids) or not len(self.restored.found)

    @property
    def untold(self) -> bool:
        """Whether nothing is named, and which way up the frame is cannot be told."""
        return not self.wrong and self.directions is not None and not self.directions.told

    @property
    def upright_told(self) -> bool:
        """Whether the model showed which way up the frame is."""
        return len(self.restored.found) > 0 if self.directions is None else self.directions.told

    @property
    def verdict(self) -> str:
        if self.ids:
            return "named"
        if self.wrong:
            return "nothing found"
        return "cannot be told" if self.untold else "nothing wrong"


def read_stored(given: Picture) -> Pixels:
    """Return a picture's pixels as stored, its EXIF orientation not applied. (h, w, 3) RGB."""
    from PIL import Image

    if isinstance(given, Image.Image):
        given = np.asarray(given.convert("RGB"), dtype=np.uint8)
    if isinstance(given, np.ndarray):
        return np.asarray(picture_of(given), dtype=np.uint8)
    path = Path(given)
    try:
        with Image.open(path) as opened:
            require_8_bits(opened, path)
            return np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise unreadable(path, e) from e


def fit_of(spec: ImageSpec) -> AppResize:
    """Return the fit that the bundle's spec asks for."""
    return AppResize(spec.resize, spec.rounding, spec.pad)


_FEW = (0, 1, 2)


def rerun(
    folder: Path,
    frame: Pixels,
    facts: Facts | None = None,
    *,
    truth: npt.NDArray[np.float64] | None = None,
    runner: str | None = None,
    source: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Rerun:
    """Run the bundle on a stored frame as handed over, and through every suspect repair.

    facts: what is known (`handed`, `fit`, `row_pixels`); the bundle's own fit without.
    truth: true boxes, xyxy in pixels of the upright picture, where they are known.
    """
    machine = Machine(folder, open_bundle(folder), runner, source)
    own = fit_of(machine.spec)
    fit = facts.fit if facts else own
    if isinstance(fit, AppResize) and fit.mode == own.mode:
        # With the spec's padding, and its rounding where none was captured.
        fit = replace(own, rounding=fit.rounding or own.rounding)
    handed = (facts.handed or Orientation.UP) if facts else Orientation.UP
    row = round(facts.row_pixels) if facts and facts.row_pixels else None
    layout = misread(frame, row)
    start = Chain(handed, fit)
    bench = Bench(machine, frame, truth, progress)
    first = bench.tried(start)
    if layout is not None and layout.kind != "range":
        bench = Bench(machine, layout.mend(frame), truth, progress, [first])
        start = replace(start, layout=layout.kind, row_pixels=layout.row)
    if truth is not None and len(truth):
        repair = _by_truth(bench, start, own)
    else:
        repair = _repaired(bench, start, own)
    best, changes = bench.tried(repair.chain), repair.changes
    if layout is not None:
        changes = ("layout", *changes)
    engine = facts.engine if facts else None
    ids, sentence = verdict_of(first, best, changes, layout, engine, repair.directions)
    if first.odd:
        ids, sentence = wrong_spec(first.odd, best, changes, ids)
    notes = ["values that are no bytes were rounded to bytes"] if machine.lane != "source" else []
    notes += colour_note(repair.colour)
    if not isinstance(fit, AppResize) or fit.mode != own.mode:
        used = fit.mode if isinstance(fit, AppResize) else fit.value
        notes.append(f"the app fits the picture by {used}; the bundle was made for {own.mode}")
    untold = " ".join(
        said
        for said in (
            colours_untold(repair.colour, changes, ids),
            ranges_untold(repair.ranges, machine.spec),
        )
        if said
    )
    if ids:
        notes += [untold] if untold else []
        notes += [NO_DIRECTION] if direction_untold(repair.directions) else []
    elif untold and len(best.found):
        sentence += f" {untold}"
    if not ids and len(best.found) and repair.directions is not None:
        notes.append(LIMITS)
    return Rerun(
        (first, *(t for t in bench.trials if t is not first)),
        best,
        changes,
        ids,
        sentence,
        machine.note,
        tuple(notes),
        repair.directions,
        repair.colour,
        bench.frame if bench.frame is not frame else None,
    )


@dataclass(frozen=True)
class _Repair:
    """The chain that finds clearly more than the one handed over, and what it changes."""

    chain: Chain
    changes: tuple[str, ...]
    directions: Directions | None = None
    colour: float | None = None
    ranges: tuple[str, ...] = ()


def _repaired(bench: Bench, start: Chain, own: AppResize) -> _Repair:
    changes: list[str] = []
    chain = start
    directions = look_around(bench, start)
    if directions.turned is not None:
        chain = replace(start, orientation=directions.turned.orientation)
        changes.append("orientation")
    swapped = replace(chain, swapped=True)
    colour = float((bench.strengths(swapped, _FEW) - bench.strengths(chain, _FEW)).mean())
    if colour > _COLOUR_GAIN / 2:
        base, colours = bench.strengths(chain, LIKE_IT), bench.strengths(swapped, LIKE_IT)
        if _far_beyond(colours, base, _COLOUR_GAIN, _COLOUR_SHARE, _COLOUR_LOOKS):
            chain = swapped
            changes.append("swapped")
    for name, others in _others(bench, chain, own).items():
        best = max(others, key=lambda c: float(bench.strengths(c, (0,))[0]), default=None)
        if best is None:
            continue
        more = bench.strengths(best, (0,)) - bench.strengths(chain, (0,))
        if more[0] < _OTHER_GAIN / 2:
            continue
        there, base = bench.strengths(best, LIKE_IT), bench.strengths(chain, LIKE_IT)
        if _far_beyond(there, base, _OTHER_GAIN, _OTHER_SHARE, 0.8):
            chain = best
            changes.append(name)
    ranges = _as_good(bench, chain) if chain.values == "as bytes" else ()
    if not changes or directions.told:
        return _Repair(chain, tuple(changes), directions, colour, ranges)
    # A repair that is real also lets the model tell which way is up.
    mended = look_around(bench, chain)
    if not mended.told and "range" in changes:
        # Another range gives a score where there was none, whichever way is up.
        return _Repair(chain, tuple(changes), mended, colour)
    if not mended.told:
        return _Repair(start, (), directions, colour, ranges)
    if mended.turned is not None:
        chain = replace(chain, orientation=mended.turned.orientation)
        changes.insert(0, "orientation")
    return _Repair(chain, tuple(changes), mended, colour, ranges)


def _as_good(bench: Bench, chain: Chain) -> tuple[str, ...]:
    """Return the other ranges of the spec with which the model is about as sure."""
    base = bench.strengths(chain, _FEW).mean()
    others = (v for v in bench.machine.ranges)
    return tuple(
        v
        for v in others
        if bench.strengths(replace(chain, values=v), _FEW).mean() > base - COLOUR_TOLD
    )


def _far_beyond(there: F64, base: F64, gain: float, share: float, looks: float) -> bool:
    """Whether a repair raises the score far beyond what harmless changes do, look by look."""
    more = there - base
    needed = max(gain, share * float(there.mean()))
    return float(more.mean()) > needed and float((more > 0).mean()) >= looks


def _others(bench: Bench, chain: Chain, own: AppResize) -> dict[str, list[Chain]]:
    """Return what else may be wrong, by the field of the chain that mends it."""
    ranges = ["divided by 255 once more", "scaled to −1 to 1 once more", "inverted"]
    if bench.frame.max(initial=0) <= 2:
        ranges.append("multiplied by 255")
    h, w = bench.frame.shape[:2]
    lying = chain.orientation >= Orientation.LEFT_MIRRORED
    aspect = h / w if lying else w / h
    sw, sh = bench.machine.spec.size
    # A frame squashed to the model's own shape, or to a square, on its way.
    squashed = min(abs(aspect / (sw / sh) - 1), abs(aspect - 1)) < 0.02
    return {
        "values": [replace(chain, values=v) for v in ranges],
        "range": [replace(chain, values=v) for v in bench.machine.ranges],
        "fit": [replace(chain, fit=own)] if chain.fit != own else [],
        "aspect": [replace(chain, aspect=a) for a in _ASPECTS] if squashed else [],
    }


def _by_truth(bench: Bench, start: Chain, own: AppResize) -> _Repair:
    """The same with true boxes: each repair by the scores of those that it finds."""
    chain, changes = start, []
    fits: list[Any] = [own, *CropAndScale]
    suspects: dict[str, list[Any]] = {
        "orientation": [o for o in Orientation if o != start.orientation],
        "swapped": [True],
        "fit": [f for f in fits if f != start.fit],
    }
    for name, values in suspects.items():
        tried = [bench.tried(replace(chain, **{name: v})) for v in values]
        best = max(
            tried, key=lambda t: t.strength - (WITH_TRUTH if _mirrors(t.chain, start) else 0.0)
        )
        if best.strength > bench.tried(chain).strength + WITH_TRUTH:
            chain = best.chain
            changes.append(name)
    return _Repair(chain, tuple(changes))


_MIRRORED = (2, 4, 5, 7)


def _mirrors(chain: Chain, start: Chain) -> bool:
    """Whether a chain mirrors and the start does not: believed only if clearly better."""
    return (chain.orientation in _MIRRORED) != (start.orientation in _MIRRORED)
