"""Boxes turned about their centres: corners, frames, and how much two of them overlap.

A turned box is a box, x1, y1, x2, y2, and an angle: the box is turned about its own centre by the
angle, in radians, clockwise as the picture is seen (y points down). Turned by π it is the same; so
it is turned by π/2 with its sides exchanged. All functions take float64 or what becomes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, _floats

Corners = Sequence[tuple[float, float]]
_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
"""Of half the sides: top-left, top-right, bottom-right, bottom-left before it is turned."""


def _turned(boxes_xyxy: npt.ArrayLike, angles: npt.ArrayLike) -> tuple[F64, F64]:
    boxes = _floats(boxes_xyxy, 4, "boxes")
    turns = np.asarray(angles, np.float64)
    if turns.size == boxes.size == 0:
        turns = turns.reshape(boxes.shape[:-1])
    if turns.shape != boxes.shape[:-1]:
        said = f"{boxes.shape} boxes, {turns.shape} angles"
        raise GeometryError("There is not one angle a box", [Problem(said)])
    return boxes, turns


def turned_corners(boxes_xyxy: npt.ArrayLike, angles: npt.ArrayLike) -> F64:
    """Return the corners of turned boxes, in the order top-left, top-right, bottom-right,
    bottom-left as they were before turning. Shapes: (…, 4), (…) → (…, 4, 2) xy."""
    boxes, turns = _turned(boxes_xyxy, angles)
    centre = (boxes[..., None, :2] + boxes[..., None, 2:]) / 2
    x, y = np.moveaxis((boxes[..., None, 2:] - boxes[..., None, :2]) / 2 * _SIGNS, -1, 0)
    cos, sin = np.cos(turns)[..., None], np.sin(turns)[..., None]
    corners: F64 = centre + np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1)
    return corners


def turned_from_corners(corners: npt.ArrayLike) -> tuple[F64, F64]:
    """Return (boxes xyxy, angles) of rectangles given by four corners, in order, either way round.

    The first side becomes the width. Labels drawn by hand are rectangles only nearly: the width is
    the mean of both such sides, and the angle that of their mean direction.
    Shapes: (…, 4, 2) → (…, 4), (…).
    """
    given = _floats(corners, 2, "corners")
    if given.ndim < 2 or given.shape[-2] != 4:
        raise GeometryError("A turned box has four corners", [Problem(f"got {given.shape}")])
    a, b, c, d = np.moveaxis(given, -2, 0)
    centre, along, across = given.mean(axis=-2), (b - a + c - d) / 2, (d - a + c - b) / 2
    half = np.stack([np.hypot(*np.moveaxis(v, -1, 0)) for v in (along, across)], axis=-1) / 2
    angles: F64 = np.arctan2(along[..., 1], along[..., 0])
    return np.concatenate([centre - half, centre + half], axis=-1), angles


def turned_in_frame(
    dst_from_here: Affine, boxes_xyxy: npt.ArrayLike, angles: npt.ArrayLike
) -> tuple[F64, F64]:
    """Return (boxes, angles) in the frame that the map leads to.

    Exact for what frames of pictures are: quarter turns, mirroring and one scale. A quarter turn
    leaves the angle, since the box is turned with its sides; mirroring turns it round. Where the
    axes scale a little differently, as in a letterbox of whole pixels, a turned box is no rectangle
    any more: the nearest keeps the angle.
    """
    boxes, turns = _turned(boxes_xyxy, angles)
    return dst_from_here.boxes_xyxy(boxes), angles_in_frame(dst_from_here, turns)


def angles_in_frame(dst_from_here: Affine, angles: npt.ArrayLike) -> F64:
    """Return the angles of boxes that the map takes along; see `turned_in_frame`."""
    m = dst_from_here
    turns: F64 = np.asarray(angles, np.float64) * (-1.0 if m.a * m.d - m.b * m.c < 0 else 1.0)
    return turns


def corners_apart(a_corners: npt.ArrayLike, b_corners: npt.ArrayLike) -> F64:
    """Return how far the corner that moved most has moved, whichever corner is called the first.

    A box turned by π, or by π/2 with its sides exchanged, has not moved. Shapes: (…, 4, 2) twice,
    broadcast → (…).
    """
    a, b = _floats(a_corners, 2, "corners"), _floats(b_corners, 2, "corners")
    turns = [np.linalg.norm(a - np.roll(b, k, axis=-2), axis=-1).max(axis=-1) for k in range(4)]
    apart: F64 = np.min(turns, axis=0)
    return apart


def turned_iou(a_corners: npt.ArrayLike, b_corners: npt.ArrayLike) -> F64:
    """Return intersection over union of every pair, exact, as polygons; 0 where both are empty.

    Source: Sutherland and Hodgman, Reentrant polygon clipping, CACM 17 (1974).
    Shapes: (N, 4, 2), (M, 4, 2), convex → (N, M).
    """
    a, b = _floats(a_corners, 2, "corners"), _floats(b_corners, 2, "corners")
    out = np.zeros((len(a), len(b)))
    if not out.size:
        return out
    low = np.maximum(a.min(axis=1)[:, None], b.min(axis=1)[None])
    high = np.minimum(a.max(axis=1)[:, None], b.max(axis=1)[None])
    areas = [np.array([_area(p.tolist()) for p in polygons]) for polygons in (a, b)]
    for i, j in np.argwhere((low < high).all(axis=-1)):
        shared = _area(_clipped(a[i].tolist(), b[j].tolist()))
        union = areas[0][i] + areas[1][j] - shared
        out[i, j] = shared / union if union > 0 else 0.0
    return out


def _area(corners: Corners) -> float:
    # About a corner of its own: far from the origin the products would cancel.
    if len(corners) < 3:
        return 0.0
    x0, y0 = corners[0]
    at = [(x - x0, y - y0) for x, y in corners]
    return abs(sum(x * v - u * y for (x, y), (u, v) in pairwise(at))) / 2


def _clipped(subject: Corners, clip: Corners) -> Corners:
    """Return the part of `subject` inside of `clip`, both convex, either way round."""
    inside = subject
    sign = math.copysign(1.0, _winding(clip))
    for (x1, y1), (x2, y2) in zip(clip, [*clip[1:], clip[0]], strict=True):
        deep = [sign * ((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)) for x, y in inside]
        cut: list[tuple[float, float]] = []
        for k, (px, py) in enumerate(inside):
            qx, qy = inside[k - 1]
            p, q = deep[k], deep[k - 1]
            if (p < 0) != (q < 0):
                t = q / (q - p)
                cut.append((qx + t * (px - qx), qy + t * (py - qy)))
            if p >= 0:
                cut.append((px, py))
        inside = cut
        if not inside:
            break
    return inside


def _winding(corners: Corners) -> float:
    (x0, y0), (x1, y1), (x2, y2) = corners[:3]
    return (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)


def probiou(
    a_xyxy: npt.ArrayLike, a_angles: npt.ArrayLike, b_xyxy: npt.ArrayLike, b_angles: npt.ArrayLike
) -> F64:
    """Return the probabilistic IoU of every pair of turned boxes, 0 where one has no area.

    Each box is the Gaussian of a uniform rectangle: variances w²/12 and h²/12 along its axes. Of
    two, with Δ between their centres and S = Σ₁ + Σ₂, Bhattacharyya's distance is
    B = ¼ Δᵀ S⁻¹ Δ + ½ ln(|S| / (4 √(|Σ₁| |Σ₂|))), and ProbIoU = 1 − √(1 − e^−B). Nothing is added
    against division by 0.
    Source: Llerena et al., Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for
    Object Detection, arXiv 2106.06072, 2021. Shapes: (N, 4), (N), (M, 4), (M) → (N, M).
    """
    a, b = _gaussians(a_xyxy, a_angles), _gaussians(b_xyxy, b_angles)
    dx, dy = (a[k][:, None] - b[k][None] for k in (0, 1))
    xx, yy, xy = (a[k][:, None] + b[k][None] for k in (2, 3, 4))
    own = a[5][:, None] * b[5][None]  # √(|Σ₁| |Σ₂|)
    det = xx * yy - xy * xy
    sound = (own > 0) & (det > 0)
    safe, roots = np.where(sound, det, 1.0), np.where(sound, own, 1.0)
    near = (yy * dx * dx + xx * dy * dy - 2 * xy * dx * dy) / (4 * safe)
    distance = np.maximum(near + 0.5 * np.log(safe / (4 * roots)), 0.0)
    overlap: F64 = np.where(sound, 1 - np.sqrt(-np.expm1(-distance)), 0.0)
    return overlap


def _gaussians(boxes_xyxy: npt.ArrayLike, angles: npt.ArrayLike) -> tuple[F64, ...]:
    """Return centre x, y, covariances xx, yy, xy, and √ of their determinant."""
    boxes, turns = _turned(boxes_xyxy, angles)
    x1, y1, x2, y2 = np.moveaxis(boxes, -1, 0)
    w, h = np.maximum(x2 - x1, 0), np.maximum(y2 - y1, 0)
    along, across = w * w / 12, h * h / 12
    cos, sin = np.cos(turns), np.sin(turns)
    xx, yy = along * cos**2 + across * sin**2, along * sin**2 + across * cos**2
    return (x1 + x2) / 2, (y1 + y2) / 2, xx, yy, (along - across) * cos * sin, w * h / 12
