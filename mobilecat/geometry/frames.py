"""Which picture a coordinate belongs to, in which unit, and from which corner it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mobilecat.errors import Problem
from mobilecat.geometry.affine import Affine, GeometryError, Size

Unit = Literal["pixels", "points", "normalized"]
Origin = Literal["top-left", "lower-left"]


@dataclass(frozen=True)
class Frame:
    """A coordinate frame on one picture.

    picture: what is measured: "buffer" (as stored), "image" (upright), "model", "view", …
    size:    the whole picture, in pixels or points, even where coordinates are normalised.
    """

    picture: str
    size: Size
    unit: Unit = "pixels"
    origin: Origin = "top-left"

    @property
    def top_left_from_here(self) -> Affine:
        """The map from this frame to the same picture's pixels (or points) with top-left origin."""
        sx, sy = (self.size.w, self.size.h) if self.unit == "normalized" else (1.0, 1.0)
        if self.origin == "top-left":
            return Affine.scale_then_move(sx, sy)
        return Affine.scale_then_move(sx, -sy, 0.0, self.size.h)


def vision_frame(image_wh: Size, picture: str = "image") -> Frame:
    """Return Vision's frame on an upright image: normalised, origin lower-left."""
    return Frame(picture, image_wh, "normalized", "lower-left")


def frame_from_frame(dst: Frame, src: Frame) -> Affine:
    """Return dst_from_src between two frames of one picture; GeometryError if they are of two."""
    if (dst.picture, dst.size) != (src.picture, src.size):
        raise GeometryError(
            "These two frames are not of one picture",
            [
                Problem(
                    f"{src.picture} {src.size} and {dst.picture} {dst.size}",
                    fix="compose with the map between the two pictures",
                )
            ],
        )
    return dst.top_left_from_here.inverse() @ src.top_left_from_here
