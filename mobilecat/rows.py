"""What a candidate carries besides its box and score: one table, a frozen value a name.

Whoever handles rows asks the table and knows no name: suppression gathers each by its indices, the
contract names it, frames are left and entered, results compared, written and read. A new kind of
value is a line here, and how it is drawn (`pictures.drawing`).

As a candidate: [1,N,D], pixels of the model input where it has a unit of length. In the contract:
[1,K,…], the last sides as `sides` says, rows ≥ count zero. Of detections: (n,…), in their frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.geometry.affine import Affine
from mobilecat.geometry.turned import angles_in_frame

Floats = npt.NDArray[np.float64]

CANDIDATE = "candidate_"
"""In front of a name where it is one of the candidates'."""


@dataclass(frozen=True)
class RowValue:
    """One kind of value.

    sides: shape of one row's value in the contract; -1 is what D makes of it.
    meaning: for bundle.json. limit: the key of [tolerances] that holds it; `tensors` is relative to
    max(1, max |expected|). pixels: whether it is measured in pixels, of whichever frame.
    apart: (n,…), (n,…) → (n,), how far two results are from each other, in the limit's unit.
    placed: (map, (n,…)) → (n,…), the same in the frame that the map leads to.
    becomes: the output that takes its place where the graph makes one of it after suppression.
    key: of a row's value in JSON; "" where it is read by what follows, and is no part of a
    detection. told: (value, names of the points) → JSON. read: JSON → value.
    """

    name: str
    sides: tuple[int, ...]
    meaning: str
    limit: str
    apart: Callable[[Floats, Floats], Floats]
    placed: Callable[[Affine, Floats], Floats] = lambda _, values: values
    pixels: bool = False
    becomes: str = ""
    key: str = ""
    told: Callable[[Floats, Sequence[str]], Any] = lambda value, _: value.tolist()
    read: Callable[[Any], Any] = lambda told: told

    @property
    def candidate(self) -> str:
        return f"{CANDIDATE}{self.name}"

    def item(self, width: int) -> tuple[int, ...]:
        """Return the shape of one row's value of D = `width` numbers; ValueError for no such."""
        known = math.prod(s for s in self.sides if s > 0)
        open_ = width // known if -1 in self.sides else 1
        if known * open_ != width:
            raise ValueError(f"{self.name} of {width} numbers: expected a multiple of {known}")
        return tuple(open_ if s < 0 else s for s in self.sides)

    def rows(self, values: npt.ArrayLike, n: int) -> Floats:
        """Return n rows, [n,…] or [1,n,…], as (n,…) of float64; ValueError where they are none."""
        given = np.asarray(values, np.float64)
        width = given.size // n if n else math.prod(given.shape[1:])
        return given.reshape(n, *self.item(width))


def _worst(expected: Floats, got: Floats) -> Floats:
    """Return the largest |difference| of each row. Shapes: (n,…), (n,…) → (n,)."""
    off = np.abs(expected - got)
    worst: Floats = off.max(axis=tuple(range(1, off.ndim)), initial=0)
    return worst


def _farthest(expected: Floats, got: Floats) -> Floats:
    """Return how far each row's point that moved most has moved. Shapes: (n,L,2) → (n,)."""
    moved: Floats = np.linalg.norm(expected - got, axis=-1).max(axis=1, initial=0)
    return moved


def _turned(expected: Floats, got: Floats) -> Floats:
    """Return the angle between two boxes' sides: turned by π/2, with its sides exchanged, a box is
    the same; that they are exchanged, `boxes` hold."""
    off = np.abs(expected - got) % (np.pi / 2)
    turned: Floats = np.minimum(off, np.pi / 2 - off)
    return turned


def _relative(expected: Floats, got: Floats) -> Floats:
    return _worst(expected, got) / max(1.0, float(np.abs(expected).max(initial=0)))


def _of_points(digits: int) -> Callable[[Floats, Sequence[str]], dict[str, Any]]:
    """Return a writer of a value a point, by the point's name or number."""

    def number(value: Any) -> Any:
        return [number(v) for v in value] if np.ndim(value) else round(float(value), digits)

    def told(values: Floats, names: Sequence[str]) -> dict[str, Any]:
        return {
            (names[k] if k < len(names) else str(k)): number(value)
            for k, value in enumerate(values)
        }

    return told


def _by_order(told: Mapping[str, Any]) -> list[Any]:
    return list(told.values())


_PADDED = "rows ≥ count are zero"

ROWS: Mapping[str, RowValue] = {
    row.name: row
    for row in (
        RowValue(
            "landmarks",
            (-1, 2),
            f"x,y a point, pixels of the model input, origin top-left; {_PADDED}",
            "landmarks_px",
            _farthest,
            Affine.points,
            pixels=True,
            key="landmarks",
            told=_of_points(4),
            read=_by_order,
        ),
        RowValue(
            "landmark_scores",
            (-1,),
            f"how sure each point is seen, 0 to 1, in the order of landmarks; {_PADDED}",
            "landmark_scores",
            _worst,
            key="landmark_scores",
            told=_of_points(6),
            read=_by_order,
        ),
        RowValue(
            "angles",
            (),
            "radians that the box is turned by about its centre, clockwise as the picture is seen "
            f"(y points down); {_PADDED}",
            "angles_rad",
            _turned,
            angles_in_frame,
            key="angle",
            told=lambda value, _: round(float(value), 6),
        ),
        RowValue(
            "mask_coefficients",
            (-1,),
            f"factors of the mask prototypes; {_PADDED}",
            "tensors",
            _relative,
            becomes="masks",
        ),
    )
}
"""In the order in which they are outputs, between class_ids and count."""

SHOWN = tuple(row for row in ROWS.values() if row.key)
"""What a detection has; the rest is read by what follows."""

MAPS: Mapping[str, str] = {
    "class_map": "class of each pixel of the model input, index into labels; rows and columns, the "
    "first at its top left",
    "masks": "how sure each pixel belongs to the object, 0 to 1, and 0 outside of its box; rows "
    f"and columns of a grid over the model input, the first at its top left; {_PADDED}",
    "mask_prototypes": "maps whose sum by an object's mask_coefficients is, through a sigmoid, its "
    "mask; rows and columns of a grid over the model input, the first at its top left",
}
"""Outputs of whole grids, behind the row values: what each means."""
WHOLE = ("class_map", "mask_prototypes")
"""Those of the picture, which have no rows."""


def rows_among(names: Container[str]) -> tuple[RowValue, ...]:
    """Return the row values that are among `names`, in the table's order."""
    return tuple(row for name, row in ROWS.items() if name in names)


def kinds_of(outputs: Iterable[str]) -> tuple[str, ...]:
    """Return what a bundle's candidates are, in their order, from its outputs' names."""
    there = set(outputs)
    return ("boxes", "scores", *(r.name for r in ROWS.values() if there & {r.name, r.becomes}))


def in_pixels(kind: str) -> bool:
    """Return whether `boxes`, `scores` or a row value is measured in pixels."""
    return kind == "boxes" or (kind in ROWS and ROWS[kind].pixels)
