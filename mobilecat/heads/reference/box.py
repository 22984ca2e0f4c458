"""One box a picture in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import ANCHORS, Candidates
from mobilecat.heads.reference.arrays import Arrays, pick
from mobilecat.spec.heads import BoxHead


def decode(spec: BoxHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    rest = {k: v for k, v in outputs.items() if k != spec.score}
    exact = spec.start == 0 and any(a.size == 4 for k, a in rest.items() if k != ANCHORS)
    least = spec.start + 4
    name = pick(rest, spec.output, lambda a: a.size == 4 if exact else a.size >= least)
    four = outputs[name].reshape(-1)[spec.start : spec.start + 4]
    box = xyxy(four, spec.format, spec.units, size_wh)
    return Candidates(box, score_of(outputs, spec.score))


def xyxy(four: Array, format: str, units: str, size_wh: tuple[int, int]) -> Array:
    """Return [1,1,4] in pixels."""
    a, b, c, d = (float(v) for v in four)
    if format == "xywh":
        a, b, c, d = a, b, a + c, b + d
    if format == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    box = np.array([[[a, b, c, d]]])
    return box * [[[*size_wh, *size_wh]]] if units == "normalised" else box


def score_of(outputs: Arrays, name: str | None) -> Array:
    """Return [1,1,1]: the last value of the output, or 1."""
    value = float(outputs[name].reshape(-1)[-1]) if name else 1.0
    return np.array([[[value]]])
