"""Bugs with numbers of their own, which are fitted: an offset, a zoom, another size, an axis.

Each is linear in its numbers, in the space where boxes are drawn: points of the view, or pixels of
the upright picture where there is none. A box there is `fixed + basis · numbers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.maps import Way, in_view
from mobilecat.diagnosis.pairing import in_order
from mobilecat.diagnosis.sizes import bar_like, size_like
from mobilecat.geometry.affine import F64, Affine, Size


@dataclass(frozen=True)
class Family:
    """A map with `numbers` unknowns. key: the same family under other facts.

    fixed: (…, 4) → (…, 4); basis: (…, 4) → (…, 4, numbers), both of the drawn space. says: its
    label, from facts and the fitted numbers.
    """

    key: str
    numbers: int
    fixed: Callable[[F64], F64]
    basis: Callable[[F64], F64]
    says: Callable[[Facts, F64], str]


Families = Callable[[Facts], Iterator[Family]]
_X, _Y = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0, 1.0])


def linear(f: Facts, family: Family, boxes: F64) -> tuple[F64, F64]:
    """Return (fixed, basis) in normalised coordinates, of normalised boxes."""
    to_norm = in_view(f).inverse()
    drawn = _through(in_view(f), boxes)
    swap = [2 if to_norm.a < 0 else 0, 3 if to_norm.d < 0 else 1]
    order = np.array([swap[0], swap[1], 2 - swap[0], 4 - swap[1]])
    scale = np.array([to_norm.a, to_norm.d, to_norm.a, to_norm.d])
    fixed = _through(to_norm, family.fixed(drawn))
    return fixed, (family.basis(drawn) * scale[:, None])[..., order, :]


def _through(axes: Affine, boxes: F64) -> F64:
    """Return boxes through a map that turns nothing; sorted, as boxes are."""
    at = boxes * np.array([axes.a, axes.d, axes.a, axes.d]) + np.array(
        [axes.tx, axes.ty, axes.tx, axes.ty]
    )
    if axes.a < 0:
        at = at[..., [2, 1, 0, 3]]
    if axes.d < 0:
        at = at[..., [0, 3, 2, 1]]
    there: F64 = at
    return there


def way_of(f: Facts, family: Family, numbers: F64) -> Way:
    """Return the family's map with these numbers, as one of the catalogue's ways."""

    def mapped(boxes: F64) -> F64:
        fixed, basis = linear(f, family, boxes)
        return in_order(fixed + basis @ numbers)

    return Way(family.says(f, numbers), mapped)


# ---- the rows' families


def drawn_size(f: Facts) -> Size:
    """Return the size of the space where boxes are drawn."""
    return f.view.size if f.view is not None else f.image_wh


def _unit(f: Facts, value: float) -> str:
    many = f"{abs(value):.1f}".removesuffix(".0")
    return f"{many} point{'s' * (many != '1')}" if f.view else f"{many} pixels of the picture"


def sideways(f: Facts, dx: float) -> str:
    return f"{_unit(f, dx)} too far {'right' if dx > 0 else 'left'}"


def upwards(f: Facts, dy: float) -> str:
    return f"{_unit(f, dy)} too {'low' if dy > 0 else 'high'}"


def _keep(b: F64) -> F64:
    return b


def _both(b: F64) -> F64:
    return np.broadcast_to(np.stack([_X, _Y], axis=1), (*b.shape, 2))


def _along(axis: F64) -> Callable[[F64], F64]:
    return lambda b: np.broadcast_to(axis[:, None], (*b.shape, 1))


def offset(f: Facts) -> Iterator[Family]:
    """Everything is drawn so many points beside where it should be."""

    def low(f: Facts, t: F64) -> str:
        bar = bar_like(abs(float(t[0]))) if f.view is not None else ""
        return upwards(f, float(t[0])) + (f", about as much as {bar}" if bar else "")

    yield Family("y", 1, _keep, _along(_Y), low)
    if f.view is None or not f.view.mirrored:  # there it is a mirror about a wrong axis: 34
        yield Family("x", 1, _keep, _along(_X), lambda f, t: sideways(f, float(t[0])))
    yield Family(
        "xy",
        2,
        _keep,
        _both,
        lambda f, t: f"{sideways(f, float(t[0]))} and {upwards(f, float(t[1]))}",
    )


def zoom(f: Facts) -> Iterator[Family]:
    """Everything is drawn so many times as large, about the middle of the view."""
    w, h = drawn_size(f)
    centre = np.array([w / 2, h / 2] * 2)
    whose = "view" if f.view is not None else "picture"
    yield Family(
        "middle",
        1,
        lambda b: np.broadcast_to(centre, b.shape),
        lambda b: (b - centre)[..., None],
        lambda f, t: f"{t[0]:.3g} times as large, about the middle of the {whose}",
    )


def _origins(f: Facts) -> dict[str, F64]:
    """Points from which an app may scale: the view's corner, and the picture's in it."""
    found = {"view" if f.view is not None else "picture": np.zeros(4)}
    place = in_view(f)
    picture = np.array([place.tx, place.ty] * 2)
    if f.view is not None and not f.view.mirrored and np.abs(picture).max() > 0.5:
        found["picture"] = picture
    return found


def other_size(f: Facts) -> Iterator[Family]:
    """Everything is scaled by another size than it should be, from a corner."""
    for whose, at in _origins(f).items():

        def says(f: Facts, t: F64, whose: str = whose) -> str:
            sx, sy = float(t[0]), float(t[-1])
            times = f"{sx:.3g} times" if len(t) == 1 else f"{sx:.3g} times in x, {sy:.3g} in y"
            like = size_like(f, sx, sy)
            return f"{times}, from the {whose}'s top left" + (f": {like}" if like else "")

        def one(b: F64, at: F64 = at) -> F64:
            return (b - at)[..., None]

        def two(b: F64, at: F64 = at) -> F64:
            return np.stack([(b - at) * _X, (b - at) * _Y], axis=-1)

        def fixed(b: F64, at: F64 = at) -> F64:
            return np.broadcast_to(at, b.shape)

        yield Family(f"{whose} once", 1, fixed, one, says)
        yield Family(f"{whose} twice", 2, fixed, two, says)


def _mirror_x(b: F64) -> F64:
    return np.stack([-b[..., 2], b[..., 1], -b[..., 0], b[..., 3]], axis=-1)


def _mirror_y(b: F64) -> F64:
    return np.stack([b[..., 0], -b[..., 3], b[..., 2], -b[..., 1]], axis=-1)


def _about(f: Facts, side: int, total: float) -> str:
    """`about 288 of 300 pixels of the model`: where the axis lies that the app took.

    total: x + x' in the drawn space; a right mirror of a view w wide has total = w.
    """
    wide = tuple(drawn_size(f))[side]
    name = "x" if side == 0 else "y"
    unit = "points of the view" if f.view is not None else "pixels of the picture"
    said = f"at {name}' = {total:.4g} − {name} where {wide:g} − {name} is right ({unit})"
    model = tuple(f.model_wh)[side]
    return said + f"; in the model's pixels: {total / wide * model:.4g} of {model:g}"


def wrong_axis(f: Facts) -> Iterator[Family]:
    """Mirrored, but not about the middle: x' = k − x with a wrong k."""
    w, _ = drawn_size(f)
    if f.view is not None and f.view.mirrored:
        # The chain mirrors already: what is left of a wrong axis is a move to one side.
        yield Family(
            "shown",
            1,
            _keep,
            _along(_X),
            lambda f, t: f"left and right, {_about(f, 0, w + float(t[0]))}",
        )
    yield Family(
        "x", 1, _mirror_x, _along(_X), lambda f, t: f"left and right, {_about(f, 0, float(t[0]))}"
    )
    yield Family(
        "y", 1, _mirror_y, _along(_Y), lambda f, t: f"upside down, {_about(f, 1, float(t[0]))}"
    )


