"""Two-stage models: a detector's box becomes a crop, and the second model's landmarks come back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import Affine, GeometryError, SizeLike, _floats, as_size
from mobilecat.geometry.resize import ResizeMode, Rounding, plan_resize

CropEdge = Literal["clip", "pad", "shift"]
CropRounding = Literal["none", "truncate", "outward"]
GrowBy = Literal["longer-side", "own-side"]
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class CropRule:
    """How a box becomes a crop: grow, then square, then round, then settle the image's edges.

    grow:     added on each of the four sides, as a share of the box.
    grow_by:  the share is of the longer side for all four, or of each axis' own side.
    square:   widen the shorter side to the longer, about the centre.
    rounding: none; truncate, as int() does; outward, so that nothing of the box is lost.
    edge:     clip at the image; pad, keeping what lies outside; shift inside, then clip.
    """

    grow: float = 0.0
    grow_by: GrowBy = "longer-side"
    square: bool = False
    rounding: CropRounding = "none"
    edge: CropEdge = "clip"

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
        if problems:
            raise GeometryError("A crop rule cannot be followed", problems)


def crop_rect(box_xyxy: npt.ArrayLike, image_wh: SizeLike, rule: CropRule) -> Rect:
    """Return the crop (x1, y1, x2, y2) in image pixels.

    Errors: GeometryError for an inverted box or NaN, and where nothing is left of it.
    """
    x1, y1, x2, y2 = (float(v) for v in _floats(box_xyxy, 4, "boxes").reshape(4))
    if not (math.isfinite(x1 + y1 + x2 + y2) and x1 <= x2 and y1 <= y2):
        raise GeometryError(
            "A crop needs a box", [Problem(f"({x1:g}, {y1:g}, {x2:g}, {y2:g}) is inverted or NaN")]
        )
    longer = max(x2 - x1, y2 - y1)
    by_own = rule.grow_by == "own-side"
    half_w = (x2 - x1) / 2 + rule.grow * (x2 - x1 if by_own else longer)
    half_h = (y2 - y1) / 2 + rule.grow * (y2 - y1 if by_own else longer)
    if rule.square:
        half_w = half_h = max(half_w, half_h)
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    rect = _rounded((cx - half_w, cy - half_h, cx + half_w, cy + half_h), rule.rounding)
    rect = _settled(rect, image_wh, rule.edge)
    if not (rect[0] < rect[2] and rect[1] < rect[3]):
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
    """A crop and the map into the second model. `rect` is in image pixels and may reach outside."""

    rect: Rect
    model_from_crop: Affine

    @property
    def model_from_image(self) -> Affine:
        """Image pixels → second model's pixels."""
        return self.model_from_crop @ Affine.move(-self.rect[0], -self.rect[1])

    @property
    def image_from_model(self) -> Affine:
        """Second model's pixels → image pixels: where its landmarks belong."""
        return self.model_from_image.inverse()


def plan_crop(
    box_xyxy: npt.ArrayLike,
    image_wh: SizeLike,
    model_wh: SizeLike,
    rule: CropRule,
    mode: ResizeMode = "stretch",
    rounding: Rounding | None = None,
) -> CropPlan:
    """Return crop and map for one box.

    Errors: GeometryError as `crop_rect`, and for a letterbox of a crop with fractional sides.
    """
    rect = crop_rect(box_xyxy, image_wh, rule)
    side = (rect[2] - rect[0], rect[3] - rect[1])
    if mode == "stretch":
        w, h = as_size(model_wh)
        return CropPlan(rect, Affine.scale_then_move(w / side[0], h / side[1]))
    return CropPlan(rect, plan_resize(side, model_wh, mode, rounding).model_from_image)


def image_from_box(box_xyxy: npt.ArrayLike) -> Affine:
    """Return the map from a box's unit square (top-left) to the image, for box-relative landmarks.

    Errors: GeometryError for a box without area when the map is inverted, not here.
    """
    x1, y1, x2, y2 = (float(v) for v in _floats(box_xyxy, 4, "boxes").reshape(4))
    return Affine.scale_then_move(x2 - x1, y2 - y1, x1, y1)
