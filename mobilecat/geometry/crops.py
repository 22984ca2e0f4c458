"""Two-stage models: a detector's box becomes a crop, and the second model's landmarks come back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, SizeLike, _floats, as_size
from mobilecat.geometry.resize import ResizeMode, Rounding, plan_resize

CropEdge = Literal["clip", "pad", "shift"]
CropRounding = Literal["none", "truncate", "outward"]
CropAbout = Literal["box", "points"]
GrowBy = Literal["longer-side", "own-side"]
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class CropRotation:
    """How two landmarks of the first model turn a crop, in MediaPipe's terms.

    start, end:     indices of the landmarks; the line from start to end is what is turned.
    target_degrees: where that line points in the crop, counted anticlockwise from its right:
                    90 is up (palm, pose), 0 is to the right (the eyes of a face).
    about:          the crop is made of the detected box, or of the points: the square about start
                    whose half side is the distance to end (MediaPipe's pose).

    Source: MediaPipe's detections_to_rects_calculator and alignment_points_to_rects_calculator
    (github.com/google-ai-edge/mediapipe, mediapipe/calculators/util).
    """

    start: int
    end: int
    target_degrees: float = 90.0
    about: CropAbout = "box"

    def __post_init__(self) -> None:
        problems = []
        if self.start < 0 or self.end < 0:
            problems.append(Problem(f"landmarks {self.start} and {self.end}", fix="count from 0"))
        if self.start == self.end:
            what = f"the line from landmark {self.start} to itself points nowhere"
            problems.append(Problem(what, fix="name two landmarks"))
        if not math.isfinite(self.target_degrees):
            problems.append(Problem(f"target_degrees = {self.target_degrees}", fix="an angle"))
        if self.about not in get_args(CropAbout):
            fix = f"one of {', '.join(get_args(CropAbout))}"
            problems.append(Problem(f"about = {self.about!r}", fix=fix))
        if problems:
            raise GeometryError("A crop cannot be turned", problems)


@dataclass(frozen=True)
class CropRule:
    """How a box becomes a crop: grow, square, scale, shift, turn, round, settle at the edges.

    grow:     added on each of the four sides, as a share of the box.
    grow_by:  the share is of the longer side for all four, or of each axis' own side.
    square:   widen the shorter side to the longer, about the centre.
    scale:    what both sides are then multiplied by, about the centre.
    shift:    x, y that the centre moves by, as shares of the box's own width and height, along the
              crop's own axes: (0, −½) of a turned crop is half a box towards the crop's top.
    rotation: the two landmarks that turn it; None leaves it upright.
    rounding: none; truncate, as int() does; outward, so that nothing of the box is lost.
    edge:     clip at the image; pad, keeping what lies outside; shift inside, then clip.

    A turned crop has no sides along the image's: its rounding is none, its edge pad.
    """

    grow: float = 0.0
    grow_by: GrowBy = "longer-side"
    square: bool = False
    rounding: CropRounding = "none"
    edge: CropEdge = "clip"
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    rotation: CropRotation | None = None

    def __post_init__(self) -> None:
        asked = {
            "grow_by": (self.grow_by, get_args(GrowBy)),
            "rounding": (self.rounding, get_args(CropRounding)),
            "edge": (self.edge, get_args(CropEdge)),
        }
        problems = [
            Problem(f"{key} = {value!r}", fix=f"one of {', '.join(known)}")
            for key, (value, known) in asked.items()
            if value not in known
        ]
        if not (math.isfinite(self.scale) and self.scale > 0):
            problems.append(Problem(f"scale = {self.scale}", fix="a number above zero"))
        if not all(math.isfinite(v) for v in self.shift):
            problems.append(Problem(f"shift = {self.shift}", fix="shares of width and height"))
        problems += turned_problems(self.rotation is not None, self.rounding, self.edge)
        if problems:
            raise GeometryError("A crop rule cannot be followed", problems)


def turned_problems(turned: bool, rounding: CropRounding, edge: CropEdge) -> list[Problem]:
    """Return what a turned crop cannot do: its sides do not lie along the image's."""
    if not turned:
        return []
    found = []
    if rounding != "none":
        found.append(Problem(f"rounding = {rounding!r} of a crop that is turned", fix='"none"'))
    if edge != "pad":
        found.append(Problem(f"edge = {edge!r} of a crop that is turned", fix='set edge = "pad"'))
    return found


def crop_angle(points_xy: npt.ArrayLike, rotation: CropRotation) -> float:
    """Return by how much the crop is turned: radians in [−π, π), clockwise as seen.

    points_xy: (L, 2), the first model's landmarks in image pixels. Where the two coincide their
    line counts as pointing right, as atan2(0, 0) has it.
    Errors: GeometryError where a landmark is not there, or no number.
    """
    start, end = _two(points_xy, rotation)
    up = math.atan2(-(end[1] - start[1]), end[0] - start[0])  # y points down
    angle = math.radians(rotation.target_degrees) - up
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def _two(points_xy: npt.ArrayLike, rotation: CropRotation) -> F64:
    points = _floats(points_xy, 2, "points").reshape(-1, 2)
    last = max(rotation.start, rotation.end)
    if last >= len(points):
        what = f"the crop turns by landmark {last}, and there are {len(points)}"
        raise GeometryError("A crop cannot be turned", [Problem(what)])
    two = points[[rotation.start, rotation.end]]
    if not np.isfinite(two).all():
        what = f"landmarks {rotation.start} and {rotation.end} are {two.tolist()}"
        raise GeometryError("A crop cannot be turned", [Problem(what)])
    return two


def crop_rect(box_xyxy: npt.ArrayLike, image_wh: SizeLike, rule: CropRule) -> Rect:
    """Return the crop (x1, y1, x2, y2) in image pixels, for a rule without rotation.

    Errors: GeometryError for an inverted box or NaN, and where nothing is left of it.
    """
    if rule.rotation is not None:
        what = "the rule has a rotation: a rectangle of the image cannot say it"
        raise GeometryError("A turned crop is a plan", [Problem(what, fix="plan_crop")])
    rect = _rounded(_placed(box_xyxy, rule, 0.0), rule.rounding)
    return _require_something(_settled(rect, image_wh, rule.edge), box_xyxy, image_wh)


def _placed(box_xyxy: npt.ArrayLike, rule: CropRule, angle: float) -> Rect:
    """Return the crop before it is turned by `angle` about its own centre."""
    x1, y1, x2, y2 = (float(v) for v in _floats(box_xyxy, 4, "boxes").reshape(4))
    if not (math.isfinite(x1 + y1 + x2 + y2) and x1 <= x2 and y1 <= y2):
        raise GeometryError(
            "A crop needs a box", [Problem(f"({x1:g}, {y1:g}, {x2:g}, {y2:g}) is inverted or NaN")]
        )
    w, h = x2 - x1, y2 - y1
    by_own = rule.grow_by == "own-side"
    half_w = w / 2 + rule.grow * (w if by_own else max(w, h))
    half_h = h / 2 + rule.grow * (h if by_own else max(w, h))
    if rule.square:
        half_w = half_h = max(half_w, half_h)
    half_w, half_h = half_w * rule.scale, half_h * rule.scale
    along = Affine.turn(angle).points((w * rule.shift[0], h * rule.shift[1]))
    cx, cy = (x1 + x2) / 2 + float(along[0]), (y1 + y2) / 2 + float(along[1])
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h


def _require_something(rect: Rect, box_xyxy: npt.ArrayLike, image_wh: SizeLike) -> Rect:
    if not (rect[0] < rect[2] and rect[1] < rect[3]):
        x1, y1, x2, y2 = (float(v) for v in np.asarray(box_xyxy).reshape(4))
        raise GeometryError(
            "Nothing is left of a crop",
            [Problem(f"box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) in {as_size(image_wh)}")],
        )
    return rect


def _rounded(rect: Rect, rounding: CropRounding) -> Rect:
    x1, y1, x2, y2 = rect
    if rounding == "truncate":
        return math.trunc(x1), math.trunc(y1), math.trunc(x2), math.trunc(y2)
    if rounding == "outward":
        return math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
    return rect


def _settled(rect: Rect, image_wh: SizeLike, edge: CropEdge) -> Rect:
    w, h = as_size(image_wh)
    x1, y1, x2, y2 = rect
    if edge == "pad":
        return rect
    if edge == "shift":
        dx = max(0.0, -x1) or min(0.0, w - x2)
        dy = max(0.0, -y1) or min(0.0, h - y2)
        x1, y1, x2, y2 = x1 + dx, y1 + dy, x2 + dx, y2 + dy
    return max(0.0, x1), max(0.0, y1), min(w, x2), min(h, y2)


@dataclass(frozen=True)
class CropPlan:
    """A crop and the map into the second model.

    rect:  in image pixels, as it lies before it is turned; it may reach outside.
    angle: what it is turned by about its own centre: radians, clockwise as seen.

    The crop's own frame counts from its top-left corner along its own sides, in image pixels.
    """

    rect: Rect
    model_from_crop: Affine
    angle: float = 0.0

    @property
    def crop_from_image(self) -> Affine:
        """Image pixels → the crop's own."""
        x1, y1, x2, y2 = self.rect
        if self.angle == 0.0:
            return Affine.move(-x1, -y1)
        to_centre = Affine.move(-(x1 + x2) / 2, -(y1 + y2) / 2)
        return Affine.move((x2 - x1) / 2, (y2 - y1) / 2) @ Affine.turn(-self.angle) @ to_centre

    @property
    def model_from_image(self) -> Affine:
        """Image pixels → second model's pixels."""
        return self.model_from_crop @ self.crop_from_image

    @property
    def image_from_model(self) -> Affine:
        """Second model's pixels → image pixels: where its landmarks belong."""
        return self.model_from_image.inverse()

    @property
    def corners_xy(self) -> F64:
        """The crop's top left, top right, bottom right, bottom left in image pixels: (4, 2)."""
        w, h = self.rect[2] - self.rect[0], self.rect[3] - self.rect[1]
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]])
        return self.crop_from_image.inverse().points(corners)


