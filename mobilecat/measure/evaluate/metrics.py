"""Detections against labelled boxes: matches, VOC's 11-point AP, landmark error. Pure functions.

COCO's AP is the COCO library's own (`mobilecat.measure.evaluate.coco`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.disk.spill import Spill
from mobilecat.geometry.boxes import area_xyxy, iou
from mobilecat.geometry.turned import turned_corners, turned_iou
from mobilecat.pictures.detections import Detections

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

IOU = 0.5
"""From which overlap on a detection has found an object."""


@dataclass(frozen=True)
class Truth:
    """The objects of one picture, of the evaluated classes; see `Labelled`. points: None, or NaN
    where a point is not labelled, in the order in which both have landmarks.
    angles: see there. outlines: run lengths of each object in a picture of size_wh, None where it
    has none; None where no object has."""

    boxes_xyxy: Floats
    class_ids: Ints
    areas: Floats
    ignore: Flags
    crowd: Flags
    points: Floats | None = None
    angles: Floats | None = None
    outlines: tuple[dict[str, Any] | None, ...] | None = None
    size_wh: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.class_ids)

    @property
    def wanted(self) -> int:
        """How many objects are to be found."""
        return int(np.count_nonzero(~self.ignore))


@dataclass(frozen=True)
class Matched:
    """pairs: (object, detection, their IoU). extra: detections that are wrong. missed: objects."""

    pairs: tuple[tuple[int, int, float], ...]
    extra: tuple[int, ...]
    missed: tuple[int, ...]


def ious(truth: Truth, found: Detections) -> Floats:
    """Return [detections, objects]: IoU, as polygons where boxes or labels are turned."""
    corners, angles = found.corners_xy, truth.angles
    if corners is None and angles is None:
        return iou(found.boxes_xyxy, truth.boxes_xyxy)
    if corners is None:
        corners = turned_corners(found.boxes_xyxy, np.zeros(len(found)))
    turns = np.zeros(len(truth)) if angles is None else angles
    return turned_iou(corners, turned_corners(truth.boxes_xyxy, turns))


def overlaps(truth: Truth, there: Detections) -> Floats:
    """Return [detections, objects]: IoU; for a crowd, the share of the detection inside it.

    Source: COCO's evaluation, https://cocodataset.org/#detection-eval (crowds).
    """
    found, boxes_xyxy = ious(truth, there), there.boxes_xyxy
    for j in np.flatnonzero(truth.crowd):
        a, b = boxes_xyxy, truth.boxes_xyxy[j]
        sides = np.minimum(a[:, 2:], b[2:]) - np.maximum(a[:, :2], b[:2])
        inside = np.prod(np.clip(sides, 0, None), axis=1)
        own = area_xyxy(boxes_xyxy)
        found[:, j] = np.divide(inside, own, out=np.zeros_like(inside), where=own > 0)
    return found


def match(truth: Truth, found: Detections, at: float = IOU) -> Matched:
    """Match as COCO does: by falling score, each to the free object of its class it overlaps most.

    A detection that reaches no free object but one to be ignored is neither right nor wrong; a
    second one of the same object is wrong.
    """
    values = overlaps(truth, found)
    same = found.class_ids[:, None] == truth.class_ids[None, :]
    reach = np.where(same & (values >= at), values, -1.0)
    free = ~truth.ignore
    ignored = truth.ignore.copy()
    pairs, extra = [], []
    for i in np.argsort(-found.scores, kind="stable"):
        j = _best(reach[i], free)
        if j is not None:
            free[j] = False
            pairs.append((j, int(i), float(values[i, j])))
            continue
        j = _best(reach[i], ignored)
        if j is None:
            extra.append(int(i))
        elif not truth.crowd[j]:  # a crowd stands for many
            ignored[j] = False
    return Matched(tuple(pairs), tuple(extra), tuple(int(j) for j in np.flatnonzero(free)))


def _best(reach: Floats, allowed: Flags) -> int | None:
    """Return the allowed object that is reached best, or None."""
    open_to = np.where(allowed, reach, -1.0)
    j = int(open_to.argmax()) if open_to.size else -1
    return j if j >= 0 and open_to[j] >= 0 else None


class VocRows:
    """Detections of all classes held to their objects as the VOC 2007 development kit does.

    Each belongs to the object of its picture and class that it overlaps most, taken or not; the
    second of an object is wrong; those of a difficult one do not count. Held of a detection are its
    score, class, and object: the picture's number and its own, −1 for none, −2 for a difficult one;
    on disk where they are many.
    """

    def __init__(self) -> None:
        self._rows, self._held, self._at = _no_rows(), Spill(), array("q")
        self._wanted: dict[int, int] = {}
        self._pictures = 0

    def add(self, truth: Truth, found: Detections, at: float = IOU) -> None:
        """Hold one more picture."""
        k, self._pictures = self._pictures, self._pictures + 1
        for kind in truth.class_ids[~truth.ignore].tolist():
            self._wanted[kind] = self._wanted.get(kind, 0) + 1
        if not len(found):
            return
        objects = np.full(len(found), -1)
        if len(truth):
            same = found.class_ids[:, None] == truth.class_ids[None]
            reach = np.where(same, ious(truth, found), -1.0)
            best = reach.argmax(axis=1)
            hit = reach[np.arange(len(found)), best] >= at
            objects[hit] = np.where(truth.ignore[best], -2, best)[hit]
        scores, kinds, places, its = self._rows
        scores.extend(found.scores.tolist())
        kinds.extend(found.class_ids.tolist())
        places.extend([k] * len(found))
        its.extend(objects.tolist())
        if len(self._rows[0]) >= ROWS:
            self._at.append(self._held.put(self._rows))
            self._rows = _no_rows()

    def flags(self, class_id: int) -> tuple[Floats, Flags, int]:
        """Return (scores, which are right, objects to find) of one class, by falling score."""
        parts = []
        for rows in (*map(self._held.get, self._at), self._rows):
            scores, kinds, places, objects = (np.frombuffer(held, held.typecode) for held in rows)
            mine = (kinds == class_id) & (objects != -2)
            parts.append((scores[mine], places[mine], objects[mine]))
        scores, places, objects = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(-scores, kind="stable")
        scores, objects = scores[order], objects[order]
        hit = np.flatnonzero(objects >= 0)
        wide = int(objects.max(initial=-1)) + 1
        both = places[order[hit]].astype(np.int64) * wide + objects[hit]  # one number an object
        right = np.zeros(len(scores), np.bool_)
        right[hit[np.unique(both, return_index=True)[1]]] = True
        return scores, right, self._wanted.get(class_id, 0)


ROWS = 1 << 16
"""Detections in memory."""
_Rows = tuple["array[float]", "array[int]", "array[int]", "array[int]"]


def _no_rows() -> _Rows:
    return array("d"), array("i"), array("i"), array("i")


def voc_flags(
    pictures: Iterable[tuple[Truth, Detections]], class_id: int, at: float = IOU
) -> tuple[Floats, Flags, int]:
    """Return what `VocRows` says of one class of these pictures."""
    rows = VocRows()
    for truth, found in pictures:
        rows.add(truth, found, at)
    return rows.flags(class_id)


def interpolated_ap(right: Flags, wanted: int, points: int = 11) -> float | None:
    """Return the mean, over recall 0, 1/(points−1), … 1, of the best precision from there on.

    right: by falling score. None where nothing was to be found. 11 points: VOC 2007 (Everingham et
    al., IJCV 2010, §4.2); 101: COCO.
    """
    if wanted == 0:
        return None
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    # The first detection whose recall hits/wanted ≥ k/(points−1), in whole numbers.
    at = np.searchsorted(hits * (points - 1), np.arange(points) * wanted, side="left")
    return float(np.append(best, 0.0)[at].sum() / points)


def landmark_error(
    truth: Floats, found: Floats, eyes: tuple[int, int] | None, box_xyxy: Floats
) -> float | None:
    """Return the mean distance of landmarks over the distance of the true eyes (without eyes: over
    √ of the box's area). None where no point, or not both eyes, are labelled.

    Shapes: (L,2), (L,2), …, (4,). NaN in `truth`: not labelled.
    """
    there = ~np.isnan(truth).any(axis=1)
    if eyes is None:
        unit = float(np.sqrt(area_xyxy(box_xyxy)))
    else:
        unit = float(np.hypot(*(truth[eyes[0]] - truth[eyes[1]])))
    if not there.any() or not unit > 0:
        return None
    apart = np.hypot(*(truth[there] - found[there]).T)
    return float(apart.mean() / unit)


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return float(np.mean(values)) if values else None
