"""What two results of one picture have in common: found by both, lost, gained, moved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecat.compare.match import Floats, distances, match
from mobilecat.pictures.detections import Detections
from mobilecat.rows import ROWS

NEAR = 2.0
"""px; boxes of one class that do not overlap are one object where all corners lie as near."""


STILL_PX, STILL_SCORE = 0.01, 0.001
"""Below both nothing moved that a user would call moved: rounding is larger."""


@dataclass(frozen=True)
class PictureChange:
    """One picture, old and new, in its pixels; classes in the old model's numbering.

    pairs: (old row, new row). moved: of each pair, px of the corner that moved most; points: of the
    landmark that did; off: of the score, new − old. lost, gained: rows of old, of new.
    """

    path: Path
    size_wh: tuple[int, int]
    old: Detections
    new: Detections
    pairs: tuple[tuple[int, int], ...]
    moved: tuple[float, ...]
    points: tuple[float, ...]
    off: tuple[float, ...]
    lost: tuple[int, ...]
    gained: tuple[int, ...]

    @property
    def weight(self) -> tuple[int, float, float]:
        """How much changed: objects first, then places as a share of the picture, then scores."""
        off = max(map(abs, self.off), default=0.0)
        return len(self.lost) + len(self.gained), self.far_px / max(self.size_wh), off

    @property
    def far_px(self) -> float:
        """How far the corner or landmark that moved most did."""
        return max((*self.moved, *self.points), default=0.0)

    @property
    def changed(self) -> bool:
        """Whether anything was lost, gained or moved, by more than rounding does."""
        objects, _, off = self.weight
        return objects > 0 or self.far_px > STILL_PX or off > STILL_SCORE


def change_of(
    path: Path, size_wh: tuple[int, int], old: Detections, new: Detections
) -> PictureChange:
    """Match two results of one picture; rows that are not finite are nobody's match."""
    a, b = _finite(old), _finite(new)
    found = match(a, b, NEAR)
    i, j = ([p[k] for p in found.pairs] for k in (0, 1))
    moved = distances(a, b)[i, j] if found.pairs else np.zeros(0)
    return PictureChange(
        path,
        size_wh,
        a,
        b,
        found.pairs,
        tuple(map(float, moved)),
        tuple(map(float, _points_apart(a, b, i, j))),
        tuple(map(float, b.scores[j] - a.scores[i])),
        found.missing,
        found.extra,
    )


def _finite(found: Detections) -> Detections:
    good = np.isfinite(found.boxes_xyxy).all(axis=1) & np.isfinite(found.scores)
    rows = {name: values[good] for name, values in found.rows.items()}
    return Detections(found.boxes_xyxy[good], found.scores[good], found.class_ids[good], rows)


def _points_apart(a: Detections, b: Detections, i: Sequence[int], j: Sequence[int]) -> Floats:
    p, q = a.landmarks_xy, b.landmarks_xy
    if p is None or q is None or p.shape[1:] != q.shape[1:] or not i:
        return np.zeros(0)
    return ROWS["landmarks"].apart(p[i], q[j])


def renumbered(
    found: Detections, classes: Mapping[int, int], points: Sequence[int] | None
) -> Detections:
    """Return it in the old model's numbering. classes: new id → old. points: for each of the old
    landmarks, the new one's number; None leaves them."""
    ids = np.array([classes.get(int(c), int(c)) for c in found.class_ids], np.int64)
    rows = dict(found.rows)
    if points is not None and "landmarks" in rows:
        rows["landmarks"] = rows["landmarks"][:, list(points)]
    return replace(found, class_ids=ids, rows=rows)


def class_numbers(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return new class ids → old, by name; a class that the old model does not have comes after
    its own. Without names on either side, numbers are what they are."""
    if not old or not new:
        return {}
    at = {name: i for i, name in enumerate(old)}
    return {j: at.get(name, len(old) + j) for j, name in enumerate(new)}


def point_numbers(old: Sequence[str], new: Sequence[str]) -> list[int] | None:
    """Return the new number of each old landmark where only their order is another."""
    if not old or tuple(old) == tuple(new) or sorted(old) != sorted(new):
        return None
    return [list(new).index(name) for name in old]
