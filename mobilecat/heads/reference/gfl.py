"""NanoDet, PicoDet, GFL and RTMDet in numpy: what each family's authors do, side by side."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, softmax
from mobilecat.heads.reference.levels import Pyramid, around, cut
from mobilecat.spec.heads import GflHead

P6, P7 = (8, 16, 32, 64), (8, 16, 32, 64, 128)
SAYS = {
    # where a point lies in its cell, strides, bins, scores still to be squashed, cut at the input
    "nanodet": (0.5, (8, 16, 32), 8, "none", True),
    "nanodet-plus": (0, P6, 8, "none", True),
    "picodet": (0.5, P6, 8, "none", False),
    "gfl": (0, P7, 17, "sigmoid", False),
    "rtmdet": (0, (8, 16, 32), 1, "sigmoid", False),
    None: (None, None, None, None, False),
}


def decode(spec: GflHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """x1 = x − left, y1 = y − top, x2 = x + right, y2 = y + bottom, of x, y = (cell + offset) ·
    stride; a distance is Σ k·softmax(bins)ₖ strides, or a number.
    """
    offset, strides, bins, activation, clip = SAYS[spec.family]
    offset = (offset or 0) if spec.offset is None else spec.offset
    bins, activation = spec.bins or bins, spec.activation or activation
    clip = clip if spec.clip is None else spec.clip
    pyramid, scores, sides = _tables(spec, outputs, size_wh, spec.strides or strides, bins)
    cells = np.array([(s, col, row) for s, row, col in pyramid.cells()], dtype=np.float64)
    step = cells[:, :1]
    count = sides.shape[1] // 4
    if count > 1:
        shares = softmax(sides.reshape(len(sides), 4, count))
        sides = sum(k * shares[..., k] for k in range(count)) * step
    elif spec.distances == "strides":
        sides = sides * step
    boxes = around((cells[:, 1:] + offset) * step, sides)
    return Candidates(
        cut(boxes, size_wh) if clip else boxes, activate(scores, activation or "none")[None]
    )


def _tables(
    spec: GflHead,
    outputs: Arrays,
    size_wh: tuple[int, int],
    strides: tuple[int, ...] | None,
    bins: int | None,
) -> tuple[Pyramid, Array, Array]:
    for chosen in (strides,) if strides else (P7, P6, (8, 16, 32)):
        pyramid = Pyramid(outputs, size_wh, chosen, 1, spec.layout)
        if spec.output is not None or (len(outputs) == 1 and not spec.boxes):
            rows = pyramid.take(spec.output, lambda d: True)
            if rows is not None and bins is not None:
                return pyramid, rows[:, : -4 * bins], rows[:, -4 * bins :]
            continue
        for depth in (4 * bins,) if bins else range(4, 4096, 4):
            pyramid = Pyramid(outputs, size_wh, chosen, 1, spec.layout)
            sides = pyramid.take(spec.boxes, lambda d, depth=depth: d == depth)  # type: ignore[misc]
            scores = None if sides is None else pyramid.take(spec.scores, lambda d: True)
            if sides is not None and scores is not None:
                return pyramid, scores, sides
    raise ValueError("these outputs are no gfl")
