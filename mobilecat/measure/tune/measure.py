"""One picture's detections held to its labels once an IoU threshold; a row for every setting.

Matching is greedy by falling score, so what is found above a higher score threshold, or within the
first K, is the head of what is found at the lowest: no setting is matched twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.measure.evaluate.metrics import IOU, Truth, interpolated_ap, match
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.tune.grid import Setting
from mobilecat.pictures.detections import Detections

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """One picture after suppression at one IoU threshold, best first; one more than the largest
    max_detections, so that a cut shows.

    class_ids: [n], in the classes in common, −1 for others. iou: [n], with the object that each one
    found; 0 for none. counted: [n], False where the labels do not say right or wrong: a class that
    they do not have, or an object to be ignored.
    """

    scores: Floats
    class_ids: Ints
    iou: Floats
    counted: Flags

    def head(self, setting: Setting) -> Judged:
        n = min(int(np.count_nonzero(self.scores > setting.score_threshold)),
                setting.max_detections)  # fmt: skip
        return Judged(self.scores[:n], self.class_ids[:n], self.iou[:n], self.counted[:n])


@dataclass(frozen=True)
class Row:
    """What one setting gives over all pictures, at a matching IoU of 0.5.

    precision, mean_iou: None where nothing was found to divide by. map50: the mean over labelled
    classes of COCO's average precision, within what this setting lets through.
    detections_mean, detections_max: a picture, of every class. cut: pictures in which
    max_detections left boxes out. candidates: a picture, above the score threshold. nms_ms:
    CPU time of the numpy suppression, a picture, at this setting alone.
    """

    setting: Setting
    true_positives: int
    false_positives: int
    missed: int
    precision: float | None
    recall: float
    f1: float
    false_positives_a_picture: float
    mean_iou: float | None
    map50: float
    detections_mean: float
    detections_max: int
    cut: int
    candidates: float
    nms_ms: float

    def to_json(self) -> dict[str, Any]:
        """Return the row as one flat object."""
        row = asdict(self)
        return {**row.pop("setting"), **row}


def judge(truth: Truth, found: Detections, classes: ClassMap) -> Judged:
    """Hold a picture's detections, best first, to its objects."""
    ids = np.array([classes.model.get(int(c), -1) for c in found.class_ids], dtype=np.int64)
    finite = np.isfinite(found.boxes_xyxy).all(axis=1)
    known = np.flatnonzero((ids >= 0) & finite)
    mine = Detections(found.boxes_xyxy[known], found.scores[known], ids[known])
    matched = match(truth, mine, IOU)
    iou, counted = np.zeros(len(found)), np.zeros(len(found), dtype=bool)
    for _, i, overlap in matched.pairs:
        iou[known[i]] = overlap
        counted[known[i]] = True
    counted[known[list(matched.extra)]] = True
    return Judged(found.scores, ids, iou, counted)


def row_of(
    setting: Setting,
    judged: Sequence[Judged],
    wanted: Mapping[int, int],
    candidates: float,
    nms_ms: float,
) -> Row:
    """Return the figures of `setting`. judged: every picture at its IoU threshold.

    wanted: class → objects to be found, at least one in all. candidates, nms_ms: see `Row`.
    """
    heads = [j.head(setting) for j in judged]
    scores = np.concatenate([h.scores for h in heads])
    iou = np.concatenate([h.iou for h in heads])
    classes = np.concatenate([h.class_ids for h in heads])
    counted = np.concatenate([h.counted for h in heads])
    hits, objects = iou[counted & (iou > 0)], sum(wanted.values())
    tp, fp = len(hits), int(np.count_nonzero(counted)) - len(hits)
    lengths = [len(h.scores) for h in heads]
    full = [np.count_nonzero(j.scores > setting.score_threshold) for j in judged]
    aps = [
        _average_precision(scores[mine], iou[mine] > 0, n)
        for c, n in wanted.items()
        for mine in [counted & (classes == c)]
    ]
    return Row(
        setting=setting,
        true_positives=tp,
        false_positives=fp,
        missed=objects - tp,
        precision=tp / (tp + fp) if tp + fp else None,
        recall=tp / objects,
        f1=2 * tp / (tp + fp + objects),
        false_positives_a_picture=fp / len(judged),
        mean_iou=float(hits.mean()) if tp else None,
        map50=float(np.mean(aps)),
        detections_mean=float(np.mean(lengths)),
        detections_max=max(lengths),
        cut=sum(int(n > setting.max_detections) for n in full),
        candidates=candidates,
        nms_ms=nms_ms,
    )


def _average_precision(scores: Floats, found: Flags, objects: int) -> float:
    """Return COCO's AP of one class, without its limit of 100 detections a picture."""
    order = np.argsort(-scores, kind="stable")
    return interpolated_ap(found[order], objects, points=101) or 0.0
