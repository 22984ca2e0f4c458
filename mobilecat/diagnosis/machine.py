"""The bundle's model, run on a stored frame as one chain or another would hand it over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.diagnosis.looks import Look, Pixels
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import Size
from mobilecat.geometry.boxes import iou
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.resize import plan_resize
from mobilecat.geometry.vision import CropAndScale
from mobilecat.lanes import NotRun, Runner, decode_outputs, lanes_of, open_lane
from mobilecat.lanes.source import source_in
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.odd import odd_values
from mobilecat.spec import ImageSpec, RawHead
from mobilecat.spec.otherwise import otherwise

BEST_OF = 5
"""A score is the mean of so many best candidates: where an object really is, several agree."""

RANGES: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "as bytes": lambda x: x,
    "divided by 255 once more": lambda x: x / 255.0,
    "scaled to −1 to 1 once more": lambda x: x / 127.5 - 1.0,
    "multiplied by 255": lambda x: np.clip(x.astype(np.float64) * 255.0, 0, 255),
    "inverted": lambda x: 255 - x,
}
_AS_RANGE = "as if the spec said range "


@dataclass(frozen=True)
class Chain:
    """How the frame reaches the model.

    layout: the kind of layout in which its bytes are read anew (memory.py), row_pixels with it.
    aspect: width over height that the frame is stretched to before all else.
    """

    orientation: Orientation
    fit: CropAndScale | AppResize
    swapped: bool = False
    values: str = "as bytes"
    layout: str = ""
    row_pixels: int | None = None
    aspect: float | None = None

    def words(self) -> str:
        fit = self.fit.mode if isinstance(self.fit, AppResize) else self.fit.value
        parts = [f".{self.orientation.cg_name} (EXIF {int(self.orientation)})", fit]
        parts += ["red and blue swapped"] if self.swapped else []
        parts += [self.values] if self.values != "as bytes" else []
        parts += [f"rows of {self.row_pixels} pixels"] if self.row_pixels else []
        parts += [f"read as {self.layout}"] if self.layout and not self.row_pixels else []
        parts += [f"stretched to {self.aspect:.2f} : 1"] if self.aspect else []
        return ", ".join(parts)


@dataclass(frozen=True, eq=False)
class Trial:
    """What the model finds through one chain, in pixels of that chain's upright picture.

    strength: the mean of the best candidates' scores; with true boxes, the mean over them of score
    where IoU ≥ .5. odd: what about the values no detector gives; they say nothing: strength 0.
    candidates: the best of them before suppression, xyxy from the picture's centre, best first.
    top: the best's score, which may be below the threshold of a detection.
    """

    chain: Chain
    found: Detections
    strength: float
    odd: tuple[str, ...]
    candidates: npt.NDArray[np.float64]
    top: float

    @property
    def best(self) -> float:
        return float(self.found.scores.max(initial=0.0))


class Machine:
    """The bundle's model, run on chains; each distinct input once.

    runs: how often it ran. gives_candidates: whether scores below the threshold are known.
    """

    def __init__(
        self, folder: Path, bundle: Bundle, runner: str | None, source: Path | None
    ) -> None:
        if bundle.spec.input is None or isinstance(bundle.spec.head, RawHead):
            raise MobileCatError(
                "This bundle gives no detections", [Problem("its head is raw", str(folder))]
            )
        self.spec: ImageSpec = bundle.spec.input
        self._whole = bundle.spec
        self.lane, self._engine, self.note = _first_engine(folder, bundle, runner, source)
        # Boxes and scores before suppression, where the engine gives them.
        self._taps = [c.name for c in bundle.candidates][:2]
        self._seen: dict[bytes, tuple[Detections, _Best]] = {}
        self._ranges = _other_ranges(self.spec, self.lane, self._engine)
        self.gives_candidates = len(self._taps) == 2
        self.runs = 0

    @property
    def ranges(self) -> tuple[str, ...]:
        """What `Chain.values` may say of other ranges than the spec's; none where values are bytes
        or the network takes whole numbers."""
        return tuple(self._ranges)

    @property
    def threshold(self) -> float:
        """The score from which the bundle gives a detection."""
        nms = self._whole.effective_nms
        return nms.score_threshold if nms is not None else 0.0

    def run(
        self,
        chain: Chain,
        frame: Pixels,
        truth: npt.NDArray[np.float64] | None = None,
        look: Look | None = None,
    ) -> Trial:
        """Run one chain. frame: as stored, read in the chain's layout already.

        look: a harmless change of it first; then only the strength is of use.
        """
        pixels = frame if look is None else np.ascontiguousarray(look(frame))
        pixels = stretched(pixels, chain.aspect, chain.orientation)
        if chain.swapped:
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        request = SimulatedRequest(
            Size(pixels.shape[1], pixels.shape[0]),
            Size(*self.spec.size),
            chain.orientation,
            chain.fit,
        )
        found, best = self._detections(request.model_input(pixels), chain.values)
        placed = found.placed(request.image_from_model)
        same = plan_resize(self.spec.size, self.spec.size, "stretch").model_from_image
        odd = tuple(odd_values(self._whole, found, same))
        if truth is not None and len(truth):
            strength = _of_truth(placed, truth)
        elif odd or not len(best.scores):
            strength = 0.0
        else:
            strength = float(best.scores.mean())
        image = request.image_wh
        centre = np.array([image.w, image.h, image.w, image.h]) / 2
        candidates = request.image_from_model.boxes_xyxy(best.boxes_xyxy) - centre
        top = 0.0 if odd else float(best.scores.max(initial=0.0))
        return Trial(chain, placed, strength, odd, candidates, top)

    def _detections(self, seen: Pixels, values: str) -> tuple[Detections, _Best]:
        given: npt.NDArray[Any] = {**RANGES, **self._ranges}[values](seen)
        if self.lane != "source":  # artifacts take bytes
            given = np.clip(np.rint(given), 0, 255).astype(np.uint8)
        if self.spec.channels == 1:
            grey = given @ np.array([0.299, 0.587, 0.114])
            given = (grey if self.lane == "source" else np.rint(grey).astype(np.uint8))[..., None]
        key = given.tobytes()
        if key not in self._seen:
            plan = plan_resize(self.spec.size, self.spec.size, "stretch")
            out = self._engine.infer({"image": given}, self._taps)
            self.runs += 1
            found = decode_outputs(out, plan)
            self._seen[key] = found, self._best(found, out)
        return self._seen[key]

    def _best(self, found: Detections, out: dict[str, Any]) -> _Best:
        """The best candidates; the best detection where none are given."""
        self.gives_candidates &= all(tap in out for tap in self._taps)
        if not self.gives_candidates:
            return _Best(found.scores[:1].astype(np.float64), found.boxes_xyxy[:1])
        scores = np.asarray(out[self._taps[1]], dtype=np.float64)
        boxes = np.asarray(out[self._taps[0]], dtype=np.float64).reshape(-1, 4)
        # A candidate's score is that of its best class.
        each = scores.reshape(max(1, len(boxes)), -1).max(axis=1)[: len(boxes)]
        sound = np.flatnonzero(np.isfinite(each) & np.isfinite(boxes).all(axis=1))
        first = sound[np.argsort(-each[sound], kind="stable")[:BEST_OF]]
        return _Best(each[first], boxes[first])


@dataclass(frozen=True, eq=False)
class _Best:
    """The best candidates, best first. scores: (n,). boxes_xyxy: (n, 4), pixels of the model."""

    scores: npt.NDArray[np.float64]
    boxes_xyxy: npt.NDArray[np.float64]


def _other_ranges(
    image: ImageSpec, lane: str, engine: Runner
) -> dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]]:
    """Return what makes of pixels those of which the spec's preprocessing makes another range.

    network value = (a + pixel/255 · (b − a) − mean) / std, and c + pixel/255 · (d − c) is wanted.
    """
    source = source_in(engine) if lane == "source" else None
    means, stds = set(image.per_channel(image.mean)), set(image.per_channel(image.std))
    if source is None or source.takes_whole_numbers or len(means) > 1 or len(stds) > 1:
        return {}
    (a, b), mean, std = image.range, means.pop(), stds.pop()

    def other(c: float, d: float) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
        return lambda x: ((c + x / 255.0 * (d - c)) * std + mean - a) / (b - a) * 255.0

    ways = (w for w in otherwise(image, fits=False) if w.key == "range")
    return {f"{_AS_RANGE}{w.said}": other(*w.values["range"]) for w in ways if not w.values["mean"]}


def range_said(values: str) -> str:
    """Return the range of one of `Machine.ranges`, as a spec has it; "" of other values."""
    return values.removeprefix(_AS_RANGE) if values.startswith(_AS_RANGE) else ""


def stretched(pixels: Pixels, aspect: float | None, o: Orientation) -> Pixels:
    """Return the frame with its upright picture stretched to an aspect, its area kept."""
    if aspect is None:
        return pixels
    from PIL import Image

    h, w = pixels.shape[:2]
    wanted = 1 / aspect if o >= Orientation.LEFT_MIRRORED else aspect
    area = h * w
    size = (max(1, round((area * wanted) ** 0.5)), max(1, round((area / wanted) ** 0.5)))
    return np.asarray(Image.fromarray(pixels).resize(size), dtype=np.uint8)


def _of_truth(found: Detections, truth: npt.NDArray[np.float64]) -> float:
    if not len(found):
        return 0.0
    overlap = iou(truth, found.boxes_xyxy)
    best = np.where(overlap >= 0.5, found.scores[None, :], 0.0).max(axis=1)
    return float(best.mean())


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