# ---- any scale and move, in each of the eight turns: what is said in words, and no bug


def _transposed(b: F64) -> F64:
    return b[..., [1, 0, 3, 2]]


TURNS: dict[str, tuple[bool, bool, bool]] = {
    "": (False, False, False),
    "mirrored left to right": (False, True, False),
    "turned by half a turn": (False, True, True),
    "upside down": (False, False, True),
    "x and y swapped": (True, False, False),
    "turned by 90° clockwise": (True, True, False),
    "x and y swapped, and turned by half a turn": (True, True, True),
    "turned by 90° counter-clockwise": (True, False, True),
}


def any_map(f: Facts) -> Iterator[Family]:
    """A scale and a move along each axis, in each of the eight turns. numbers: sx, sy, tx, ty."""
    for words, (transpose, flip_x, flip_y) in TURNS.items():

        def turned(
            b: F64, transpose: bool = transpose, fx: bool = flip_x, fy: bool = flip_y
        ) -> F64:
            b = _transposed(b) if transpose else b
            b = _mirror_x(b) if fx else b
            return _mirror_y(b) if fy else b

        def basis(b: F64, turned: Callable[[F64], F64] = turned) -> F64:
            t = turned(b)
            one = np.ones_like(t)
            return np.stack([t * _X, t * _Y, one * _X, one * _Y], axis=-1)

        yield Family(words, 4, np.zeros_like, basis, lambda f, t, words=words: words)  # type: ignore[misc]
