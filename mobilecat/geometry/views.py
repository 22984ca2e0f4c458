"""How an upright picture sits in a view: layer gravities, UIImageView, Android PreviewView.

Source: developer.apple.com/documentation/avfoundation/avlayervideogravity;
developer.android.com/reference/androidx/camera/view/PreviewView.ScaleType.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, Size, SizeLike, as_size
from mobilecat.geometry.boxes import xywh_from_xyxy, xyxy_from_xywh
from mobilecat.geometry.orientation import stored_from_upright
from mobilecat.geometry.vision import image_from_vision

_FIT, _FILL, _STRETCH = "fit", "fill", "stretch"
# mode: (scale, where the spare space goes, as a share of it before the picture)
VIEW_MODES: dict[str, tuple[str, float]] = {
    "resize": (_STRETCH, 0.5),
    "resizeAspect": (_FIT, 0.5),
    "resizeAspectFill": (_FILL, 0.5),
    "scaleToFill": (_STRETCH, 0.5),
    "scaleAspectFit": (_FIT, 0.5),
    "scaleAspectFill": (_FILL, 0.5),
    "FIT_START": (_FIT, 0.0),
    "FIT_CENTER": (_FIT, 0.5),
    "FIT_END": (_FIT, 1.0),
    "FILL_START": (_FILL, 0.0),
    "FILL_CENTER": (_FILL, 0.5),
    "FILL_END": (_FILL, 1.0),
}
_ELSEWHERE = {
    "contain": "resizeAspect",
    "cover": "resizeAspectFill",
    "fill": "resize",
    "stretch": "resize",
    "centercrop": "FILL_CENTER",
    "centerinside": "FIT_CENTER",
}
"""What CSS, Flutter and Android's ImageView call the same."""


def meant_mode(word: str) -> str:
    """Return the view mode that a word nearly is, or means elsewhere; "" where none is near."""
    bare = word.rsplit(".", 1)[-1].lower().replace("_", "").removeprefix("avlayervideogravity")
    names = {mode.lower().replace("_", ""): mode for mode in VIEW_MODES}
    if bare in names or bare in _ELSEWHERE:
        return names.get(bare) or _ELSEWHERE[bare]
    # `resizeAspectFit` has more letters of `resizeAspectFill`, and means `resizeAspect`.
    said = [kind for kind in (_FIT, _FILL) if kind in bare]
    near = [n for n, mode in names.items() if not said or VIEW_MODES[mode][0] in said]
    close = difflib.get_close_matches(bare, near, n=1)
    return names[close[0]] if close else ""


@dataclass(frozen=True)
class View:
    """A view that shows the upright picture.

    size:     in points (iOS) or pixels (Android).
    mode:     an AVLayerVideoGravity, UIView.ContentMode or PreviewView.ScaleType: see VIEW_MODES.
    mirrored: the picture is shown left-right swapped, as front-camera previews are.
    rtl:      the layout runs right to left: PreviewView's START and END swap sides, not top/bottom.
    """

    size: Size
    mode: str
    mirrored: bool = False
    rtl: bool = False

    def __post_init__(self) -> None:
        if self.mode not in VIEW_MODES:
            meant = meant_mode(self.mode)
            fix = f"did you mean {meant}?" if meant else f"one of {', '.join(VIEW_MODES)}"
            raise GeometryError("Unknown view mode", [Problem(f"{self.mode!r}", fix=fix)])

    def view_from_image(self, image_wh: SizeLike) -> Affine:
        """Return the map from upright pixels to the view, both top-left."""
        w, h = as_size(image_wh)
        vw, vh = self.size
        scale, share = VIEW_MODES[self.mode]
        sx, sy = vw / w, vh / h
        if scale == _FIT:
            sx = sy = min(sx, sy)
        elif scale == _FILL:
            sx = sy = max(sx, sy)
        share_x = 1.0 - share if self.rtl and "_" in self.mode else share
        placed = Affine.scale_then_move(sx, sy, (vw - sx * w) * share_x, (vh - sy * h) * share)
        return placed @ Affine.scale_then_move(-1, 1, w, 0) if self.mirrored else placed


def metadata_from_vision(o: int) -> Affine:
    """Return the map from Vision's space to AVFoundation's metadata space.

    Metadata space is normalised, top-left, on the *unrotated* picture; `o` is the orientation that
    was handed to Vision. Neither depends on the picture's size.
    """
    unit = Size(1, 1)
    return stored_from_upright(o, unit) @ image_from_vision(unit)


def metadata_rects_from_vision(boxes_xywh_norm: npt.ArrayLike, o: int) -> F64:
    """Return metadata rectangles (x, y, w, h) of Vision's boxes. Shapes: (..., 4) → (..., 4)."""
    return xywh_from_xyxy(metadata_from_vision(o).boxes_xyxy(xyxy_from_xywh(boxes_xywh_norm)))
