"""One labelled picture as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RunLengths:
    """counts: COCO's, column by column, beginning with what is not the object."""

    counts: tuple[int, ...]


Outline = tuple[tuple[float, ...], ...] | RunLengths
"""Polygons x1, y1, x2, y2, … in pixels of the picture, or run lengths of all of it."""


@dataclass(frozen=True)
class Labelled:
    """One picture with its objects; there may be none.

    size_wh: of the upright picture, whose pixels (origin top-left, edges) all coordinates are in.
    boxes_xyxy: (n,4). class_ids: (n,), index into the data set's classes. areas: (n,) px², COCO's
    own where the file has them (of the outline, not the box). ignore: (n,), neither to be found nor
    wrong to be found: VOC's difficult, COCO's crowds. crowd: (n,), those of them that stand for
    many objects. landmarks_xy: (n,L,2), NaN where a point is not labelled; None without landmarks.
    angles: (n,), how far each box is turned about its centre, clockwise radians; None where the
    labels are upright.
    outlines: of each object, None where it has none; empty where the format has none.
    """

    path: Path
    size_wh: tuple[int, int]
    boxes_xyxy: Floats
    class_ids: Ints
    areas: Floats
    ignore: Flags
    crowd: Flags
    landmarks_xy: Floats | None = None
    angles: Floats | None = None
    outlines: tuple[Outline | None, ...] = ()

    def __len__(self) -> int:
        return len(self.class_ids)