def plan_crop(
    box_xyxy: npt.ArrayLike,
    image_wh: SizeLike,
    model_wh: SizeLike,
    rule: CropRule,
    mode: ResizeMode = "stretch",
    rounding: Rounding | None = None,
    points_xy: npt.ArrayLike | None = None,
) -> CropPlan:
    """Return crop and map for one box.

    points_xy: (L, 2), the first model's landmarks in image pixels, where the rule has a rotation.
    Errors: GeometryError as `crop_rect` and `crop_angle`, for a letterbox of a crop with fractional
    sides, and for a turned crop that is anything but stretched.
    """
    if rule.rotation is not None:
        return _turned(box_xyxy, image_wh, model_wh, rule, rule.rotation, mode, points_xy)
    rect = crop_rect(box_xyxy, image_wh, rule)
    side = (rect[2] - rect[0], rect[3] - rect[1])
    if mode == "stretch":
        return CropPlan(rect, _stretched(rect, model_wh))
    return CropPlan(rect, plan_resize(side, model_wh, mode, rounding).model_from_image)


def _stretched(rect: Rect, model_wh: SizeLike) -> Affine:
    w, h = as_size(model_wh)
    return Affine.scale_then_move(w / (rect[2] - rect[0]), h / (rect[3] - rect[1]))


