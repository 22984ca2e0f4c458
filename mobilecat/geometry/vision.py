"""Vision: its normalised lower-left space, region of interest, crop-and-scale, VN… utilities.

Source: developer.apple.com/documentation/vision (vnimagecropandscaleoption, regionOfInterest).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import (
    F64,
    Affine,
    GeometryError,
    Size,
    SizeLike,
    _floats,
    as_size,
)
from mobilecat.geometry.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from mobilecat.geometry.frames import Origin


def image_from_vision(image_wh: SizeLike) -> Affine:
    """Return the map from Vision's space (0–1, lower-left) to upright pixels (top-left)."""
    w, h = as_size(image_wh)
    return Affine.scale_then_move(w, -h, 0.0, h)


def vision_from_image(image_wh: SizeLike) -> Affine:
    """Return the map from upright pixels (top-left) to Vision's space (0–1, lower-left)."""
    w, h = as_size(image_wh)
    return Affine.scale_then_move(1 / w, -1 / h, 0.0, 1.0)


def flip_xywh_norm(boxes_xywh_norm: npt.ArrayLike) -> F64:
    """Return (x, 1−y−h, w, h): Vision ↔ normalised top-left; its own inverse."""
    b = _floats(boxes_xywh_norm, 4, "boxes")
    return np.stack([b[..., 0], 1.0 - b[..., 1] - b[..., 3], b[..., 2], b[..., 3]], axis=-1)


def image_rects_from_norm(
    rects_xywh_norm: npt.ArrayLike, image_wh: SizeLike, origin: Origin = "lower-left"
) -> F64:
    """NormalizedRect.toImageCoordinates(_:origin:) of iOS 18: flips only if asked for "top-left".

    Shapes: (..., 4) xywh → (..., 4) xywh. The default is the API's own, and a common surprise.
    """
    if origin not in get_args(Origin):
        raise GeometryError(
            "Unknown origin", [Problem(f"{origin!r}", fix=f"one of {', '.join(get_args(Origin))}")]
        )
    flipped = flip_xywh_norm(rects_xywh_norm) if origin == "top-left" else rects_xywh_norm
    return vn_image_rect_for_normalized_rect(flipped, image_wh)


@dataclass(frozen=True)
class Region:
    """A region of interest in Vision's space: x, y (its lower edge), w, h; all within 0–1."""

    x: float = 0.0
    y: float = 0.0
    w: float = 1.0
    h: float = 1.0

    def __post_init__(self) -> None:
        # 1e-9: 0.7 + 0.3 must not be refused for its last bit.
        inside = (
            all(math.isfinite(v) for v in (self.x, self.y, self.w, self.h))
            and min(self.x, self.y) >= 0
            and min(self.w, self.h) > 0
            and max(self.x + self.w, self.y + self.h) <= 1 + 1e-9
        )
        if not inside:
            raise GeometryError(
                "Vision refuses this region of interest",
                [Problem(f"{self} is not inside (0, 0, 1, 1)", fix="divide by the image's size")],
            )

    @property
    def full_from_region(self) -> Affine:
        """The map from the region's unit square to the whole image's; both lower-left."""
        return Affine.scale_then_move(self.w, self.h, self.x, self.y)

    def image_from_crop(self, image_wh: SizeLike) -> Affine:
        """Return the map from the region's own top-left pixels to the image's."""
        w, h = as_size(image_wh)
        return Affine.move(self.x * w, (1.0 - self.y - self.h) * h)

    def crop_size(self, image_wh: SizeLike) -> Size:
        """Return the region's size in pixels, fractions kept."""
        w, h = as_size(image_wh)
        return Size(self.w * w, self.h * h)


FULL_REGION = Region()


class CropAndScale(StrEnum):
    """VNImageCropAndScaleOption by its case name."""

    CENTER_CROP = "centerCrop"
    SCALE_FIT = "scaleFit"
    SCALE_FILL = "scaleFill"
    SCALE_FIT_ROTATE_90_CCW = "scaleFitRotate90CCW"
    SCALE_FILL_ROTATE_90_CCW = "scaleFillRotate90CCW"

    @property
    def raw(self) -> int:
        """VNImageCropAndScaleOption's raw value."""
        return _RAW[self]

    @property
    def turns(self) -> bool:
        """Whether the picture is turned a quarter counter-clockwise before scaling."""
        return self.raw >= 0x100


