"""Re-run the model on the frame as it was handed over, and through each suspect repair.

This finds the bugs that leave no box at all: a frame lying on its side, swapped colours, a wrong
range of values, a crop that cuts the object off, a row stride taken for the width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.diagnosis.catalogue import BY_ID
from mobilecat.diagnosis.facts import Engine, Facts
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import Size
from mobilecat.geometry.boxes import iou
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.resize import plan_resize
from mobilecat.geometry.vision import CropAndScale
from mobilecat.lanes import NotRun, Runner, decode_outputs, lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import Picture, picture_of, require_8_bits, unreadable
from mobilecat.spec import ImageSpec, RawHead

Pixels = npt.NDArray[np.uint8]
MARGIN = 0.05
"""A repair must raise the best score by this much before it is believed."""
_MIRRORED = (2, 4, 5, 7)

RANGES: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "as bytes": lambda x: x,
    "divided by 255 once more": lambda x: x / 255.0,
    "scaled to −1 to 1 once more": lambda x: x / 127.5 - 1.0,
    "multiplied by 255": lambda x: np.clip(x.astype(np.float64) * 255.0, 0, 255),
}


@dataclass(frozen=True)
class Chain:
    """How the frame reaches the model. row_pixels: rows of the memory, where not the width."""

    orientation: Orientation
    fit: CropAndScale | AppResize
    swapped: bool = False
    values: str = "as bytes"
    row_pixels: int | None = None

    def words(self) -> str:
        fit = self.fit.mode if isinstance(self.fit, AppResize) else self.fit.value
        parts = [f".{self.orientation.cg_name} (EXIF {int(self.orientation)})", fit]
        parts += ["red and blue swapped"] if self.swapped else []
        parts += [self.values] if self.values != "as bytes" else []
        parts += [f"rows of {self.row_pixels} pixels"] if self.row_pixels else []
        return ", ".join(parts)


@dataclass(frozen=True, eq=False)
class Trial:
    """What the model finds through one chain, in pixels of that chain's upright picture.

    strength: the best score; with true boxes, the mean over them of score where IoU ≥ .5.
    odd: what about the values no detector gives; then they say nothing, and strength is 0.
    """

    chain: Chain
    found: Detections
    strength: float
    odd: tuple[str, ...] = ()

    @property
    def best(self) -> float:
        return float(self.found.scores.max(initial=0.0))


@dataclass(frozen=True)
class Rerun:
    """All trials, the first of them as handed over. changes: fields of the chain that restore it.

    ids: rows of the catalogue. sentence: for a tired person.
    """

    trials: tuple[Trial, ...]
    restored: Trial
    changes: tuple[str, ...]
    ids: tuple[str, ...]
    sentence: str
    engine: str
    notes: tuple[str, ...]

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


class _Machine:
    """The bundle's model, run on chains; each distinct input once."""

    def __init__(
        self, folder: Path, bundle: Bundle, runner: str | None, source: Path | None
    ) -> None:
        if bundle.spec.input is None or isinstance(bundle.spec.head, RawHead):
            raise MobileCatError(
                "This bundle gives no detections", [Problem("its head is raw", str(folder))]
            )
        self.spec = bundle.spec.input
        self._whole = bundle.spec
        self.lane, self.engine, self.note = _first_engine(folder, bundle, runner, source)
        self._seen: dict[bytes, Detections] = {}

    def run(self, chain: Chain, frame: Pixels, truth: npt.NDArray[np.float64] | None) -> Trial:
        pixels = frame
        if chain.row_pixels:
            pixels = _with_rows(pixels, chain.row_pixels)
        if chain.swapped:
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        request = SimulatedRequest(
            Size(pixels.shape[1], pixels.shape[0]),
            Size(*self.spec.size),
            chain.orientation,
            chain.fit,
        )
        found = self._detections(request.model_input(pixels), chain.values)
        placed = found.placed(request.image_from_model)
        same = plan_resize(self.spec.size, self.spec.size, "stretch").model_from_image
        odd = tuple(odd_values(self._whole, found, same))
        strength = 0.0 if odd and truth is None else _strength(placed, truth)
        return Trial(chain, placed, strength, odd)

    def _detections(self, seen: Pixels, values: str) -> Detections:
        given: npt.NDArray[Any] = RANGES[values](seen)
        if self.lane != "source":  # artifacts take bytes
            given = np.clip(np.rint(given), 0, 255).astype(np.uint8)
        if self.spec.channels == 1:
            grey = given @ np.array([0.299, 0.587, 0.114])
            given = (grey if self.lane == "source" else np.rint(grey).astype(np.uint8))[..., None]
        key = given.tobytes()
        if key not in self._seen:
            plan = plan_resize(self.spec.size, self.spec.size, "stretch")
            self._seen[key] = decode_outputs(self.engine.infer({"image": given}), plan)
        return self._seen[key]


