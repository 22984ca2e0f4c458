"""What each bug does to boxes: functions from facts to the ways it can show.

Coordinates are normalised on the upright picture, top-left origin. A suspect chain is the true
request with one field replaced; what it does to a box is the ratio of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.facts import Facts, norm_map
from mobilecat.geometry.affine import F64, Affine, Size
from mobilecat.geometry.boxes import cxcywh_from_xyxy, xywh_from_xyxy, yxyx_from_xyxy
from mobilecat.geometry.orientation import (
    Orientation,
    stored_from_upright,
    upright_from_stored,
)
from mobilecat.geometry.resize import ROUNDINGS
from mobilecat.geometry.views import VIEW_MODES, View
from mobilecat.geometry.vision import FULL_REGION, CropAndScale, image_from_vision

BoxMap = Callable[[F64], F64]
MarkMap = Callable[[F64, F64], F64]
UNIT = Size(1, 1)
_SCREENS = (2.0, 3.0, 1.5, 2.625, 2.75, 3.5)
"""Pixels in a point where nobody says: iPhones and iPads, then common Android screens."""


@dataclass(frozen=True)
class Way:
    """One way in which a bug can show.

    boxes: (…, 4) xyxy → (…, 4); where `on` is "both", a landmark goes through it as a box without
    area. marks: (landmarks as such boxes, the boxes they belong to) → landmarks.
    """

    label: str
    boxes: BoxMap
    on: Literal["both", "boxes", "marks"] = "both"
    marks: MarkMap | None = None


Ways = Callable[[Facts], Iterator[Way]]


def moved(norm: Affine, label: str = "", on: Literal["both", "boxes"] = "both") -> Way:
    """Return the way of an affine map; corners come out sorted, as a drawn rectangle's are."""
    return Way(label, norm.boxes_xyxy, on)


# ---- flips and turns


def y_not_flipped(f: Facts) -> Iterator[Way]:
    yield moved(image_from_vision(UNIT))


def height_not_subtracted(f: Facts) -> Iterator[Way]:
    def shifted(b: F64) -> F64:
        h = b[..., 3] - b[..., 1]
        return np.stack([b[..., 0], b[..., 3], b[..., 2], b[..., 3] + h], axis=-1)

    yield Way("", shifted, "boxes")


def ignored(needed: Orientation) -> Ways:
    """Return the ways of a frame that needs `needed` and was taken as it lies."""

    def ways(f: Facts) -> Iterator[Way]:
        lying = stored_from_upright(needed, UNIT)
        if not _needless(f) or not lying.isclose(turned_by_the_app(f)):
            yield from _lying(f, lying, needed >= Orientation.LEFT_MIRRORED)

    return ways


def turned_though_upright(f: Facts) -> Iterator[Way]:
    """The frame came upright, as from an iPhone 17's front camera, and was turned all the same."""
    if _needless(f):
        yield from _lying(f, turned_by_the_app(f), True)


def _needless(f: Facts) -> bool:
    upright = (Orientation.UP, Orientation.UP_MIRRORED)
    return f.orientation in upright and (f.handed or Orientation.UP) >= Orientation.LEFT_MIRRORED


def turned_by_the_app(f: Facts) -> Affine:
    """Upright → what the app took for upright, both normalised."""
    did = upright_from_stored(f.handed or Orientation.UP, UNIT)
    return did @ stored_from_upright(f.orientation, UNIT)


def _lying(f: Facts, lying: Affine, quarter: bool) -> Iterator[Way]:
    yield moved(lying)
    if f.view is not None and quarter:
        # An app that hands over one orientation draws with it too: the view shows an upright
        # picture, and its boxes are placed as in one that lies.
        upright_wh, lying_wh = f.image_wh, f.image_wh.swapped
        drawn = _view_from_norm(f.view, lying_wh) @ lying
        read = _view_from_norm(f.view, upright_wh).inverse()
        yield moved(read @ drawn, "and drawn as in a lying picture")


