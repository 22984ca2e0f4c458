"""Where boxes belong, worked out apart from the simulated phone, and which can measure it.

A box is steady where it stays when every pixel changes by one level of 255 at most, and where a fit
whose size is not whole is rounded the other way: 93.33 rows are 93 to Pillow, 94 to others, and may
be 93.33 to a phone. One that does not, such as a cat that a face detector takes for half a face,
says nothing about a pixel's place: it must be found where it belongs, but its corners are not held
to the limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.match import corner_distances, match
from mobilecat.coordinates.report import OWN
from mobilecat.geometry.affine import Size
from mobilecat.geometry.resize import plan_resize
from mobilecat.golden.store import Case
from mobilecat.lanes import Lane, Runner, decode_outputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture
from mobilecat.spec import ImageSpec

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

VIEW_WH = Size(390, 844)
STEADY_PX = 0.5
"""Model pixels that a steady box moves at most: what the limits leave for the resampler."""
NOISES = 2


@dataclass(frozen=True)
class Picture:
    """A golden picture: upright pixels, and what is expected of it."""

    case: Case
    image: Image
    pixels: Pixels


@dataclass(frozen=True)
class Belongs:
    """What belongs to an option, in pixels of the upright picture. steady: (N,)."""

    found: Detections
    steady: npt.NDArray[np.bool_]


class Engine:
    """A lane's engine, run once for each distinct model input."""

    def __init__(self, lane: Lane, engine: Runner, spec: ImageSpec) -> None:
        self.lane, self.spec, self.runs = lane, spec, 0
        self._engine = engine
        self._seen: dict[bytes, Detections] = {}

    def model_boxes(self, pixels: Pixels) -> Detections:
        """Return detections in model pixels. Shapes: (H, W, C) uint8."""
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in self._seen:
            self.runs += 1
            outputs = self._engine.infer({"image": pixels})
            same = plan_resize(self.spec.size, self.spec.size, "stretch")
            self._seen[key] = decode_outputs(outputs, same)
        return self._seen[key]

    def steady(self, pixels: Pixels) -> tuple[Detections, npt.NDArray[np.bool_]]:
        """Return detections in model pixels, and which stay where noise of one level is added."""
        found = self.model_boxes(pixels)
        stays = np.ones(len(found), dtype=np.bool_)
        for seed in range(NOISES):
            noise = np.random.default_rng(seed).integers(-1, 2, pixels.shape)
            again = self.model_boxes(np.clip(pixels + noise, 0, 255).astype(np.uint8))
            near = _moves(found, again)
            stays &= near <= STEADY_PX
        return found, stays


def _moves(found: Detections, again: Detections) -> Floats:
    """Return how far each box's corner moved; inf where it is gone. Shapes: (N,)."""
    moved = np.full(len(found), np.inf)
    for i, j in match(found, again, STEADY_PX).pairs:
        moved[i] = corner_distances(found.boxes_xyxy[i], again.boxes_xyxy[j])
    return moved


def channels_of(rgb: Pixels, spec: ImageSpec) -> Pixels:
    """Return RGB, or one grey channel where the model takes that. Shapes: (H, W, 3) → (H, W, C)."""
    if spec.channels == 3:
        return rgb
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.uint8)[..., None]


def in_view(
    boxes: Floats, wh: tuple[int, int], gravity: str, turned: bool
) -> tuple[Floats, Floats]:
    """Return where boxes of the upright picture belong in the view, and its scale (x, y).

    Worked out by hand, apart from `View`. turned: the picture is shown a quarter clockwise.
    """
    w, h = wh
    if turned:
        x1, y1, x2, y2 = boxes.T
        boxes = np.stack([h - y2, x1, h - y1, x2], axis=1)
        w, h = h, w
    sx, sy = VIEW_WH.w / w, VIEW_WH.h / h
    if gravity == "resizeAspect":
        sx = sy = min(sx, sy)
    if gravity == "resizeAspectFill":
        sx = sy = max(sx, sy)
    ox, oy = (VIEW_WH.w - sx * w) / 2, (VIEW_WH.h - sy * h) / 2
    scale = np.array([sx, sy])
    placed: Floats = boxes * np.tile(scale, 2) + np.array([ox, oy, ox, oy])
    return placed, scale


def model_scale(option: str, bundle: Bundle, wh: tuple[int, int]) -> float:
    """Return model pixels in a picture pixel, the larger of both axes."""
    spec = bundle.spec.input
    assert spec is not None
    sx, sy = spec.size[0] / wh[0], spec.size[1] / wh[1]
    stretched = "scaleFill" in option or (option == OWN and spec.resize == "stretch")
    return max(sx, sy) if stretched or option == "centerCrop" else min(sx, sy)


