"""A box hung up by another point than its top left corner, and a scale from the other side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.maps import BoxMap, Way, in_view, moved
from mobilecat.geometry.affine import F64, Affine


def _shifted(x: float, y: float) -> BoxMap:
    """Return the map by so many of the box's own widths and heights."""

    def mapped(b: F64) -> F64:
        w, h = x * (b[..., 2] - b[..., 0]), y * (b[..., 3] - b[..., 1])
        return b + np.stack([w, h, w, h], axis=-1)

    return mapped


_SHIFTS = {
    "the right edge taken for the left": (1.0, 0.0),
    "the left edge taken for the right": (-1.0, 0.0),
    "the upper edge taken for the lower": (0.0, -1.0),
    "the lower right corner taken for the upper left": (1.0, 1.0),
    "the upper left corner taken for the lower right": (-1.0, -1.0),
    "the centre's x taken for the left edge": (0.5, 0.0),
    "the left edge taken for the centre's x": (-0.5, 0.0),
    "the centre's y taken for the upper edge": (0.0, 0.5),
    "the upper edge taken for the centre's y": (0.0, -0.5),
}


def other_anchor(f: Facts) -> Iterator[Way]:
    # In a mirrored view what is right on the screen is left in the picture.
    side = -1.0 if f.view is not None and f.view.mirrored else 1.0
    for label, (x, y) in _SHIFTS.items():
        x = side * x
        yield Way(label, _shifted(x, y), "boxes")
    yield from _counted_from_the_far_edge(f)


def _counted_from_the_far_edge(f: Facts) -> Iterator[Way]:
    """Right and bottom as distances from the view's far edges: left, top, right, bottom insets."""
    into = in_view(f)
    back = into.inverse()
    w, h = f.view.size if f.view is not None else f.image_wh
    far = {"right and bottom": (True, True), "right": (True, False), "bottom": (False, True)}
    for label, (x, y) in far.items():

        def inset(b: F64, x: bool = x, y: bool = y) -> F64:
            d = into.boxes_xyxy(b)
            right = w - d[..., 2] if x else d[..., 2]
            bottom = h - d[..., 3] if y else d[..., 3]
            return back.boxes_xyxy(np.stack([d[..., 0], d[..., 1], right, bottom], axis=-1))

        whose = "view's" if f.view is not None else "picture's"
        yield Way(f"{label} counted from the {whose} far edge", inset, "boxes")


def scale_of_the_other_side(f: Facts) -> Iterator[Way]:
    """One scale for both axes, worked out from the side that does not decide it."""
    w, h = f.image_wh
    ratios = {"the model's input": (f.model_wh.w / w) / (f.model_wh.h / h), "its own sides": w / h}
    if f.view is not None:
        ratios["the view"] = (f.view.size.w / w) / (f.view.size.h / h)
    view = in_view(f)
    for name, ratio in ratios.items():
        for r in (ratio, 1 / ratio):
            scale = Affine.scale_then_move(r, r)
            yield moved(scale, f"{r:.3g} times, by {name}")
            if abs(view.tx) + abs(view.ty) > 0.5:
                again = view.inverse() @ scale @ view
                yield moved(again, f"{r:.3g} times, by {name}, from the view's corner")
