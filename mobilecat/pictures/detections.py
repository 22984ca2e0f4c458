"""What a detector found in one picture, in that picture's pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.geometry.affine import Affine
from mobilecat.geometry.boxes import iou
from mobilecat.geometry.turned import turned_corners, turned_iou
from mobilecat.pictures.masks import Masks, read_masks
from mobilecat.rows import ROWS, SHOWN, rows_among
from mobilecat.shown import Line, Shown, Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


MOST_TOLD = 20
"""Boxes that are said in lines of their own."""


@dataclass(frozen=True, repr=False)
class Detections(Shown):
    """Boxes, best first.

    Frame: pixels of the upright picture, origin top-left, pixel edges (pixel i is centred at i+½).
    boxes_xyxy: (n,4). scores: (n,). class_ids: (n,). rows: what the head gives besides, (n,…) by
    its name in `mobilecat.rows`, in the same frame. masks: of a head that has them.
    """

    boxes_xyxy: Floats
    scores: Floats
    class_ids: Ints
    rows: Mapping[str, Floats] = field(default_factory=dict)
    masks: Masks | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes_xyxy.shape != (n, 4) or self.scores.shape != (n,):
            raise ValueError(f"{self.boxes_xyxy.shape} boxes for {self.scores.shape} scores")
        if self.class_ids.shape != (n,):
            raise ValueError(f"{self.class_ids.shape} class ids for {n} boxes")
        for name, values in self.rows.items():
            if values.shape[:1] != (n,) or values.shape != ROWS[name].rows(values, n).shape:
                raise ValueError(f"{name} of shape {values.shape} for {n} boxes")
        if self.masks is not None and len(self.masks) != n:
            raise ValueError(f"{len(self.masks)} masks for {n} boxes")

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def landmarks_xy(self) -> Floats | None:
        """(n,L,2), or None for a head without landmarks."""
        return self.rows.get("landmarks")

    @property
    def corners_xy(self) -> Floats | None:
        """(n,4,2), the corners of turned boxes, in order; None where boxes are upright."""
        if "angles" not in self.rows:
            return None
        return turned_corners(self.boxes_xyxy, self.rows["angles"])

    def chosen(self, kept: npt.NDArray[Any] | slice) -> Detections:
        """Return some of them: kept: (n,) of bool, their indices, or a slice."""
        rows = np.arange(len(self))[kept]
        return Detections(
            *(self.boxes_xyxy[rows], self.scores[rows], self.class_ids[rows]),
            {name: values[rows] for name, values in self.rows.items()},
            None if self.masks is None else self.masks[rows],
        )

    def placed(self, to: Affine) -> Detections:
        """Return the same in the frame that `to` leads to."""
        rows = {name: ROWS[name].placed(to, values) for name, values in self.rows.items()}
        masks = None if self.masks is None else self.masks.placed(to)
        return Detections(to.boxes_xyxy(self.boxes_xyxy), self.scores, self.class_ids, rows, masks)

    def words(
        self, labels: Sequence[str] = (), names: Sequence[str] = (), boxes: bool = True
    ) -> Iterator[Line | Table]:
        """Give a line a box, and one of its landmarks by name or number; no more than MOST_TOLD.

        boxes: whether to say where; a classifier's are all the whole picture.
        """
        if not len(self):
            yield Line("  nothing above the threshold")
        told = self.chosen(slice(MOST_TOLD)).to_json(labels, names)
        for i, d in enumerate(told):
            yield Line(f"  {self.said(i, labels, boxes)}")
            if points := d.get("landmarks"):
                text = "  ".join(f"{k} {x:.1f},{y:.1f}" for k, (x, y) in points.items())
                yield Line(f"    {text}", "dim")
        if more := len(self) - len(told):
            yield Line(f"  and {more} more, which --json writes", "dim")

    def to_json(
        self, labels: Sequence[str] = (), names: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return one dict a box: box_xyxy, score, class_id, label, and its row values: landmarks
        by name or number; of a turned box, which box_xyxy is before turning, angle and corners."""
        rows, corners = [], self.corners_xy
        for i in range(len(self)):
            class_id = int(self.class_ids[i])
            row: dict[str, Any] = {
                "box_xyxy": [round(float(v), 4) for v in self.boxes_xyxy[i]],
                "score": round(float(self.scores[i]), 6),
                "class_id": class_id,
            }
            if class_id < len(labels):
                row["label"] = labels[class_id]
            for kind in rows_among(self.rows):
                row[kind.key] = kind.told(self.rows[kind.name][i], names)
            if self.masks is not None:
                row["mask"] = self.masks.told(i)
            if corners is not None:
                row["corners"] = np.round(corners[i], 4).tolist()
            rows.append(row)
        return rows

    def said(self, i: int, labels: Sequence[str] = (), boxes: bool = True) -> str:
        """Say detection i in a few words: its class, score and box, unless without `boxes`."""
        label = class_name(int(self.class_ids[i]), labels)
        box = " ".join(f"{v:.1f}" for v in self.boxes_xyxy[i])
        return f"{label} {self.scores[i]:.3f}" + f"  xyxy {box}" * boxes

    @staticmethod
    def from_json(rows: Sequence[dict[str, Any]]) -> Detections:
        """Return what `to_json` wrote."""
        n = len(rows)
        carried = {
            kind.name: kind.rows([kind.read(r[kind.key]) for r in rows], n)
            for kind in SHOWN
            if n and all(kind.key in r for r in rows)
        }
        return Detections(
            np.array([r["box_xyxy"] for r in rows], dtype=np.float64).reshape(n, 4),
            np.array([r["score"] for r in rows], dtype=np.float64),
            np.array([r["class_id"] for r in rows], dtype=np.int64),
            carried,
            read_masks([r["mask"] for r in rows]) if n and all("mask" in r for r in rows) else None,
        )


def overlaps(a: Detections, b: Detections) -> Floats:
    """Return IoU [len(a), len(b)]; of turned boxes, as polygons."""
    p, q = a.corners_xy, b.corners_xy
    return iou(a.boxes_xyxy, b.boxes_xyxy) if p is None or q is None else turned_iou(p, q)


def class_name(class_id: int, labels: Sequence[str]) -> str:
    """Return a class's label, or which it is: a number alone beside a score reads as one more."""
    return labels[class_id] if 0 <= class_id < len(labels) else f"class {class_id}"


def nothing_above(
    threshold: float | None, below: Detections | None, labels: Sequence[str] = ()
) -> str:
    """Say that nothing was found, and the best candidate below the threshold, if it is known."""
    said = "nothing above the threshold" + (f" {threshold:g}" if threshold is not None else "")
    return f"{said}; the best below it: {below.said(0, labels)}" if below is not None else said
