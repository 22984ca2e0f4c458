"""SCRFD in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate
from mobilecat.heads.reference.levels import Pyramid, around
from mobilecat.spec.heads import ScrfdHead


def decode(spec: ScrfdHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """x1 = (col − left) · stride, y2 = (row + bottom) · stride, point = (cell + kps) · stride."""
    pyramid, sides = _published(spec, outputs, size_wh)
    scores = pyramid.take(spec.scores, lambda d: spec.scores is not None or d == 1)
    points = pyramid.take(spec.points, lambda d: d >= 6)
    assert scores is not None
    cells = np.array([(s, col, row) for s, row, col in pyramid.cells()], dtype=np.float64)
    s, at = cells[:, :1], cells[:, 1:]
    boxes = around(at * s, sides * s)
    found = activate(scores, spec.activation)[None]
    if points is None:
        return Candidates(boxes, found)
    placed = (at[:, None] + points.reshape(len(at), -1, 2)) * s[:, None]
    return Candidates(boxes, found, {"landmarks": placed.reshape(1, len(at), -1)})


def _published(spec: ScrfdHead, outputs: Arrays, size_wh: tuple[int, int]) -> tuple[Pyramid, Array]:
    """Return the pyramid of which the boxes are all there, and the boxes."""
    for published in ((8, 16, 32), (8, 16, 32, 64, 128)):
        strides = spec.strides or published
        anchors = spec.anchors or (2 if len(strides) == 3 else 1)
        pyramid = Pyramid(outputs, size_wh, strides, anchors, spec.layout)
        sides = pyramid.take(spec.boxes, lambda d: d == 4)
        if sides is not None:
            return pyramid, sides
    raise ValueError("no published SCRFD has these outputs")
