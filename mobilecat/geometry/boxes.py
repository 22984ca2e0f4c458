"""Boxes and landmarks with their format and frame, conversions, clipping and overlap.

Arrays are (..., 4) or (..., 2), any number type; results are float64, so integers never truncate.
An empty list is no boxes. Conversions never sort corners: what is inverted stays inverted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, SizeLike, _floats, as_size
from mobilecat.geometry.frames import Frame

BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
BOX_FORMATS: tuple[BoxFormat, ...] = get_args(BoxFormat)


def _columns(boxes: npt.ArrayLike) -> tuple[F64, F64, F64, F64]:
    b = _floats(boxes, 4, "boxes")
    return b[..., 0], b[..., 1], b[..., 2], b[..., 3]


def xyxy_from_xywh(boxes_xywh: npt.ArrayLike) -> F64:
    """Return corners from a corner and a size."""
    x, y, w, h = _columns(boxes_xywh)
    return np.stack([x, y, x + w, y + h], axis=-1)


def xywh_from_xyxy(boxes_xyxy: npt.ArrayLike) -> F64:
    """Return a corner and a size from two corners."""
    x1, y1, x2, y2 = _columns(boxes_xyxy)
    return np.stack([x1, y1, x2 - x1, y2 - y1], axis=-1)


def xyxy_from_cxcywh(boxes_cxcywh: npt.ArrayLike) -> F64:
    """Return corners from a centre and a size."""
    cx, cy, w, h = _columns(boxes_cxcywh)
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=-1)


def cxcywh_from_xyxy(boxes_xyxy: npt.ArrayLike) -> F64:
    """Return a centre and a size from two corners."""
    x1, y1, x2, y2 = _columns(boxes_xyxy)
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=-1)


def xyxy_from_yxyx(boxes_yxyx: npt.ArrayLike) -> F64:
    """Return x-first corners from TensorFlow's [ymin, xmin, ymax, xmax]."""
    y1, x1, y2, x2 = _columns(boxes_yxyx)
    return np.stack([x1, y1, x2, y2], axis=-1)


def yxyx_from_xyxy(boxes_xyxy: npt.ArrayLike) -> F64:
    """Return TensorFlow's [ymin, xmin, ymax, xmax] from x-first corners."""
    return xyxy_from_yxyx(boxes_xyxy)


def _xyxy_copy(boxes_xyxy: npt.ArrayLike) -> F64:
    return _floats(boxes_xyxy, 4, "boxes")


_XYXY_FROM: dict[BoxFormat, Callable[[npt.ArrayLike], F64]] = {
    "xyxy": _xyxy_copy,
    "xywh": xyxy_from_xywh,
    "cxcywh": xyxy_from_cxcywh,
    "yxyx": xyxy_from_yxyx,
}
_FROM_XYXY: dict[BoxFormat, Callable[[npt.ArrayLike], F64]] = {
    "xyxy": _xyxy_copy,
    "xywh": xywh_from_xyxy,
    "cxcywh": cxcywh_from_xyxy,
    "yxyx": yxyx_from_xyxy,
}


def _known(fmt: str) -> BoxFormat:
    if fmt not in BOX_FORMATS:
        raise GeometryError(
            "Unknown box format", [Problem(f"{fmt!r}", fix=f"one of {', '.join(BOX_FORMATS)}")]
        )
    return fmt


def convert_boxes(boxes: npt.ArrayLike, dst: BoxFormat, src: BoxFormat) -> F64:
    """Return `boxes` in format `dst` from format `src`."""
    return _FROM_XYXY[_known(dst)](_XYXY_FROM[_known(src)](boxes))


def _sides(fmt: BoxFormat, wh: SizeLike) -> F64:
    w, h = as_size(wh)
    return np.array([h, w, h, w] if _known(fmt) == "yxyx" else [w, h, w, h], dtype=np.float64)


def norm_from_pixels(boxes: npt.ArrayLike, fmt: BoxFormat, wh: SizeLike) -> F64:
    """Return boxes divided by the picture's sides, in the same format."""
    out: F64 = _floats(boxes, 4, "boxes") / _sides(fmt, wh)
    return out