def belongs(engine: Engine, picture: Picture, option: str) -> Belongs | str:
    """Return what belongs to an option, or why nothing does.

    For the own fit the golden's; for Vision's, a run on Pillow's resize and plain arithmetic.
    """
    return _golden(engine, picture) if option == OWN else _through_vision(engine, picture, option)


def _golden(engine: Engine, picture: Picture) -> Belongs | str:
    golden = picture.case.expected(engine.lane.name).found
    if golden is None:
        return "the golden has no detections"
    pixels, plan = fit_picture(picture.image, engine.spec)
    found, stays = engine.steady(pixels)
    to_model = plan.model_from_image
    moved = Detections(to_model.boxes_xyxy(golden.boxes_xyxy), golden.scores, golden.class_ids)
    steady = np.zeros(len(golden), dtype=np.bool_)
    for i, j in match(moved, found, STEADY_PX).pairs:
        steady[i] = stays[j]
    return Belongs(golden, steady)


def _through_vision(engine: Engine, picture: Picture, option: str) -> Belongs | str:
    wh, model_wh = picture.image.size, engine.spec.size
    first, *others = _fits(option.removesuffix("Rotate90CCW"), wh, model_wh)
    pixels = first.model_input(picture.image, engine.spec)
    found, steady = engine.steady(pixels)
    if not len(found):
        return f"the network finds nothing through {option}, straight from the picture"
    for other in others:
        again = engine.model_boxes(other.model_input(picture.image, engine.spec))
        boxes = first.model_boxes(other.image_boxes(again.boxes_xyxy))
        steady &= _moves(found, Detections(boxes, again.scores, again.class_ids)) <= STEADY_PX
    return Belongs(
        Detections(first.image_boxes(found.boxes_xyxy), found.scores, found.class_ids), steady
    )


@dataclass(frozen=True)
class _Fit:
    """The part `box` of the picture (pixels) drawn at `at` of the model input, `size` large."""

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    at: tuple[int, int] = (0, 0)

    def model_input(self, image: Image, spec: ImageSpec) -> Pixels:
        """Return pixels as Pillow resizes them, black around. Shapes: (H, W, C)."""
        from PIL import Image

        canvas = Image.new("RGB", spec.size)
        small = image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR, box=self.box)
        canvas.paste(small, self.at)
        return channels_of(np.asarray(canvas, dtype=np.uint8), spec)

    def image_boxes(self, boxes: Floats) -> Floats:
        """Model pixels → pixels of the picture. Shapes: (N, 4)."""
        low, scale = self._map()
        placed: Floats = (boxes - np.tile(self.at, 2)) * scale + low
        return placed

    def model_boxes(self, boxes: Floats) -> Floats:
        """Pixels of the picture → model pixels. Shapes: (N, 4)."""
        low, scale = self._map()
        placed: Floats = (boxes - low) / scale + np.tile(self.at, 2)
        return placed

    def _map(self) -> tuple[Floats, Floats]:
        x1, y1, x2, y2 = self.box
        scale = np.array([(x2 - x1) / self.size[0], (y2 - y1) / self.size[1]])
        return np.tile([x1, y1], 2), np.tile(scale, 2)


def _fits(mode: str, wh: tuple[int, int], model_wh: tuple[int, int]) -> list[_Fit]:
    """Return how an option fits a picture, and how if rounded the other way, where that differs."""
    (w, h), (sw, sh) = wh, model_wh
    gx, gy = sw / w, sh / h
    if mode == "scaleFill":
        return [_Fit((0.0, 0.0, w, h), (sw, sh))]
    if mode == "centerCrop":
        g = max(gx, gy)
        dx, dy = (w - sw / g) / 2, (h - sh / g) / 2
        # The side that fits may leave the picture by an ulp, which Pillow refuses.
        dx, dy = max(0.0, dx), max(0.0, dy)
        return [_Fit((dx, dy, w - dx, h - dy), (sw, sh))]
    g = min(gx, gy)
    exact = np.array([g * w, g * h])
    near = np.maximum(1, np.round(exact))
    far = np.maximum(1, np.where(near > exact, np.floor(exact), np.ceil(exact)))
    # A whole size that floating point misses by an ulp has no other way.
    far = np.where(np.abs(near - exact) < 1e-6, near, far)
    return [
        _Fit((0.0, 0.0, w, h), (int(x), int(y)), (round((sw - x) / 2), round((sh - y) / 2)))
        for x, y in dict.fromkeys([tuple(near), tuple(far)])
    ]