def _turned(
    box_xyxy: npt.ArrayLike,
    image_wh: SizeLike,
    model_wh: SizeLike,
    rule: CropRule,
    rotation: CropRotation,
    mode: ResizeMode,
    points_xy: npt.ArrayLike | None,
) -> CropPlan:
    if points_xy is None or mode != "stretch":
        what = "no landmarks are given" if points_xy is None else f'mode = "{mode}"'
        fix = "give the first model's points" if points_xy is None else '"stretch"'
        raise GeometryError("A crop cannot be turned", [Problem(what, fix=fix)])
    angle = crop_angle(points_xy, rotation)
    if rotation.about == "points":
        (x, y), end = _two(points_xy, rotation)
        reach = math.hypot(end[0] - x, end[1] - y)
        box_xyxy = (x - reach, y - reach, x + reach, y + reach)
    rect = _require_something(_placed(box_xyxy, rule, angle), box_xyxy, image_wh)
    return CropPlan(rect, _stretched(rect, model_wh), angle)


def image_from_box(box_xyxy: npt.ArrayLike) -> Affine:
    """Return the map from a box's unit square (top-left) to the image, for box-relative landmarks.

    Errors: GeometryError for a box without area when the map is inverted, not here.
    """
    x1, y1, x2, y2 = (float(v) for v in _floats(box_xyxy, 4, "boxes").reshape(4))
    return Affine.scale_then_move(x2 - x1, y2 - y1, x1, y1)