def _view_from_norm(view: View, image_wh: Size) -> Affine:
    return view.view_from_image(image_wh) @ Affine.scale_then_move(*image_wh)


# ---- sizes and fits


def sides_swapped(f: Facts) -> Iterator[Way]:
    w, h = f.image_wh
    yield moved(Affine.scale_then_move(h / w, w / h))


def _ratio(f: Facts, made: Facts, decoded: Facts) -> Affine:
    """What it does to decode with one fit what was made with another."""
    both = decoded.request.image_from_model @ made.request.model_from_image
    return norm_map(both, f.image_wh, f.image_wh)


def _with(f: Facts, fit: CropAndScale | AppResize) -> Facts:
    if isinstance(fit, AppResize):
        return replace(f, fit=fit, region=FULL_REGION)
    return replace(f, fit=fit)


def _padded(f: Facts) -> Facts:
    """The facts with the fit that pads: their own, or Vision's."""
    pads = f.fit is CropAndScale.SCALE_FIT
    if isinstance(f.fit, AppResize):
        pads = f.fit.mode != "stretch"
    return f if pads else _with(f, CropAndScale.SCALE_FIT)


def _stretched(f: Facts) -> Facts:
    return _with(f, CropAndScale.SCALE_FILL)


def _cropped(f: Facts) -> Facts:
    return _with(f, CropAndScale.CENTER_CROP)


def _at_top_left(f: Facts) -> Facts:
    corner = replace(f.assumptions, scale_fit_placement="top-left")
    return replace(_with(f, CropAndScale.SCALE_FIT), assumptions=corner)


def padding_kept(f: Facts) -> Iterator[Way]:
    yield moved(_ratio(f, _padded(f), _stretched(f)))


def padding_undone_twice(f: Facts) -> Iterator[Way]:
    yield moved(_ratio(f, _stretched(f), _padded(f)))


def padding_elsewhere(f: Facts) -> Iterator[Way]:
    centred = _with(f, CropAndScale.SCALE_FIT)
    topleft = isinstance(f.fit, AppResize) and f.fit.mode == "letterbox-topleft"
    if topleft:
        yield moved(_ratio(f, _at_top_left(f), centred), "taken for centred")
    else:
        yield moved(_ratio(f, centred, _at_top_left(f)), "taken for right and bottom")


def crop_kept(f: Facts) -> Iterator[Way]:
    yield moved(_ratio(f, _cropped(f), _stretched(f)), "read as a stretch")
    if f.fit is CropAndScale.CENTER_CROP:
        yield moved(_ratio(f, _cropped(f), _padded(f)), "read as a letterbox")
        yield moved(_ratio(f, _stretched(f), _cropped(f)), "undone twice")


# ---- the view


def in_view(f: Facts) -> Affine:
    """Return normalised → the space where boxes are drawn: view points, or picture pixels."""
    w, h = f.image_wh
    placed = f.view.view_from_image(f.image_wh) if f.view else Affine.identity()
    return placed @ Affine.scale_then_move(w, h)


def view_misplaced(f: Facts) -> Iterator[Way]:
    if f.view is None:
        return
    back, into = in_view(f).inverse(), Affine.scale_then_move(*f.image_wh)
    modes = {
        "stretched over the view": "resize",
        "placed as aspect-fit": "resizeAspect",
        "placed as aspect-fill": "resizeAspectFill",
    }
    for label, mode in modes.items():
        wrong = View(f.view.size, mode, f.view.mirrored, f.view.rtl)
        yield moved(back @ wrong.view_from_image(f.image_wh) @ into, label)
    right = f.view.view_from_image(f.image_wh)
    yield moved(back @ replace(right, tx=0.0, ty=0.0) @ into, "scaled, but not moved")
    for label, share in (
        ("at the start", "START"),
        ("in the middle", "CENTER"),
        ("at the end", "END"),
    ):
        kept = View(f.view.size, f"{_kind(f.view)}_{share}", f.view.mirrored, f.view.rtl)
        yield moved(back @ kept.view_from_image(f.image_wh) @ into, f"placed {label}")


