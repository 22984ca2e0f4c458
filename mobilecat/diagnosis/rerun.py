"""Re-run the model on the frame as it was handed over, and through each suspect repair.

This finds the bugs that leave no box at all: a frame lying on its side, swapped colours, a wrong
range of values, a crop that cuts the object off, bytes read in another layout. Layouts are told by
the bytes themselves (memory.py); all else by the model, against what chance gives (looks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import open_bundle
from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.looks import LIGHT, LOOKED, LOOKS, Look, Pixels
from mobilecat.diagnosis.machine import Chain, Machine, Trial
from mobilecat.diagnosis.memory import misread
from mobilecat.diagnosis.told import cannot_be_told, chance_notes, verdict_of, wrong_spec
from mobilecat.geometry.affine import F64
from mobilecat.geometry.orientation import Orientation, compose_orientations
from mobilecat.geometry.vision import CropAndScale
from mobilecat.pictures.reading import Picture, picture_of, require_8_bits, unreadable
from mobilecat.spec import ImageSpec

GAIN, SHARE, GAP = 0.04, 0.2, 0.04
"""A turn must raise the mean score by .04 and by a fifth of what it then is, and lie ahead of every
other turn by .04 of it. Measured: tools/diagnose_pictures.py; docs/diagnose.md has what comes."""
STEADY, STEADY_SHARE = 1.8, 0.08
"""Less will do, .08 of it, where every look agrees and the gain is 1.8 of their spreads."""
PLAIN = 0.08
"""Where one look already has the frame as handed over so far ahead, no other look is needed."""
SEEN = 0.12
"""A mean score below this is no object, whatever it was before."""
WITH_TRUTH = 0.05
"""With true boxes the score of those found is compared: a repair must raise it by this."""
_COLOUR_GAIN, _COLOUR_SHARE, _COLOUR_LOOKS = 0.12, 0.25, 0.95
_OTHER_GAIN, _OTHER_SHARE = 0.12, 0.3
_ASPECTS = (4 / 3, 16 / 9, 3 / 4, 9 / 16)


@dataclass(frozen=True)
class Chance:
    """What chance gives: mean scores over harmless changes of the picture.

    handed, spread: of the frame as it was handed over, mean and standard deviation; other: the best
    mean of another direction, and which. colour: how much swapping red and blue changes it.
    """

    looks: int
    handed: float
    spread: float
    other: float | None = None
    turned: Orientation | None = None
    colour: float | None = None


@dataclass(frozen=True)
class Rerun:
    """All trials, the first of them as handed over. changes: fields of the chain that restore it.

    ids: rows of the catalogue. sentence: for a tired person. mended: the frame as stored, its bytes
    in the layout that was found; None where they were read as they should be.
    """

    trials: tuple[Trial, ...]
    restored: Trial
    changes: tuple[str, ...]
    ids: tuple[str, ...]
    sentence: str
    engine: str
    notes: tuple[str, ...]
    chance: Chance | None = None
    mended: Pixels | None = None

    @property
    def handed(self) -> Trial:
        return self.trials[0]

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


@dataclass
class _Bench:
    """A frame on the machine: trials, and strengths over harmless changes, each once."""

    machine: Machine
    frame: Pixels
    truth: npt.NDArray[np.float64] | None
    progress: Callable[[str], None]
    trials: list[Trial] = field(default_factory=list)
    _known: dict[tuple[Chain, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Many looks at a frame of many megapixels cost more than the model.
        every = max(1, int(max(self.frame.shape[:2]) // (2 * max(self.machine.spec.size))))
        self.small = self.frame if every == 1 else _averaged(self.frame, every)

    def tried(self, chain: Chain) -> Trial:
        """Return the trial of a chain, without any change of the picture."""
        for t in self.trials:
            if t.chain == chain:
                return t
        self.progress(f"as {chain.words()}")
        trial = self.machine.run(chain, self.frame, self.truth)
        self.trials.append(trial)
        self._known[chain, 0] = trial.strength
        return trial

    def strengths(self, chain: Chain, looks: Sequence[int]) -> F64:
        """Return what each look finds through a chain."""
        found = []
        for k in looks:
            if k == 0:
                self.tried(chain)
            elif (chain, k) not in self._known:
                look: Look = LOOKS[k]
                frame = self.frame if self.truth is not None else self.small
                self._known[chain, k] = self.machine.run(chain, frame, self.truth, look).strength
            found.append(self._known[chain, k])
        return np.array(found)


ALL_LOOKS = tuple(range(len(LOOKS)))
_FEW = (0, 1, 2)


def _averaged(frame: Pixels, every: int) -> Pixels:
    """Return the frame with `every` × `every` pixels made one."""
    h, w = frame.shape[0] // every * every, frame.shape[1] // every * every
    blocks = frame[:h, :w].reshape(h // every, every, w // every, every, 3)
    averaged: Pixels = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return averaged


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
    bench = _Bench(machine, frame, truth, progress)
    first = bench.tried(start)
    if layout is not None and layout.kind != "range":
        bench = _Bench(machine, layout.mend(frame), truth, progress, [first])
        start = replace(start, layout=layout.kind, row_pixels=layout.row)
    chain, changes, chance = _repaired(bench, start, own)
    best = bench.tried(chain)
    if layout is not None:
        changes = ["layout", *changes]
    others = any(len(t.found) for t in bench.trials)
    engine = facts.engine if facts else None
    ids, sentence = verdict_of(first, best, changes, layout, engine, others)
    if first.odd:
        ids, sentence = wrong_spec(first.odd, best, changes, ids)
    notes = ["values that are no bytes were rounded to bytes"] if machine.lane != "source" else []
    notes += chance_notes(chance)
    if not isinstance(fit, AppResize) or fit.mode != own.mode:
        used = fit.mode if isinstance(fit, AppResize) else fit.value
        notes.append(f"the app fits the picture by {used}; the bundle was made for {own.mode}")
    untold = cannot_be_told(chance, changes, ids)
    if ids:
        notes += [untold] if untold else []
    elif untold and len(best.found):
        sentence += f" {untold}"
    trials = [first, *(t for t in bench.trials if t is not first)]
    mended = bench.frame if bench.frame is not frame else None
    return Rerun(
        tuple(trials),
        best,
        tuple(changes),
        ids,
        sentence,
        machine.note,
        tuple(notes),
        chance,
        mended,
    )


def _repaired(bench: _Bench, start: Chain, own: AppResize) -> tuple[Chain, list[str], Chance]:
    """Return the chain that finds clearly more than the start, what it changes, and chance."""
    if bench.truth is not None and len(bench.truth):
        return _by_truth(bench, start, own)
    changes: list[str] = []
    chain, chance = _turned(bench, start)
    if chain != start:
        changes.append("orientation")
    swapped = replace(chain, swapped=True)
    more = bench.strengths(swapped, _FEW) - bench.strengths(chain, _FEW)
    chance = replace(chance, colour=float(more.mean()))
    if more.mean() > _COLOUR_GAIN / 2:
        base, colours = bench.strengths(chain, ALL_LOOKS), bench.strengths(swapped, ALL_LOOKS)
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
        there, base = bench.strengths(best, ALL_LOOKS), bench.strengths(chain, ALL_LOOKS)
        if _far_beyond(there, base, _OTHER_GAIN, _OTHER_SHARE, 0.8):
            chain = best
            changes.append(name)
    return chain, changes, chance


def _far_beyond(there: F64, base: F64, gain: float, share: float, looks: float) -> bool:
    """Whether a repair raises the score far beyond what harmless changes do, look by look."""
    more = there - base
    needed = max(gain, share * float(there.mean()))
    return float(more.mean()) > needed and float((more > 0).mean()) >= looks


def _turned(bench: _Bench, start: Chain) -> tuple[Chain, Chance]:
    """Return the chain whose direction finds clearly more than the one handed over.

    Four directions; a picture and its mirror image are two looks at one of them, since a detector
    finds as much in either: who mirrored a frame cannot be told this way.
    """
    pairs = [_pair(o) for o in (start.orientation, *_other_ways(start.orientation))]

    def seen(looks: Sequence[int]) -> list[F64]:
        return [
            np.concatenate([bench.strengths(replace(start, orientation=o), looks) for o in pair])
            for pair in pairs
        ]

    once = [float(s.mean()) for s in seen((0,))]
    if once[0] >= max(once[1:]) + PLAIN:
        found = bench.strengths(start, LOOKED)
        k = int(np.argmax(once[1:])) + 1
        return start, Chance(
            len(found), float(found.mean()), float(found.std()), once[k], pairs[k][0]
        )
    every = seen(LOOKED)
    mean = [float(s.mean()) for s in every]
    ahead = sorted(range(4), key=lambda k: -mean[k])
    best = next(k for k in ahead if k != 0)
    second = max(m for k, m in enumerate(mean) if k != best)
    chance = Chance(len(every[0]), mean[0], float(every[0].std()), mean[best], pairs[best][0])
    more = every[best] - every[0]
    gain = float(more.mean())
    steady = bool((more > 0).all()) and gain > STEADY * float(more.std(ddof=1))
    needed = max(GAIN, (STEADY_SHARE if steady else SHARE) * mean[best])
    if gain > needed and mean[best] - second > GAP * mean[best] and mean[best] > SEEN:
        return replace(start, orientation=pairs[best][0]), chance
    return start, chance


def _pair(o: Orientation) -> tuple[Orientation, Orientation]:
    return o, compose_orientations(Orientation.UP_MIRRORED, o)


def _other_ways(o: Orientation) -> list[Orientation]:
    turns = (Orientation.RIGHT, Orientation.DOWN, Orientation.LEFT)
    return [compose_orientations(turn, o) for turn in turns]


def _others(bench: _Bench, chain: Chain, own: AppResize) -> dict[str, list[Chain]]:
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
        "fit": [replace(chain, fit=own)] if chain.fit != own else [],
        "aspect": [replace(chain, aspect=a) for a in _ASPECTS] if squashed else [],
    }


def _by_truth(bench: _Bench, start: Chain, own: AppResize) -> tuple[Chain, list[str], Chance]:
    """The same with true boxes: each repair by the scores of those that it finds."""
    chain, changes = start, []
    base = bench.strengths(start, LIGHT)
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
    return chain, changes, Chance(len(base), float(base.mean()), float(base.std()))


_MIRRORED = (2, 4, 5, 7)


def _mirrors(chain: Chain, start: Chain) -> bool:
    """Whether a chain mirrors and the start does not: believed only if clearly better."""
    return (chain.orientation in _MIRRORED) != (start.orientation in _MIRRORED)
