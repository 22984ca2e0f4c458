"""Where boxes belong, worked out apart from the simulated phone, and which can measure it.

A box is steady where it stays however a phone may draw the same picture: when every pixel changes
by one level of 255 at most; with another resampler; with the colour of 4:2:0, where the frame has
that; and where a fit whose size is not whole is rounded the other way: 93.33 rows are 93 to Pillow,
94 to others, and may be 93.33 to a phone. One that moves, such as a cat that a face detector takes
for half a face, says nothing about a pixel's place: it must be found where it belongs, but its
corners are not held to the limit. One that is gone in one of these drawings need not be found at
all; and where one of them shows further boxes, or the list is full, so may the phone's, and only
steady boxes must stay. A box close above the threshold measures nothing.

Few drawings are tried first. Where a chain then falls short, many are: a box that suppression takes
from one of two cells by chance is found out so, and a box in a wrong place stays where it belongs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.match import corner_distances, match
from mobilecat.coordinates.report import OWN
from mobilecat.geometry.affine import Size
from mobilecat.geometry.boxes import iou
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
"""Model pixels that a drawing may move a box by: what the limits leave for the resampler. What it
moves beyond, the limit is wider for that box."""
MEASURES_PX = 2.0
"""A box that moves further measures nothing."""
SAME_IOU = 0.5
"""What a box that moves must overlap with where it belongs."""
BORDERLINE = 0.1
"""A box whose score is this near to the threshold may come and go with the resampler."""
NOISES, MORE_NOISES = 2, 10


@dataclass(frozen=True)
class Picture:
    """A golden picture: upright pixels, and what is expected of it."""

    case: Case
    image: Image
    pixels: Pixels


@dataclass(frozen=True)
class Belongs:
    """What belongs to an option, in pixels of the upright picture.

    moves: (N,) how far each box's corner goes between the drawings, in pixels of the model input.
    lasting: (N,) whether it is there in every one. settled: whether none shows others.
    """

    found: Detections
    moves: Floats
    lasting: npt.NDArray[np.bool_]
    settled: bool

    @property
    def steady(self) -> npt.NDArray[np.bool_]:
        """Return which boxes measure, (N,)."""
        return np.asarray(self.moves <= MEASURES_PX)


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

    def noisy(self, pixels: Pixels, count: int) -> Iterator[Detections]:
        """Give what is found where noise of one level is added, `count` times."""
        for seed in range(count):
            noise = np.random.default_rng(seed).integers(-1, 2, pixels.shape)
            yield self.model_boxes(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def held_through(
    found: Detections, drawings: Iterable[Detections], threshold: float, most: int | None = None
) -> Belongs:
    """Return which boxes hold in every drawing; all in pixels of one model input.

    threshold: of the score; a box close above it may come and go. most: boxes that there can be; of
    a full list the last come and go.
    """
    moves, lasting, settled = (
        np.zeros(len(found)),
        np.ones(len(found), dtype=np.bool_),
        len(found) != most,
    )
    for again in drawings:
        pairs = match(found, again, STEADY_PX)
        moved, overlap = np.full(len(found), np.inf), np.zeros(len(found))
        for i, j in pairs.pairs:
            moved[i] = corner_distances(found.boxes_xyxy[i], again.boxes_xyxy[j])
            overlap[i] = iou(found.boxes_xyxy[i : i + 1], again.boxes_xyxy[j : j + 1])[0, 0]
        moves = np.maximum(moves, moved)
        lasting &= (overlap >= SAME_IOU) | (moved <= STEADY_PX)
        settled &= all(again.scores[j] - threshold <= BORDERLINE for j in pairs.extra)
    # A borderline box may be gone, and its neighbour taken for it.
    moves = np.where(found.scores - threshold <= BORDERLINE, np.inf, moves)
    # Where boxes come and go, those that stay are crowded out and take each other's places.
    lasting = lasting if settled else lasting & (moves <= MEASURES_PX)
    # Where most boxes move, others may appear.
    settled = settled and 2 * int((moves <= MEASURES_PX).sum()) >= len(found)
    return Belongs(found, moves, lasting, settled)


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


def belongs(
    engine: Engine,
    picture: Picture,
    option: str,
    halved: bool,
    threshold: float,
    most: int | None,
    thorough: bool = False,
) -> Belongs | str:
    """Return what belongs to an option, or why nothing does.

    For the own fit the golden's; for Vision's, a run on Pillow's resize and plain arithmetic.
    halved: the frame has colour for every second pixel. threshold: of the score.
    most: boxes that there can be. thorough: whether many drawings are tried, not few.
    """
    drawings = _Drawings(engine, picture, halved, thorough)

    def held(found: Detections, drawings: Iterable[Detections]) -> Belongs:
        return held_through(found, drawings, threshold, most)

    if option == OWN:
        return _golden(engine, picture, drawings, held)
    return _through_vision(engine, picture, option, drawings, held)


Held = Callable[[Detections, Iterable[Detections]], Belongs]


@dataclass(frozen=True)
class _Drawings:
    """How else a phone may draw a picture's model input."""

    engine: Engine
    picture: Picture
    halved: bool
    thorough: bool

    def of(
        self, pixels: Pixels, drawn: Callable[[Image, str | None], Pixels], grows: bool
    ) -> list[Detections]:
        """Return what is found in each. drawn: (picture, another resampler than the own) → pixels
        of the model input. grows: whether the picture is enlarged."""
        image, kinds = self.picture.image, ["bicubic" if grows else "box"]
        kinds += ["lanczos", "hamming"] if self.thorough else []
        inputs = [drawn(image, kind) for kind in kinds]
        if self.halved:
            inputs.append(drawn(_halved(image), None))
        noise = self.engine.noisy(pixels, MORE_NOISES if self.thorough else NOISES)
        return [*noise, *map(self.engine.model_boxes, inputs)]