def pixels_from_norm(boxes: npt.ArrayLike, fmt: BoxFormat, wh: SizeLike) -> F64:
    """Return normalised boxes multiplied by the picture's sides, in the same format."""
    out: F64 = _floats(boxes, 4, "boxes") * _sides(fmt, wh)
    return out


def clip_xyxy(boxes_xyxy: npt.ArrayLike, wh: SizeLike) -> F64:
    """Return boxes cut at the picture's edges [0, w] × [0, h]; one outside keeps no area."""
    w, h = as_size(wh)
    b = _floats(boxes_xyxy, 4, "boxes")
    clipped: F64 = np.minimum(np.maximum(b, 0.0), np.array([w, h, w, h]))
    return clipped


def area_xyxy(boxes_xyxy: npt.ArrayLike) -> F64:
    """Return each box's area; 0 where the corners are inverted. Shapes: (..., 4) → (...)."""
    x1, y1, x2, y2 = _columns(boxes_xyxy)
    area: F64 = np.maximum(x2 - x1, 0.0) * np.maximum(y2 - y1, 0.0)
    return area


def iou(a_xyxy: npt.ArrayLike, b_xyxy: npt.ArrayLike) -> F64:
    """Return intersection over union of every pair; 0 where both are empty.

    Shapes: (N, 4), (M, 4) → (N, M).
    """
    a = _floats(a_xyxy, 4, "boxes")[:, None, :]
    b = _floats(b_xyxy, 4, "boxes")[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    sides = np.maximum(sides, 0.0)
    inter: F64 = sides[..., 0] * sides[..., 1]
    union = area_xyxy(a) + area_xyxy(b) - inter
    ratio: F64 = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return ratio


def _finite(values: F64, what: str) -> F64:
    if not np.isfinite(values).all():
        rows = sorted({int(i) for i in np.argwhere(~np.isfinite(values))[:, 0]})
        raise GeometryError(
            f"{what} must be finite numbers", [Problem(f"NaN or infinity in row {i}") for i in rows]
        )
    values.setflags(write=False)
    return values


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes (N, 4) that know their format and frame; checked at construction, read-only after."""

    values: F64
    format: BoxFormat
    frame: Frame

    def __post_init__(self) -> None:
        _known(self.format)
        values = _floats(self.values, 4, "boxes")
        if values.ndim != 2:
            raise GeometryError("Boxes must be (N, 4)", [Problem(f"got {values.shape}")])
        object.__setattr__(self, "values", _finite(values, "Boxes"))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def xyxy(self) -> F64:
        """The boxes as two corners, in the same frame."""
        return convert_boxes(self.values, "xyxy", self.format)

    def to(self, fmt: BoxFormat) -> Boxes:
        """Return the same boxes in another format."""
        return Boxes(convert_boxes(self.values, fmt, self.format), fmt, self.frame)

    def mapped(self, dst_from_here: Affine, frame: Frame) -> Boxes:
        """Return the boxes in `frame`, same format; corners come out sorted."""
        mapped = dst_from_here.boxes_xyxy(self.xyxy)
        return Boxes(convert_boxes(mapped, self.format, "xyxy"), self.format, frame)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Landmarks (N, K, 2), xy order, that know their frame; checked at construction."""

    values: F64
    frame: Frame

    def __post_init__(self) -> None:
        values = _floats(self.values, 2, "landmarks")
        if values.ndim != 3:
            raise GeometryError("Landmarks must be (N, K, 2)", [Problem(f"got {values.shape}")])
        object.__setattr__(self, "values", _finite(values, "Landmarks"))

    def __len__(self) -> int:
        return len(self.values)

    def mapped(self, dst_from_here: Affine, frame: Frame) -> Landmarks:
        """Return the landmarks in `frame`."""
        return Landmarks(dst_from_here.points(self.values), frame)


def boxes_around(landmarks_xy: npt.ArrayLike) -> F64:
    """Return the extent of each row's landmarks. Shapes: (..., K, 2), K ≥ 1 → (..., 4) xyxy."""
    points = _floats(landmarks_xy, 2, "landmarks")
    if points.ndim < 2 or points.shape[-2] == 0:
        raise GeometryError("No extent without a landmark", [Problem(f"got {points.shape}")])
    return np.concatenate([points.min(axis=-2), points.max(axis=-2)], axis=-1)
