"""One picture's candidates before suppression, ranked; and suppression for many settings at once.

The rules are `mobilecat.bake.nms`'s. Suppression is greedy by falling score, so what a higher score
threshold or a smaller max_detections keeps is the head of what the lowest and the largest keep: one
pass over the candidates settles every combination of an IoU threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.geometry.affine import Affine
from mobilecat.geometry.turned import probiou, turned_corners, turned_iou
from mobilecat.heads import Candidates
from mobilecat.pictures.detections import Detections
from mobilecat.rows import SHOWN
from mobilecat.spec.values import Selection

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """Candidates above `floor`, best first, ties in the head's order.

    boxes_xyxy: [n,4], pixels of the model input. scores, class_ids: [n], the best class of each.
    rows: other row values by name, [n,…] in the same pixels. decoded: how many the head gave.
    """

    floor: float
    decoded: int
    boxes_xyxy: Floats
    scores: Floats
    class_ids: Ints
    rows: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, floor: float) -> Ranked:
        """Return those whose score is above `floor`, which is not below this one's."""
        n = int(np.count_nonzero(self.scores > floor))
        rows = {name: values[:n] for name, values in self.rows.items()}
        return Ranked(
            floor, self.decoded, self.boxes_xyxy[:n], self.scores[:n], self.class_ids[:n], rows
        )

    def detections(self, rows: Ints, image_from_model: Affine) -> Detections:
        """Return `rows` in picture pixels, of the precision that the tensor contract has."""
        in_model = Detections(
            _single(self.boxes_xyxy[rows]),
            _single(self.scores[rows]),
            self.class_ids[rows],
            {name: _single(values[rows]) for name, values in self.rows.items()},
        )
        return in_model.placed(image_from_model)


def _single(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def rank(found: Candidates, floor: float, selection: Selection = "nms") -> Ranked:
    """Return one picture's candidates whose best class scores above `floor`; of the selection
    `pairs`, each with every class that does."""
    scores = np.asarray(found.scores[0], np.float64)
    if selection == "pairs":
        keys, classes = scores.ravel(), np.tile(np.arange(scores.shape[1]), len(scores))
    else:
        keys, classes = scores.max(axis=1, initial=-np.inf), scores.argmax(axis=1)
    places = np.argsort(-keys, kind="stable")
    places = places[keys[places] > floor]
    order = places // scores.shape[1] if selection == "pairs" else places
    rows = {
        row.name: row.rows(np.asarray(found.rows[row.name], np.float64)[0], len(scores))[order]
        for row in SHOWN
        if row.name in found.rows
    }
    return Ranked(
        floor,
        len(scores),
        np.asarray(found.boxes[0], np.float64)[order],
        keys[places],
        classes[places].astype(np.int64),
        rows,
    )


def suppress_at(
    ranked: Ranked,
    iou_thresholds: Sequence[float],
    most: int,
    per_class: bool,
    overlap: str = "iou",
) -> list[Ints]:
    """Return, for each IoU threshold, the rows kept, best first, at most `most`.

    overlap: how it is measured, as `[nms]` says it.
    """
    boxes, classes, n = ranked.boxes_xyxy, ranked.class_ids, len(ranked)
    if min(iou_thresholds) >= 1:  # nothing overlaps by more
        return [np.arange(min(n, most)) for _ in iou_thresholds]
    sides = boxes[:, 2:] - boxes[:, :2]
    areas = sides[:, 0] * sides[:, 1]
    limits = np.array(iou_thresholds, dtype=np.float64)[:, None]
    alive = np.ones((len(limits), n), dtype=bool)
    kept: list[list[int]] = [[] for _ in iou_thresholds]
    for i in range(n):
        open_ = [t for t in np.flatnonzero(alive[:, i]) if len(kept[t]) < most]
        if not open_:
            continue
        for t in open_:
            kept[t].append(i)
        later = slice(i + 1, n)
        if overlap == "iou":
            iou = _iou(boxes[i], boxes[later], areas[i], areas[later])
        else:
            iou = _turned(ranked, i, overlap)
        held = iou <= limits[open_]
        if per_class:
            held |= classes[later] != classes[i]
        alive[open_, later] &= held
    return [np.array(rows, dtype=np.int64) for rows in kept]


def _turned(ranked: Ranked, i: int, overlap: str) -> Floats:
    """Return how much turned box i overlaps each that comes later."""
    boxes, angles, later = ranked.boxes_xyxy, ranked.rows["angles"], slice(i + 1, None)
    if overlap == "probiou":
        found = probiou(boxes[[i]], angles[[i]], boxes[later], angles[later])
    else:
        corners = turned_corners(boxes, angles)
        found = turned_iou(corners[[i]], corners[later])
    row: Floats = found[0]
    return row


def _iou(box: Floats, others: Floats, area: float, areas: Floats) -> Floats:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    overlap = np.clip(high - low, 0, None)
    inter = overlap[:, 0] * overlap[:, 1]
    union = area + areas - inter
    out: Floats = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return out
