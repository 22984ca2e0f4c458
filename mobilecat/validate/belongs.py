"""Where boxes belong, worked out apart from the simulated phone, and which can measure it.

A box is steady where it stays when every pixel changes by one level of 255 at most. One that does
not, such as a cat that a face detector takes for half a face, says nothing about a pixel's place:
it must be found where it belongs, but its corners are not held to the limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.detections import Detections
from mobilecat.geometry.affine import Size
from mobilecat.geometry.resize import plan_resize
from mobilecat.picture import fit_picture
from mobilecat.runners import Lane, Runner, decode_outputs
from mobilecat.spec import ImageSpec
from mobilecat.validate.coordinates_report import OWN
from mobilecat.validate.golden import Case
from mobilecat.validate.match import corner_distances, match

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
    from PIL import Image

    (w, h), (sw, sh) = picture.image.size, engine.spec.size
    mode = option.removesuffix("Rotate90CCW")
    image = picture.image.convert("RGB")
    gx, gy = sw / w, sh / h
    if mode == "scaleFill":
        box, size, at = (0.0, 0.0, float(w), float(h)), (sw, sh), (0, 0)
    elif mode == "scaleFit":
        gx = gy = min(gx, gy)
        size = (max(1, round(gx * w)), max(1, round(gy * h)))
        at = (round((sw - size[0]) / 2), round((sh - size[1]) / 2))
        box = (0.0, 0.0, float(w), float(h))
    else:
        gx = gy = max(gx, gy)
        dx, dy = (w - sw / gx) / 2, (h - sh / gy) / 2
        box, size, at = (dx, dy, w - dx, h - dy), (sw, sh), (0, 0)
    canvas = Image.new("RGB", (sw, sh))
    canvas.paste(image.resize(size, Image.Resampling.BILINEAR, box=box), at)
    pixels = channels_of(np.asarray(canvas, dtype=np.uint8), engine.spec)
    found, steady = engine.steady(pixels)
    if not len(found):
        return f"the network finds nothing through {option}, straight from the picture"
    b = found.boxes_xyxy - np.array([*at, *at])
    b = b * np.tile([(box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]], 2)
    b = b + np.tile([box[0], box[1]], 2)
    return Belongs(Detections(b, found.scores, found.class_ids), steady)