def _kind(view: View) -> str:
    return "FIT" if VIEW_MODES[view.mode][0] == "fit" else "FILL"


def points_for_pixels(f: Facts) -> Iterator[Way]:
    view = in_view(f)
    for k in (f.content_scale,) if f.content_scale else _SCREENS:
        for label, s in ((f"× {k:g}", k), (f"÷ {k:g}", 1 / k)):
            yield moved(view.inverse() @ Affine.scale_then_move(s, s) @ view, label)


# ---- region of interest and extent


def region_for_full(f: Facts) -> Iterator[Way]:
    flip = image_from_vision(UNIT)
    full = flip @ f.region.full_from_region @ flip
    yield moved(full.inverse(), "not mapped back")
    yield moved(full, "mapped back twice")


def region_not_flipped(f: Facts) -> Iterator[Way]:
    yield moved(Affine.move(0.0, 2 * f.region.y + f.region.h - 1))


def extent_ignored(f: Facts) -> Iterator[Way]:
    if f.extent is None:
        return
    x, y = f.extent.x / f.extent.w, f.extent.y / f.extent.h  # Core Image counts y upwards
    yield moved(Affine.move(-x, y), "not added")
    yield moved(Affine.move(x, -y), "not subtracted")


# ---- formats and units


def yx_for_xy(f: Facts) -> Iterator[Way]:
    """Swapped while they count 0 to 1, or in pixels or points: one bug, another picture of it.

    With landmarks swapped as well it is the map of a frame that lies mirrored, so this is a way
    only where it is known that the frame does not lie.
    """
    upright = f.known and f.handed == f.orientation
    spaces = {
        "": Affine.identity(),
        "in the picture's pixels": Affine.scale_then_move(*f.image_wh),
        "in the model's pixels": f.request.model_from_image @ Affine.scale_then_move(*f.image_wh),
    }
    if f.view is not None:
        spaces["in the view's points"] = in_view(f)
    for label, into in spaces.items():
        yield Way(label, _swapped_in(into), "boxes")
        if upright:
            too = f"{label}, landmarks as well" if label else "landmarks as well"
            yield Way(too, _swapped_in(into), "both")


def _swapped_in(into: Affine) -> BoxMap:
    back = into.inverse()
    return lambda b: back.boxes_xyxy(yxyx_from_xyxy(into.boxes_xyxy(b)))


def _read_as(write: BoxMap, read: BoxMap) -> Ways:
    """Return the ways of boxes written in one format and read as another, by image and model."""

    def misread(b: F64) -> F64:
        return read(write(b))

    def ways(f: Facts) -> Iterator[Way]:
        yield Way("", misread, "boxes")
        into = norm_map(f.request.model_from_image, f.image_wh, f.model_wh)
        if not into.isclose(Affine.identity(), 1e-6):

            def inside(b: F64) -> F64:
                return into.inverse().boxes_xyxy(misread(into.boxes_xyxy(b)))

            yield Way("in the model's pixels", inside, "boxes")

    return ways


def _as_written(b: F64) -> F64:
    return b


def _from_corner(b: F64) -> F64:
    return np.concatenate([b[..., :2], b[..., :2] + b[..., 2:]], axis=-1)


def _from_centre(b: F64) -> F64:
    return np.concatenate([b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2], axis=-1)


xywh_for_xyxy = _read_as(xywh_from_xyxy, _as_written)
xyxy_for_xywh = _read_as(_as_written, _from_corner)
centre_for_corner = _read_as(cxcywh_from_xyxy, _from_corner)
corner_for_centre = _read_as(xywh_from_xyxy, _from_centre)
centre_for_xyxy = _read_as(cxcywh_from_xyxy, _as_written)


def wrong_unit(f: Facts) -> Iterator[Way]:
    sizes = {"the model's": f.model_wh, "the picture's": f.image_wh}
    for whose, (w, h) in sizes.items():
        yield moved(Affine.scale_then_move(w, h), f"× {whose} size")
        yield moved(Affine.scale_then_move(1 / w, 1 / h), f"÷ {whose} size")
    if f.view is not None:
        yield moved(in_view(f).inverse(), "0 to 1 drawn as points")


