"""Other systems' spaces, each as a map from normalised top-left (u, v)."""

from __future__ import annotations

from dataclasses import dataclass

from mobilecat.geometry.affine import Affine, Size, SizeLike, as_size


def norm_from_pixels_map(wh: SizeLike) -> Affine:
    """Return (u, v) = (x/W, y/H)."""
    w, h = as_size(wh)
    return Affine.scale_then_move(1 / w, 1 / h)


def pixels_from_points(content_scale: float) -> Affine:
    """UIKit: px = pt · contentScaleFactor."""
    return Affine.scale_then_move(content_scale, content_scale)


def core_graphics_from_uikit(height: float) -> Affine:
    """Core Graphics counts y from the lower edge of a context of this height; its own inverse."""
    return Affine.scale_then_move(1, -1, 0, height)


@dataclass(frozen=True)
class Extent:
    """A CIImage's extent: its origin is non-zero after a crop, and may be negative."""

    x: float
    y: float
    w: float
    h: float


def core_image_from_norm(extent: Extent) -> Affine:
    """CIImage: (E.minX + u·E.w, E.minY + (1−v)·E.h); lower-left origin."""
    size = Size(extent.w, extent.h)
    return Affine.scale_then_move(size.w, -size.h, extent.x, extent.y + size.h)


def spritekit_from_norm(node_wh: SizeLike, anchor: tuple[float, float] = (0.0, 0.0)) -> Affine:
    """SpriteKit: (sw·(u−ax), sh·((1−v)−ay)); anchor (0, 0) for a scene, (.5, .5) for a sprite."""
    w, h = as_size(node_wh)
    return Affine.scale_then_move(w, -h, -w * anchor[0], h * (1 - anchor[1]))


def metal_ndc_from_norm() -> Affine:
    """Metal's normalised device coordinates: (2u−1, 1−2v)."""
    return Affine.scale_then_move(2, -2, -1, 1)
