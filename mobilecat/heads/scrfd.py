"""SCRFD in the graph: distances and points in strides, from the corners of the cells.

Source: https://github.com/deepinsight/insightface (`model_zoo/scrfd.py` of its Python package: six
or nine outputs mean strides 8, 16, 32 with two anchors a cell, ten or fifteen mean 8 to 128 with
one; an anchor's point is column · stride, row · stride). Its scores are sigmoid already.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.distances import from_distances
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.heads.levels import Levels, grids_of, places, rows_of
from mobilecat.spec.heads import ScrfdHead

PUBLISHED = (((8, 16, 32), 2), ((8, 16, 32, 64, 128), 1))
"""Strides, and anchors a cell."""


def settle(spec: ScrfdHead, network: Network) -> Head:
    """Take the published pair of strides and anchors that the outputs fit."""
    fit = Fit(spec.kind, network)
    levels = _levels(spec, network, fit)
    a = levels.anchors
    boxes = levels.quantity("boxes", spec.boxes, "[N, 4]", lambda d: d == 4)
    scores = levels.quantity(
        "scores", spec.scores, "[N, 1]", lambda d: d == 1 or (spec.scores is not None and d > 0)
    )
    points = levels.quantity(
        "points", spec.points, "[N, 2L]", lambda d: d >= 2 * 3 and d % 2 == 0, optional=True
    )
    fit.require()
    assert boxes is not None and scores is not None
    n, count = levels.total, points.depth // 2 if points else 0

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        at, stride = places(levels.grids, 0, a)
        step = ops.f32(stride[None])
        sides = build.op("Mul", "sides_px", rows_of(build, "sides", raw, boxes, levels), step)
        xyxy = from_distances(build, "candidate_boxes", sides, at, sound=False)
        logits = rows_of(build, "cls", raw, scores, levels)
        found = ops.activated(build, "candidate_scores", logits, spec.activation)
        if points is None:
            return Candidates(xyxy, found)
        kps = build.op("Mul", "kps_px", rows_of(build, "kps", raw, points, levels), step)
        pairs = ops.reshape(build, "kps_pairs", kps, 1, n, count, 2)
        placed = build.op("Add", "kps_at", pairs, ops.f32(at[None, :, None]))
        landmarks = ops.reshape(build, "candidate_landmarks", placed, 1, n, 2 * count)
        return Candidates(xyxy, found, {"landmarks": landmarks})

    each = "1 anchor" if a == 1 else f"{a} anchors"
    said = (
        f"scrfd, {classes_of(scores.depth)}, {n} candidates ({levels.words}, {each} a cell), "
        f"{count} landmarks; boxes {boxes.words}, {spec.activation} on the scores"
    )
    raw = (*scores.names, *boxes.names, *(points.names if points else ()))
    return Head(raw, scores.depth, count, said, decode)


def _levels(spec: ScrfdHead, network: Network, fit: Fit) -> Levels:
    """Return the levels of the spec, or of the published pair whose boxes are all there."""
    options = [
        (spec.strides or strides, spec.anchors or anchors)
        for strides, anchors in PUBLISHED
        if spec.strides is None or len(spec.strides) == len(strides)
    ] or [(spec.strides or (), spec.anchors or 1)]
    made = [Levels(fit, grids_of(network.size_wh, s), a, spec.layout) for s, a in options]
    fitting = [m for m in made if 4 in m.depths()]
    return next(iter(fitting), made[int(np.argmin([m.total for m in made]))])
