"""Candidates that suppression takes away by far: none of them is a detection, nor nearly one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import as_floats
from mobilecat.geometry.boxes import iou
from mobilecat.heads.reference.selection import select
from mobilecat.judge.observe import Observed, watched

BY_FAR = 0.1
"""How much better the box that is kept must score, and how much above the threshold it must
overlap, so that neither rounding nor the next frame turns the two around."""


def behind(bundle: Bundle, *sides: Observed) -> npt.NDArray[np.bool_] | None:
    """Return which candidates a better box takes away by far on each of the sides, [N].

    Better: kept by the suppression of that side's own candidates, of the class that it compares,
    with a score more than BY_FAR above the candidate's and an IoU more than BY_FAR above the
    threshold. None where nothing is told from anything: no suppression, boxes that are turned,
    candidates that a side does not give out.
    """
    found = [_behind(bundle, side) for side in sides]
    there = [rows for rows in found if rows is not None]
    if not there or len(there) < len(found) or len({rows.size for rows in there}) > 1:
        return None
    return np.asarray(np.logical_and.reduce(there))


def _behind(bundle: Bundle, side: Observed) -> npt.NDArray[np.bool_] | None:
    nms, names = bundle.spec.effective_nms, {w.kind: n for n, w in watched(bundle).items()}
    given = [side.tensors.get(names.get(kind, "")) for kind in ("boxes", "scores")]
    if nms is None or nms.selection != "nms" or bundle.spec.head.turned:
        return None
    if any(t is None or t.ndim != 3 or not np.isfinite(t).all() for t in given):
        return None
    boxes, scores = (as_floats(np.asarray(t))[0] for t in given)
    if boxes.shape != (len(scores), 4) or not scores.size:
        return None
    best, classes = scores.max(axis=1), scores.argmax(axis=1)
    if nms.candidates is not None:
        rest = np.argsort(-best, kind="stable")[nms.candidates :]
        scores = scores.copy()
        scores[rest] = 0  # they do not compete
    kept = select(boxes, scores, nms).rows
    firmly = iou(boxes, boxes[kept]) > nms.iou_threshold + BY_FAR
    firmly &= best[kept][None] > best[:, None] + BY_FAR
    if nms.per_class:
        firmly &= classes[kept][None] == classes[:, None]
    return np.asarray(firmly.any(axis=1))