_RAW = {
    CropAndScale.CENTER_CROP: 0,
    CropAndScale.SCALE_FIT: 1,
    CropAndScale.SCALE_FILL: 2,
    CropAndScale.SCALE_FIT_ROTATE_90_CCW: 0x101,
    CropAndScale.SCALE_FILL_ROTATE_90_CCW: 0x102,
}
# ImageCropAndScaleAction, the Swift-only API of iOS 18
_ACTIONS = {
    "centerCrop": CropAndScale.CENTER_CROP,
    "scaleToFit": CropAndScale.SCALE_FIT,
    "scaleToFill": CropAndScale.SCALE_FILL,
    "scaleToFitPlus90CCWRotation": CropAndScale.SCALE_FIT_ROTATE_90_CCW,
    "scaleToFillPlus90CCWRotation": CropAndScale.SCALE_FILL_ROTATE_90_CCW,
}
# What an app gets that sets nothing: [general knowledge] for the first, documented for the second.
DEFAULT_CROP_AND_SCALE = {
    "VNCoreMLRequest": CropAndScale.CENTER_CROP,
    "CoreMLRequest": CropAndScale.SCALE_FILL,
}


def crop_and_scale(name: str | int) -> CropAndScale:
    """Return the option by either API's name or by raw value; GeometryError for an unknown one."""
    for option in CropAndScale:
        if name == option.value or (not isinstance(name, str) and name == option.raw):
            return option
    if isinstance(name, str) and name in _ACTIONS:
        return _ACTIONS[name]
    raise GeometryError(
        "Unknown crop-and-scale option",
        [Problem(f"{name!r}", fix=f"one of {', '.join(CropAndScale)}")],
    )


def model_from_crop(
    option: CropAndScale,
    crop_wh: SizeLike,
    model_wh: SizeLike,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> Affine:
    """Return the map from an upright picture (or region) to the model's input pixels."""
    size, (sw, sh) = as_size(crop_wh), as_size(model_wh)
    turn = Affine.identity()
    if option.turns:
        turn = Affine(0, 1, 0, -1, 0, size.w)  # (x, y) → (y, W − x)
        size = size.swapped
    gx, gy = sw / size.w, sh / size.h
    if option in (CropAndScale.SCALE_FILL, CropAndScale.SCALE_FILL_ROTATE_90_CCW):
        return Affine.scale_then_move(gx, gy) @ turn
    if option is CropAndScale.CENTER_CROP:
        g = max(gx, gy)
        return Affine.scale_then_move(g, g, (sw - g * size.w) / 2, (sh - g * size.h) / 2)
    g = min(gx, gy)
    share = 0.5 if assumptions.scale_fit_placement == "center" else 0.0
    return Affine.scale_then_move(g, g, (sw - g * size.w) * share, (sh - g * size.h) * share) @ turn


def model_from_image(
    option: CropAndScale,
    image_wh: SizeLike,
    model_wh: SizeLike,
    region: Region = FULL_REGION,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> Affine:
    """Return the map from the upright image to the model's input: region, then crop and scale.

    Units: upright pixels → model pixels, both top-left pixel edges.
    """
    model_from_region = model_from_crop(option, region.crop_size(image_wh), model_wh, assumptions)
    return model_from_region @ region.image_from_crop(image_wh).inverse()


def vn_image_point_for_normalized_point(point: npt.ArrayLike, image_wh: SizeLike) -> F64:
    """VNImagePointForNormalizedPoint: (x·W, y·H). It never flips y. Shapes: (..., 2)."""
    out: F64 = _floats(point, 2, "points") * np.array([*as_size(image_wh)])
    return out


def vn_normalized_point_for_image_point(point: npt.ArrayLike, image_wh: SizeLike) -> F64:
    """VNNormalizedPointForImagePoint: (x/W, y/H). It never flips y. Shapes: (..., 2)."""
    out: F64 = _floats(point, 2, "points") / np.array([*as_size(image_wh)])
    return out


def vn_image_rect_for_normalized_rect(rect_xywh: npt.ArrayLike, image_wh: SizeLike) -> F64:
    """VNImageRectForNormalizedRect: (x·W, y·H, w·W, h·H). It never flips y. Shapes: (..., 4)."""
    out: F64 = _floats(rect_xywh, 4, "boxes") * np.array([*as_size(image_wh)] * 2)
    return out


def vn_normalized_rect_for_image_rect(rect_xywh: npt.ArrayLike, image_wh: SizeLike) -> F64:
    """VNNormalizedRectForImageRect: the inverse. Shapes: (..., 4)."""
    out: F64 = _floats(rect_xywh, 4, "boxes") / np.array([*as_size(image_wh)] * 2)
    return out


def vn_image_point_for_face_landmark_point(
    landmark: npt.ArrayLike, face_xywh_norm: npt.ArrayLike, image_wh: SizeLike
) -> F64:
    """VNImagePointForFaceLandmarkPoint: landmarks are relative to the face box; no flip.

    Shapes: (..., 2), (4,) → (..., 2) pixels with lower-left origin.
    """
    face = _floats(face_xywh_norm, 4, "boxes")
    inside = face[:2] + face[2:] * _floats(landmark, 2, "landmarks")
    return vn_image_point_for_normalized_point(inside, image_wh)