def model_for_image(f: Facts) -> Iterator[Way]:
    into = f.request.model_from_image
    yield moved(norm_map(into, f.image_wh, f.image_wh), "as picture pixels")
    if f.view is not None:
        back = in_view(f).inverse()
        yield moved(back @ into @ Affine.scale_then_move(*f.image_wh), "drawn as points")
        yield moved(back @ Affine.scale_then_move(*f.image_wh), "picture pixels drawn as points")


def box_relative_marks(f: Facts) -> Iterator[Way]:
    def relative(m: F64, owner: F64) -> F64:
        origin, size = owner[..., :2], np.maximum(owner[..., 2:] - owner[..., :2], 1e-9)
        point = (m[..., :2] - origin) / size
        return np.concatenate([point, point], axis=-1)

    def unflipped(m: F64, owner: F64) -> F64:
        y = owner[..., 1] + owner[..., 3] - m[..., 1]
        return np.stack([m[..., 0], y, m[..., 0], y], axis=-1)

    yield Way("taken for the picture's", _as_written, "marks", relative)
    yield Way("y not flipped inside the box", _as_written, "marks", unflipped)


# ---- less than a pixel or two


def _model_pixel(f: Facts) -> tuple[float, float]:
    """One model pixel, normalised on the picture."""
    m = f.request.model_from_image
    w, h = f.image_wh
    return 1 / ((abs(m.a) + abs(m.c)) * w), 1 / ((abs(m.b) + abs(m.d)) * h)


def inclusive_pixels(f: Facts) -> Iterator[Way]:
    w, h = f.image_wh
    for whose, (px, py) in {"model": _model_pixel(f), "picture": (1 / w, 1 / h)}.items():
        for word, sign in (("less", -1.0), ("more", 1.0)):
            by = np.array([0.0, 0.0, sign * px, sign * py])
            yield Way(f"one {whose} pixel {word}", lambda b, by=by: b + by, "boxes")  # type: ignore[misc]


def half_pixel(f: Facts) -> Iterator[Way]:
    px, py = _model_pixel(f)
    for sign, word in ((0.5, "+½"), (-0.5, "−½")):
        yield moved(Affine.move(sign * px, sign * py), f"{word} model pixel")
        yield moved(Affine.move(sign * px, 0.0), f"{word} model pixel in x")
        yield moved(Affine.move(0.0, sign * py), f"{word} model pixel in y")
    if isinstance(f.fit, AppResize) and f.fit.mode != "stretch":
        for rounding in ROUNDINGS:
            other = replace(f, fit=replace(f.fit, rounding=rounding))
            yield moved(_ratio(f, f, other), f"rounded {rounding}")


def stride_ignored(f: Facts) -> Iterator[Way]:
    """The picture is sheared and wrapped: a box keeps its size and follows its centre."""
    w, h = f.frame_wh
    row = f.row_pixels
    if row is None or row <= w:
        return
    size = f.image_wh
    stored = norm_map(stored_from_upright(f.orientation, f.frame_wh), size, f.frame_wh)
    upright = norm_map(upright_from_stored(f.orientation, f.frame_wh), f.frame_wh, size)

    def sheared(b: F64) -> F64:
        centre = (b[..., :2] + b[..., 2:]) / 2
        at = stored.points(centre) * np.array([w, h])
        flat = np.floor(at[..., 1]) * row + at[..., 0]
        gone = np.stack([(flat % w) / w, np.floor(flat / w) / h + (at[..., 1] % 1) / h], axis=-1)
        shift = upright.points(gone) - centre
        moved_by: F64 = np.concatenate([shift, shift], axis=-1)
        there: F64 = b + moved_by
        return there

    yield Way("", sheared)


def nothing(f: Facts) -> Iterator[Way]:
    """No map: scores, other frames or the picture itself tell."""
    yield from ()
