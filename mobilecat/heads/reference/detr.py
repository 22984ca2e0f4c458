"""DETR and its kin in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, from_centres, pick, table
from mobilecat.spec.heads import DetrHead


def decode(spec: DetrHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    boxes = pick(
        {k: v for k, v in outputs.items() if k != spec.logits},
        spec.boxes,
        lambda a: a.ndim >= 3 and a.shape[-1] == 4,
    )
    queries = outputs[boxes].shape[1]
    others = {k: v for k, v in outputs.items() if k != boxes}
    logits = pick(others, spec.logits, lambda a: a.ndim >= 3 and a.shape[1] == queries)
    scores = activate(table(outputs[logits]), spec.activation)
    if spec.no_object is None:
        extra = scores.shape[1] - spec.classes if spec.classes else spec.activation == "softmax"
        scores = scores[:, :-1] if extra else scores
    elif spec.no_object != "none":
        scores = np.delete(scores, {"first": 0, "last": -1}[spec.no_object], axis=1)
    a, b, c, d = table(outputs[boxes]).T
    if spec.units == "normalised":
        a, b, c, d = a * size_wh[0], b * size_wh[1], c * size_wh[0], d * size_wh[1]
    if spec.format == "xyxy":
        box = np.stack([a, b, np.maximum(a, c), np.maximum(b, d)], axis=1)[None]
    else:
        box = from_centres(a, b, np.maximum(c, 0), np.maximum(d, 0))
    return Candidates(box, scores[None])
