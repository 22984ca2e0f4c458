"""One box and one class a picture in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, pick
from mobilecat.heads.reference.box import xyxy
from mobilecat.spec.heads import BoxClassHead


def decode(spec: BoxClassHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    boxes = pick(
        {k: v for k, v in outputs.items() if k != spec.scores}, spec.boxes, lambda a: a.size == 4
    )
    scores = pick({k: v for k, v in outputs.items() if k != boxes}, spec.scores, lambda a: True)
    cls = activate(outputs[scores].reshape(1, 1, -1).astype(np.float64), spec.activation)
    box = xyxy(outputs[boxes].reshape(-1), spec.format, spec.units, size_wh)
    return Candidates(box, cls)