def _golden(engine: Engine, picture: Picture, drawings: _Drawings, held: Held) -> Belongs | str:
    golden = picture.case.expected(engine.lane.name).found
    if golden is None:
        return "the golden has no detections"
    pixels, plan = fit_picture(picture.image, engine.spec)
    found = engine.model_boxes(pixels)
    grows = plan.resized_wh[0] > picture.image.width

    def drawn(image: Image, kind: str | None) -> Pixels:
        other = {"resample": kind} if kind else {}
        return fit_picture(image, engine.spec.model_copy(update=other))[0]

    own = held(found, drawings.of(pixels, drawn, grows))
    to_model = plan.model_from_image
    moved = Detections(to_model.boxes_xyxy(golden.boxes_xyxy), golden.scores, golden.class_ids)
    moves = np.full(len(golden), np.inf)
    lasting = np.full(len(golden), own.settled)
    for i, j in match(moved, found, STEADY_PX).pairs:
        moves[i], lasting[i] = own.moves[j], own.lasting[j]
    return Belongs(golden, moves, lasting, own.settled)


def _through_vision(
    engine: Engine, picture: Picture, option: str, drawings: _Drawings, held: Held
) -> Belongs | str:
    wh, model_wh, spec = picture.image.size, engine.spec.size, engine.spec
    option = option.removesuffix("Rotate90CCW")
    first, *others = _fits(option, wh, model_wh)
    pixels = first.model_input(picture.image, spec)
    found = engine.model_boxes(pixels)
    if not len(found):
        return f"the network finds nothing through {option}, straight from the picture"

    def drawn(image: Image, kind: str | None) -> Pixels:
        return first.model_input(image, spec, kind)

    ways = drawings.of(pixels, drawn, first.grows)
    finely = [_unrounded(option, wh, model_wh)] if drawings.thorough else []
    for other in (*others, *finely):
        again = engine.model_boxes(other.model_input(picture.image, spec))
        boxes = first.model_boxes(other.image_boxes(again.boxes_xyxy))
        ways.append(Detections(boxes, again.scores, again.class_ids))
    own = held(found, ways)
    placed = Detections(first.image_boxes(found.boxes_xyxy), found.scores, found.class_ids)
    return replace(own, found=placed)


def _halved(image: Image) -> Image:
    """Return the picture with colour for every second pixel in both directions, as in 4:2:0."""
    from PIL import Image

    y, *colour = image.convert("RGB").convert("YCbCr").split()
    small = (max(1, image.width // 2), max(1, image.height // 2))
    near, box = Image.Resampling.NEAREST, Image.Resampling.BOX
    wide = [c.resize(small, box).resize(image.size, near) for c in colour]
    return Image.merge("YCbCr", [y, *wide]).convert("RGB")


@dataclass(frozen=True)
class _Fit:
    """The part `box` of the picture (pixels) drawn at `at` of the model input, `size` large.

    times: size and at count in such parts of a pixel: it is drawn so many times as large, and
    averaged, as what rounds nothing to whole pixels would.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    at: tuple[int, int] = (0, 0)
    times: int = 1

    @property
    def grows(self) -> bool:
        return self.size[0] > self.box[2] - self.box[0]

    def model_input(self, image: Image, spec: ImageSpec, kind: str | None = None) -> Pixels:
        """Return pixels as Pillow resizes them, black around. Shapes: (H, W, C).

        kind: another resampler than the bilinear one, which averages what it shrinks.
        """
        from PIL import Image

        canvas = Image.new("RGB", (spec.size[0] * self.times, spec.size[1] * self.times))
        how = Image.Resampling[(kind or "bilinear").upper()]
        small = image.convert("RGB").resize(self.size, how, box=self.box)
        canvas.paste(small, self.at)
        canvas = canvas.reduce(self.times) if self.times > 1 else canvas
        return channels_of(np.asarray(canvas, dtype=np.uint8), spec)

    def image_boxes(self, boxes: Floats) -> Floats:
        """Model pixels → pixels of the picture. Shapes: (N, 4)."""
        low, scale = self._map()
        placed: Floats = (boxes - np.tile(self.at, 2) / self.times) * scale + low
        return placed

    def model_boxes(self, boxes: Floats) -> Floats:
        """Pixels of the picture → model pixels. Shapes: (N, 4)."""
        low, scale = self._map()
        placed: Floats = (boxes - low) / scale + np.tile(self.at, 2) / self.times
        return placed

    def _map(self) -> tuple[Floats, Floats]:
        x1, y1, x2, y2 = self.box
        scale = np.array([(x2 - x1) / self.size[0], (y2 - y1) / self.size[1]]) * self.times
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


_PARTS = 4


def _unrounded(mode: str, wh: tuple[int, int], model_wh: tuple[int, int]) -> _Fit:
    """Return how an option fits a picture without rounding it to whole pixels."""
    fit = _fits(mode, wh, model_wh)[0]
    x1, y1, x2, y2 = fit.box
    gx, gy = model_wh[0] / (x2 - x1), model_wh[1] / (y2 - y1)
    g = (gx, gy) if mode == "scaleFill" else (min(gx, gy),) * 2
    size = (round(g[0] * (x2 - x1) * _PARTS), round(g[1] * (y2 - y1) * _PARTS))
    left, top = ((model_wh[k] * _PARTS - size[k]) // 2 for k in (0, 1))
    return _Fit(fit.box, size, (left, top), _PARTS)
