"""How a picture is fitted into a model's input: scale, whole-pixel size, padding, exact inverse.

| mode              | size                 | picture sits | default rounding |
|-------------------|----------------------|--------------|------------------|
| stretch           | fills the input      |              | none             |
| letterbox         | keeps the aspect     | centred      | half-even (YOLO) |
| letterbox-topleft | keeps the aspect     | top left     | truncate (YOLOX) |
| fit-pad           | keeps the aspect     | centred      | truncate (`int(side * r)`, `//2`) |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from mobilecat.errors import Problem
from mobilecat.geometry.affine import Affine, GeometryError, SizeLike, whole_size

ResizeMode = Literal["stretch", "letterbox", "letterbox-topleft", "fit-pad"]
Rounding = Literal["half-even", "half-away", "truncate"]
RESIZE_MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)

_DEFAULT_ROUNDING: dict[ResizeMode, Rounding] = {
    "stretch": "half-even",
    "letterbox": "half-even",
    "letterbox-topleft": "truncate",
    "fit-pad": "truncate",
}


def round_side(value: float, rounding: Rounding) -> int:
    """Return a side in whole pixels, at least 1.

    half-even is Python's round(), half-away Swift's .rounded(), truncate int(): 1280×721 into 640
    gives a height of 360, 361 and 360.
    """
    if rounding == "half-even":
        return max(1, round(value))
    if rounding == "half-away":
        return max(1, math.floor(value + 0.5))
    if rounding == "truncate":
        return max(1, math.floor(value))
    raise GeometryError(
        "Unknown rounding", [Problem(f"{rounding!r}", fix=f"one of {', '.join(ROUNDINGS)}")]
    )


@dataclass(frozen=True)
class ResizePlan:
    """What to render, and the map that is exact for it.

    The picture is resized to `resized_wh` and put at (left, top) of an input of `dst_wh`. Rounding
    makes the two axes' scales differ: the map uses resized/source for each, never one common ratio.
    """

    src_wh: tuple[int, int]
    dst_wh: tuple[int, int]
    resized_wh: tuple[int, int]
    left: int
    top: int

    @property
    def right(self) -> int:
        """Padding columns to the right of the picture."""
        return self.dst_wh[0] - self.left - self.resized_wh[0]

    @property
    def bottom(self) -> int:
        """Padding rows below the picture."""
        return self.dst_wh[1] - self.top - self.resized_wh[1]

    @property
    def model_from_image(self) -> Affine:
        """Source pixels → model pixels, both pixel edges with top-left origin."""
        sx = self.resized_wh[0] / self.src_wh[0]
        sy = self.resized_wh[1] / self.src_wh[1]
        return Affine.scale_then_move(sx, sy, self.left, self.top)

    @property
    def image_from_model(self) -> Affine:
        """Model pixels → source pixels."""
        return self.model_from_image.inverse()


def plan_resize(
    src_wh: SizeLike, dst_wh: SizeLike, mode: ResizeMode, rounding: Rounding | None = None
) -> ResizePlan:
    """Return how a picture of `src_wh` goes into a model input of `dst_wh`.

    Units: whole pixels. `rounding` None takes the mode's own (see the module).
    Errors: GeometryError on a side below 1 or fractional, an unknown mode or rounding.
    """
    src, dst = whole_size(src_wh), whole_size(dst_wh)
    if mode not in RESIZE_MODES:
        raise GeometryError(
            "Unknown resize mode", [Problem(f"{mode!r}", fix=f"one of {', '.join(RESIZE_MODES)}")]
        )
    if mode == "stretch":
        return ResizePlan(src, dst, dst, 0, 0)
    rule = rounding or _DEFAULT_ROUNDING[mode]
    # The products are taken in this order because int() and round() see their last bit.
    r = min(dst[0] / src[0], dst[1] / src[1])
    w, h = (round_side(side * r, rule) for side in src)
    if mode == "letterbox-topleft":
        return ResizePlan(src, dst, (w, h), 0, 0)
    # YOLO's left = round(d/2 − .1) is floor division for every whole remainder.
    return ResizePlan(src, dst, (w, h), (dst[0] - w) // 2, (dst[1] - h) // 2)


def letterbox(src_wh: SizeLike, dst_wh: SizeLike, rounding: Rounding = "half-even") -> Affine:
    """Return model_from_image of a centred letterbox.

    Units: source pixels → model pixels; origin top-left, pixel edges.
    Errors: GeometryError if a side is < 1.
    """
    return plan_resize(src_wh, dst_wh, "letterbox", rounding).model_from_image
