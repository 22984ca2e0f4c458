"""Sizes and affine maps. A map is named destination first: `view_from_image @ image_from_model`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import MobileCatError, Problem

F64 = npt.NDArray[np.float64]


class GeometryError(MobileCatError):
    """A size, box, frame or map cannot be what it claims to be."""


@dataclass(frozen=True)
class Size:
    """Width and height, in that order: pixels or points, both finite and above zero."""

    w: float
    h: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(side) and side > 0 for side in (self.w, self.h)):
            raise GeometryError(
                "A size cannot be used",
                [Problem(f"{self.w} × {self.h} is not a width and a height above zero")],
            )

    def __iter__(self) -> Iterator[float]:
        return iter((self.w, self.h))

    @property
    def swapped(self) -> Size:
        """Height × width: what a quarter turn makes of it."""
        return Size(self.h, self.w)


SizeLike = Size | tuple[float, float]


def as_size(wh: SizeLike) -> Size:
    """Return `wh` as a Size; GeometryError if it is not two numbers above zero."""
    return wh if isinstance(wh, Size) else Size(*wh)


def whole_size(wh: SizeLike) -> tuple[int, int]:
    """Return `wh` as whole pixels; GeometryError where a side is a fraction."""
    size = as_size(wh)
    if size.w != int(size.w) or size.h != int(size.h):
        raise GeometryError(
            "A picture's size must be whole pixels", [Problem(f"{size.w} × {size.h} is not")]
        )
    return int(size.w), int(size.h)


@dataclass(frozen=True)
class Affine:
    """x' = a·x + b·y + tx, y' = c·x + d·y + ty, on pixel-edge coordinates."""

    a: float
    b: float
    tx: float
    c: float
    d: float
    ty: float

    @classmethod
    def identity(cls) -> Affine:
        """Return the map that leaves every point where it is."""
        return cls(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @classmethod
    def scale_then_move(cls, sx: float, sy: float, tx: float = 0.0, ty: float = 0.0) -> Affine:
        """Return x' = sx·x + tx, y' = sy·y + ty."""
        return cls(float(sx), 0.0, float(tx), 0.0, float(sy), float(ty))

    @classmethod
    def move(cls, tx: float, ty: float) -> Affine:
        """Return x' = x + tx, y' = y + ty."""
        return cls.scale_then_move(1.0, 1.0, tx, ty)

    @classmethod
    def turn(cls, radians: float) -> Affine:
        """Return the turn about the origin; a positive angle is clockwise as seen: y points down.

        (1, 0) goes to (cos, sin), (0, 1) to (−sin, cos).
        """
        cos, sin = math.cos(radians), math.sin(radians)
        return cls(cos, -sin, 0.0, sin, cos, 0.0)

    @property
    def matrix(self) -> F64:
        """The 2×3 matrix [[a, b, tx], [c, d, ty]]."""
        return np.array([[self.a, self.b, self.tx], [self.c, self.d, self.ty]])

    @property
    def determinant(self) -> float:
        """Signed area scale: negative where the map mirrors."""
        return self.a * self.d - self.b * self.c

    def __matmul__(self, first: Affine) -> Affine:
        """Return the map that applies `first`, then self: c_from_a = c_from_b @ b_from_a."""
        return Affine(
            self.a * first.a + self.b * first.c,
            self.a * first.b + self.b * first.d,
            self.a * first.tx + self.b * first.ty + self.tx,
            self.c * first.a + self.d * first.c,
            self.c * first.b + self.d * first.d,
            self.c * first.tx + self.d * first.ty + self.ty,
        )

    def inverse(self) -> Affine:
        """Return the map back; GeometryError where a side was scaled to nothing."""
        det = self.determinant
        if det == 0.0 or not math.isfinite(det):
            raise GeometryError("A map has no inverse", [Problem(f"{self} collapses the plane")])
        a, b, c, d = self.d / det, -self.b / det, -self.c / det, self.a / det
        return Affine(a, b, -(a * self.tx + b * self.ty), c, d, -(c * self.tx + d * self.ty))

    def points(self, points_xy: npt.ArrayLike) -> F64:
        """Return the mapped points. Shapes: (..., 2) → (..., 2) float64, xy order."""
        p = _floats(points_xy, 2, "points")
        x, y = p[..., 0], p[..., 1]
        return np.stack(
            [self.a * x + self.b * y + self.tx, self.c * x + self.d * y + self.ty], axis=-1
        )

    def boxes_xyxy(self, boxes_xyxy: npt.ArrayLike) -> F64:
        """Return the upright boxes around the mapped corners: x1 ≤ x2 and y1 ≤ y2 always.

        Shapes: (..., 4) → (..., 4) float64.
        """
        corners = self.points(_floats(boxes_xyxy, 4, "boxes")[..., _CORNERS])
        return np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1)

    def isclose(self, other: Affine, atol: float = 1e-9) -> bool:
        """Return whether all six coefficients differ by at most `atol`."""
        return bool(np.all(np.abs(self.matrix - other.matrix) <= atol))


_CORNERS = np.array([[0, 1], [2, 1], [2, 3], [0, 3]])  # columns of xyxy that make each corner


def _floats(values: npt.ArrayLike, last: int, what: str) -> F64:
    """Return float64 of shape (..., last); an empty list counts as no rows."""
    try:
        array: npt.NDArray[Any] = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise GeometryError(
            f"These are not {what}", [Problem(f"rows differ in length; {what} are (..., {last})")]
        ) from None
    if array.shape == (0,):
        array = array.reshape(0, last)
    if array.ndim == 0 or array.shape[-1] != last or array.dtype.kind not in "fiu":
        raise GeometryError(
            f"These are not {what}",
            [
                Problem(
                    f"got shape {array.shape} of {array.dtype}; {what} are (..., {last}) numbers"
                )
            ],
        )
    return array.astype(np.float64)
