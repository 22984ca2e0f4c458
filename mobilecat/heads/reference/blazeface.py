"""BlazeFace in numpy."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, sigmoid, table
from mobilecat.spec.heads import BlazefaceHead


def decode(spec: BlazefaceHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """xy = r / N + anchor, wh = r / N, in 0..1; score = σ of the logit within ±100. No side is
    below 0.
    """
    width, height = size_wh
    logits = table(outputs[pick(outputs, spec.scores, lambda a: a.shape[-1] == 1)])
    r = table(outputs[pick(outputs, spec.boxes, lambda a: a.shape[-1] > 1)])
    layers = (
        spec.layers
        or {
            size_wh[0] * size_wh[1] // 64 * 2 + size_wh[0] * size_wh[1] // 256 * 6: (
                (8, 2),
                (16, 6),
            ),
            size_wh[0] * size_wh[1] // 256 * 2 + size_wh[0] * size_wh[1] // 1024 * 6: (
                (16, 2),
                (32, 6),
            ),
            size_wh[0] * size_wh[1] // 16: ((4, 1),),
            sum(
                math.ceil(size_wh[0] / s) * math.ceil(size_wh[1] / s) * k
                for s, k in ((8, 2), (16, 2), (32, 6))
            ): ((8, 2), (16, 2), (32, 6)),
        }[len(r)]
    )
    anchors = []
    for stride, count in layers:
        cols, rows = math.ceil(width / stride), math.ceil(height / stride)
        for row in range(rows):
            for col in range(cols):
                anchors += [((col + 0.5) / cols, (row + 0.5) / rows)] * count
    ax, ay = np.array(anchors).T
    x, y = (r[:, 0::2] / width + ax[:, None]) * width, (r[:, 1::2] / height + ay[:, None]) * height
    w, h = np.maximum(r[:, 2:4], 0).T
    boxes = from_centres(x[:, 0], y[:, 0], w, h)
    points = np.stack([x[:, 2:], y[:, 2:]], axis=-1).reshape(1, len(r), -1)
    return Candidates(boxes, sigmoid(np.clip(logits, -100, 100))[None], {"landmarks": points})
