"""Boxes from elsewhere: a JSON file in Vision's space or in pixels → boxes in picture pixels.

A list, or {"boxes": list}. An entry is four numbers, or an object: `box_xywh` (Vision) or
`box_xyxy` (pixels), `score` (1 where left out), `class_id` (0 where left out). Where landmarks turn
the crop, `landmarks` too, as `run --json` prints them: a list of x, y in pixels, or by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.disk import read_json
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.geometry.vision import image_from_vision
from mobilecat.graph import Array
from mobilecat.spec.cascade import Space

KEYS = {"vision": "box_xywh", "image": "box_xyxy"}
_ORDERS = {
    "vision": "x, y, width, height in 0..1, y of the lower edge from below",
    "image": "x1, y1, x2, y2 in pixels, from the top left",
}


_LARGEST = 1_000_000
"""Of a coordinate: no picture is as large."""


@dataclass(frozen=True)
class Given:
    """Boxes best first, in pixels of the upright picture.

    Shapes: (n,4) float64, (n,) float64, (n,) int64; points_xy (n,L,2) float64, or None where no
    crop is turned.
    """

    boxes_xyxy: Array
    scores: Array
    class_ids: Array
    points_xy: Array | None = None

    def tensors(self) -> dict[str, Array]:
        """Return them as a cascade runner takes them beside `image`."""
        points = {} if self.points_xy is None else {"points": self.points_xy}
        told = {"boxes": self.boxes_xyxy, "scores": self.scores, "class_ids": self.class_ids}
        return told | points


def read_boxes(
    path: Path,
    space: Space,
    image_wh: tuple[int, int],
    labels: Sequence[str] = (),
    turned_by: Sequence[int] = (),
) -> Given:
    """Read the boxes of one picture; MobileCatError listing every entry that is none.

    turned_by: the landmarks that turn the crop, by number: each entry must bring them.
    """
    try:
        data = read_json(path)
    except (OSError, UnicodeDecodeError) as e:
        raise _unusable(path, [Problem(reason(e), str(path))]) from e
    except ValueError as e:
        raise _unusable(path, [Problem(f"not JSON: {e}", str(path))]) from e
    rows = data.get("boxes") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        fix = f'[{{"{KEYS[space]}": [{_ORDERS[space]}], "score": 0.9}}, …]'
        raise _unusable(path, [Problem("holds no list of boxes", str(path), fix)])
    problems: list[Problem] = []
    found: list[tuple[list[float], float, int, list[list[float]]]] = []
    for i, row in enumerate(rows):
        parsed = _row(row, space, image_wh, len(labels))
        marks = _marks(row, turned_by)
        for said in (parsed, marks):
            if isinstance(said, str):
                problems.append(Problem(said, f"{path}: box {i}"))
        if not isinstance(parsed, str) and not isinstance(marks, str):
            found.append((*parsed, marks))
    if problems:
        raise _unusable(path, problems)
    found.sort(key=lambda r: -r[1])  # stable: ties keep the file's order
    count = max(turned_by, default=-1) + 1
    return Given(
        np.array([r[0] for r in found], np.float64).reshape(-1, 4),
        np.array([r[1] for r in found], np.float64),
        np.array([r[2] for r in found], np.int64),
        np.array([r[3] for r in found], np.float64).reshape(-1, count, 2) if count else None,
    )


def _marks(row: Any, turned_by: Sequence[int]) -> list[list[float]] | str:
    """Return the landmarks up to the last that turns the crop, or why they are not there."""
    if not turned_by:
        return []
    needed = max(turned_by) + 1
    given = row.get("landmarks") if isinstance(row, dict) else None
    rows = list(given.values()) if isinstance(given, dict) else given
    if not isinstance(rows, list) or len(rows) < needed:
        have = len(rows) if isinstance(rows, list) else 0
        return f"brings {have} landmarks; the crop is turned by number {needed - 1}, from 0"
    for i, point in enumerate(rows[:needed]):
        if not _are_numbers(point, 2):
            return f"landmark {i} is {point!r:.60}, expected x, y in pixels"
    return [[float(v) for v in point] for point in rows[:needed]]


def _unusable(path: Path, problems: list[Problem]) -> MobileCatError:
    return MobileCatError(f"{path.name}: the boxes cannot be used", problems)


def _row(
    row: Any, space: Space, image_wh: tuple[int, int], labels: int
) -> tuple[list[float], float, int] | str:
    """Return (xyxy in picture pixels, score, class id), or why there is none."""
    entry = row if isinstance(row, dict) else {KEYS[space]: row}
    known = (KEYS[space], "score", "class_id", "label", "landmarks")
    if unknown := [k for k in entry if k not in known]:
        other = [k for k in unknown if k in KEYS.values()]
        hint = f'; the cascade says boxes = "{space}"' if other else ""
        return f"unknown key {unknown[0]!r}, expected {', '.join(known[:3])}{hint}"
    numbers: Any = entry.get(KEYS[space])
    if not _are_numbers(numbers, 4):
        return f"{KEYS[space]} is {numbers!r:.60}, expected {_ORDERS[space]}"
    score, class_id = entry.get("score", 1.0), entry.get("class_id", 0)
    if not _are_numbers([score], 1) or not 0 <= score <= 1:
        return f"score is {score!r:.60}, expected 0 to 1"
    if type(class_id) is not int or class_id < 0 or (labels and class_id >= labels):
        most = f" to {labels - 1}" if labels else ""
        return f"class_id is {class_id!r:.60}, expected a whole number from 0{most}"
    return _in_pixels(numbers, float(score), class_id, space, image_wh)


def _in_pixels(
    numbers: list[float], score: float, class_id: int, space: Space, image_wh: tuple[int, int]
) -> tuple[list[float], float, int] | str:
    a, b, c, d = (float(v) for v in numbers)
    if space == "vision":
        if max(abs(v) for v in (a, b, c, d)) > 8:
            return f"{[a, b, c, d]} are pixels, Vision's boxes lie in 0..1"
        if min(c, d) <= 0:
            return f"has no area: width {c:g}, height {d:g}"
        low, high = image_from_vision(image_wh).points(np.array([[a, b + d], [a + c, b]]))
        box = [float(v) for v in (*low, *high)]
    else:
        if not (a < c and b < d):
            return f"({a:g}, {b:g}, {c:g}, {d:g}) has no area: expected {_ORDERS[space]}"
        box = [a, b, c, d]
    w, h = image_wh
    if box[0] >= w or box[1] >= h or box[2] <= 0 or box[3] <= 0:
        at = ", ".join(f"{v:.1f}" for v in box)
        return f"lies outside of the picture: ({at}) in {w}×{h}"
    return box, score, class_id


def _are_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(v) in (int, float) and abs(v) < _LARGEST for v in values)
    )