def _first_engine(
    folder: Path, bundle: Bundle, runner: str | None, source: Path | None
) -> tuple[str, Runner, str]:
    """Return the first lane that runs here; the source first: it takes values that are no bytes."""
    reasons = []
    for lane in lanes_of(bundle, runner, slow=False):
        try:
            engine = open_lane(folder, bundle, lane, source)
            return lane.runner, engine, f"{lane.name}: {engine.note}"
        except NotRun as reason:
            reasons.append(Problem(str(reason), lane.name))
    raise MobileCatError("Nothing in the bundle runs here", reasons)


def _with_rows(pixels: Pixels, row: int) -> Pixels:
    """Return the picture that the same memory holds when its rows are `row` pixels long."""
    h, w = pixels.shape[:2]
    flat = pixels.reshape(-1, 3)
    rows = len(flat) // row
    out = np.zeros_like(pixels)
    out[:rows] = flat[: rows * row].reshape(rows, row, 3)[:h, :w]
    return out


def _strength(found: Detections, truth: npt.NDArray[np.float64] | None) -> float:
    if truth is None or not len(truth):
        return float(found.scores.max(initial=0.0))
    if not len(found):
        return 0.0
    overlap = iou(truth, found.boxes_xyxy)
    best = np.where(overlap >= 0.5, found.scores[None, :], 0.0).max(axis=1)
    return float(best.mean())


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
    bundle = open_bundle(folder)
    machine = _Machine(folder, bundle, runner, source)
    own = fit_of(machine.spec)
    fit = facts.fit if facts else own
    if isinstance(fit, AppResize) and fit.mode == own.mode:
        # With the spec's padding, and its rounding where none was captured.
        fit = replace(own, rounding=fit.rounding or own.rounding)
    handed = (facts.handed or Orientation.UP) if facts else Orientation.UP
    start = Chain(handed, fit)
    trials: list[Trial] = []

    def tried(chain: Chain) -> Trial:
        progress(f"as {chain.words()}")
        trial = machine.run(chain, frame, truth)
        trials.append(trial)
        return trial

    best = tried(start)
    odd = best.odd
    changes: list[str] = []
    # Orientations first, then all else on top of the best; the reverse order if that finds nothing.
    for field, suspects in _suspects(start, frame, facts, machine.spec):
        better = max(
            (tried(replace(best.chain, **{field: value})) for value in suspects),
            key=lambda t: t.strength - (MARGIN if _mirrors(t.chain, start) else 0.0),
            default=best,
        )
        if better.strength > best.strength + MARGIN:
            best = better
            changes.append(field)
    ids, sentence = _verdict(trials[0], best, changes, facts.engine if facts else None)
    if odd:
        ids, sentence = _wrong_spec(odd, best, changes, ids)
    notes = ["values that are no bytes were rounded to bytes"] if machine.lane != "source" else []
    if "orientation" in changes:
        other = _mirror_of(best, trials)
        if other is not None and other.strength > best.strength - MARGIN and truth is None:
            notes.append(
                f"{other.chain.words()} finds as much: this object looks the same in a mirror, "
                "so only text or a known side can tell"
            )
    return Rerun(tuple(trials), best, tuple(changes), ids, sentence, machine.note, tuple(notes))


