"""UltraFace in the graph, with and without its own decode inside.

Source: https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB
(`vision/utils/box_utils.py`: priors are cut at the picture's size).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, rows_of
from mobilecat.heads.priors import from_priors
from mobilecat.spec.heads import UltrafaceHead

SIDES = {
    8: (10.0, 16.0, 24.0),
    16: (32.0, 48.0),
    32: (64.0, 96.0),
    64: (128.0, 192.0, 256.0),
}
VARIANCES = ((0.1, 0.1), (0.2, 0.2))


def settle(spec: UltrafaceHead, network: Network) -> Head:
    """Hold the number of rows to the priors of the input size."""
    fit = Fit(spec.kind, network)
    width, height = network.size_wh
    priors = _priors(network.size_wh)
    n = len(priors)
    boxes = fit.output("boxes", spec.boxes, f"[1, {n}, 4]", rows_of(4, n))
    scores = fit.output("scores", spec.scores, f"[1, {n}, 2]", rows_of(2, n))
    fit.require()

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        face = ops.columns(build, "candidate_scores", raw[scores], 1, 2)
        if spec.form == "decoded":
            low, high = ops.split(build, "corner", raw[boxes], 2, 2)
            high = build.op("Max", "sound_corner", low, high)
            corners = build.op("Concat", "corners", low, high, axis=-1)
            side = ops.f32([width, height, width, height])
            return Candidates(build.op("Mul", "candidate_boxes", corners, side), face)
        offset, log_size = ops.split(build, "encoding", raw[boxes], 2, 2)
        return Candidates(from_priors(build, offset, log_size, priors, VARIANCES), face)

    return Head((boxes, scores), 1, 0, f"ultraface, {spec.form}, {n} candidates", decode)


def _priors(size_wh: tuple[int, int]) -> Array:
    """Return [N,4] centre x, y, width, height in pixels, none larger than the picture."""
    rows = []
    size = np.array(size_wh, dtype=np.float64)
    for stride, sides in SIDES.items():
        cols, lines = (math.ceil(side / stride) for side in size_wh)
        line, col = np.divmod(np.arange(lines * cols), cols)
        centres = (np.stack([col, line], axis=1) + 0.5) / [cols, lines] * size
        block = np.empty((lines * cols, len(sides), 4))
        block[..., :2] = np.minimum(centres, size)[:, None]
        block[..., 2:] = np.minimum(np.array(sides)[:, None], size)
        rows.append(block.reshape(-1, 4))
    return np.concatenate(rows)
