"""What a picture shows, in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, pick
from mobilecat.spec.heads import ClassifyHead


def decode(spec: ClassifyHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    name = pick(outputs, spec.output, lambda a: a.size == max(a.shape, default=0))
    scores = activate(outputs[name].reshape(-1).astype(np.float64), spec.activation)
    box = np.array([0.0, 0.0, *size_wh]).reshape(1, 1, 4)
    return Candidates(box, scores[int(spec.background) :].reshape(1, 1, -1))