def _wrong_spec(
    odd: Sequence[str], best: Trial, changes: Sequence[str], ids: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    """Return what to say where the bundle as it is gives what no detector gives."""
    said = f"As handed over the model gives what no detector gives: {'; '.join(odd)}"
    if "values" not in changes:
        return ids or ("spec",), said
    many = f"{len(best.found)} object{'s' if len(best.found) != 1 else ''}"
    return ids, (
        f"{said} With the values {best.chain.values} it finds {many} (best score {best.best:.2f}): "
        "the spec's `range`, `mean` or `std` is not what the network was trained on."
    )


def _suspects(
    start: Chain, frame: Pixels, facts: Facts | None, spec: ImageSpec
) -> list[tuple[str, list[Any]]]:
    turns = [o for o in Orientation if o != start.orientation]
    fits: list[Any] = [CropAndScale.SCALE_FIT, CropAndScale.SCALE_FILL, CropAndScale.CENTER_CROP]
    own = fit_of(spec)
    fits = [own, *fits] if start.fit != own else fits
    ranges = ["divided by 255 once more", "scaled to −1 to 1 once more"]
    if frame.max(initial=0) <= 2:
        ranges.append("multiplied by 255")
    width = frame.shape[1]
    rows = {-(-width * 4 // a) * a // 4 for a in (16, 32, 64)}
    if facts and facts.row_pixels:
        rows.add(round(facts.row_pixels))
    strides = sorted(r for r in rows if r > width)
    return [
        ("orientation", turns),
        ("swapped", [True]),
        ("values", ranges),
        ("row_pixels", strides),
        ("fit", [f for f in fits if f != start.fit]),
    ]


def _mirrors(chain: Chain, start: Chain) -> bool:
    """Whether a chain mirrors and the start does not: believed only if clearly better."""
    return (chain.orientation in _MIRRORED) != (start.orientation in _MIRRORED)


def _mirror_of(best: Trial, trials: Sequence[Trial]) -> Trial | None:
    rest = [
        t
        for t in trials
        if _mirrors(t.chain, best.chain)
        and replace(t.chain, orientation=best.chain.orientation) == best.chain
    ]
    return max(rest, key=lambda t: t.strength, default=None)


def _verdict(
    handed: Trial, best: Trial, changes: Sequence[str], engine: Engine | None
) -> tuple[tuple[str, ...], str]:
    if not changes:
        if not len(best.found):
            return (), "The model finds nothing in this frame, whichever way it is handed over."
        many = f"{len(best.found)} object{'s' if len(best.found) > 1 else ''}"
        return (), (
            f"Nothing wrong with the frame: as it was handed over the model finds {many} "
            f"(best score {best.best:.2f})."
        )
    ids, said = [], []
    for field in changes:
        bug, sentence = _sentence(field, best.chain, handed.chain, engine)
        ids.append(bug)
        said.append(sentence)
    return tuple(ids), " ".join(said)


def _sentence(field: str, chain: Chain, handed: Chain, engine: Engine | None) -> tuple[str, str]:
    o = chain.orientation
    if field == "orientation":
        lies = {
            Orientation.RIGHT: ("4", "lying on its side"),
            Orientation.LEFT: ("4b", "lying on its side"),
            Orientation.LEFT_MIRRORED: ("4c", "lying on its side and mirrored"),
            Orientation.RIGHT_MIRRORED: ("4d", "lying on its side and mirrored"),
            Orientation.DOWN: ("5", "upside down"),
            Orientation.UP_MIRRORED: ("3", "mirrored"),
            Orientation.DOWN_MIRRORED: ("1", "upside down and mirrored"),
            Orientation.UP: ("5", "as if it were turned, but it is upright"),
        }
        bug, how = lies[o]
        if engine == "coreai":
            return bug, (
                f"The frame was drawn into the model's input {how}: turn it by .{o.cg_name} "
                f"(EXIF {int(o)})."
            )
        return bug, (
            f"The frame was handed over {how}: tell Vision the orientation is "
            f".{o.cg_name} (EXIF {int(o)})."
        )
    if field == "swapped":
        return "27", (
            "Red and blue were swapped: the model takes RGB, and a 32BGRA buffer has blue first."
        )
    if field == "values":
        return "28", (
            f"The pixel values had the wrong range: the model finds its objects when they are "
            f"{chain.values}."
        )
    if field == "row_pixels":
        return "26", (
            f"The picture is sheared: its rows are {chain.row_pixels} pixels long in memory, "
            "so step by bytesPerRow, not by the width."
        )
    new = chain.fit.mode if isinstance(chain.fit, AppResize) else chain.fit.value
    old = handed.fit.mode if isinstance(handed.fit, AppResize) else handed.fit.value
    return "11", f"{BY_ID['11'].happened.split(':')[0]}: {new} finds what {old} loses."


def rerun_json(result: Rerun) -> dict[str, Any]:
    """Return the re-run as JSON values."""
    return {
        "sentence": result.sentence,
        "ids": list(result.ids),
        "engine": result.engine,
        "restored_by": result.restored.chain.words() if result.changes else None,
        "orientation": int(result.restored.chain.orientation),
        "trials": [
            {
                "chain": t.chain.words(),
                "found": len(t.found),
                "best_score": round(t.best, 4),
                "strength": round(t.strength, 4),
            }
            for t in result.trials
        ],
        "detections": result.restored.found.to_json(),
        "notes": list(result.notes),
    }
