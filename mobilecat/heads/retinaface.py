"""RetinaFace in the graph: encodings of square priors, two scores, points against the priors.

Source: https://github.com/biubug6/Pytorch_Retinaface (`layers/functions/prior_box.py`,
`utils/box_utils.py`, `data/config.py`; `models/retinaface.py` has the phases `train`, `test` with
the softmax inside, and `test-decode`, which gives the decoded form). Its authors take BGR less
(104, 117, 123).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, rows_of
from mobilecat.heads.levels import Levels, Quantity, grids_of, places
from mobilecat.heads.levels import rows_of as level_rows
from mobilecat.heads.priors import from_priors
from mobilecat.spec.heads import RetinafaceHead

SCORES = 2


@dataclass(frozen=True)
class _Found:
    """Either one output with all columns, or a quantity each. points: how many."""

    levels: Levels
    points: int
    whole: str = ""
    boxes: Quantity | None = None
    scores: Quantity | None = None
    landmarks: Quantity | None = None

    @property
    def raw(self) -> tuple[str, ...]:
        parts = (self.boxes, self.scores, self.landmarks)
        return (self.whole,) if self.whole else tuple(n for q in parts if q for n in q.names)


def settle(spec: RetinafaceHead, network: Network) -> Head:
    """Find the three quantities by their columns, or the one output that has them all."""
    fit = Fit(spec.kind, network)
    a = len(spec.priors[0])
    levels = Levels(fit, grids_of(network.size_wh, spec.strides), a, spec.layout)
    found = _found(spec, levels)
    fit.require()
    n = levels.total

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        boxes, scores, points = _parts(build, raw, spec, found)
        both = ops.activated(build, "probabilities", scores, spec.activation)
        face = ops.columns(build, "candidate_scores", both, 1, 2)
        if spec.form == "decoded":
            return _decoded(build, boxes, face, points, network.size_wh, found.points)
        priors = _priors(spec, levels)
        offset, log_size = ops.split(build, "encoding", boxes, 2, 2)
        v_xy, v_wh = spec.variances
        xyxy = from_priors(build, offset, log_size, priors, ((v_xy, v_xy), (v_wh, v_wh)))
        pairs = ops.reshape(build, "pairs", points, 1, n, found.points, 2)
        step = ops.f32(priors[None, :, 2:, None] * v_xy)
        moved = build.op("Mul", "points_px", pairs, step)
        placed = build.op("Add", "points_at", moved, ops.f32(priors[None, :, None, :2]))
        landmarks = ops.reshape(build, "candidate_landmarks", placed, 1, n, 2 * found.points)
        return Candidates(xyxy, face, {"landmarks": landmarks})

    where = f"all columns in {found.whole!r}, {spec.columns}" if found.whole else "an output each"
    said = (
        f"retinaface, {spec.form}, {n} candidates ({levels.words}, {a} priors a cell), "
        f"{found.points} landmarks; {where}, {spec.activation} on the scores"
    )
    return Head(found.raw, 1, found.points, said, decode)


def _found(spec: RetinafaceHead, levels: Levels) -> _Found:
    fit, n = levels.fit, levels.total
    single = spec.output is not None or spec.columns is not None
    outputs = fit.network.outputs
    if not single and not any((spec.boxes, spec.scores, spec.points)):
        apart = any(depth == 4 for depth in levels.depths())
        whole = [k for k, s in outputs.items() if _has_all(s, n)]
        single = not apart and len(whole) == 1
    if single:
        name = fit.output("output", spec.output, f"[1, {n}, 6+2L]", lambda s: _has_all(s, n))
        if spec.columns is None:
            fit.ask(
                "columns",
                "boxes, scores and points are in one output, and no shape tells their order",
                'set head.columns = "boxes-scores-points" or "boxes-points-scores"',
            )
        return _Found(levels, (outputs[name][-1] - 4 - SCORES) // 2 if name else 0, name)
    boxes = levels.quantity("boxes", spec.boxes, "[1, N, 4]", lambda d: d == 4)
    scores = levels.quantity("scores", spec.scores, "[1, N, 2]", lambda d: d == SCORES)
    points = levels.quantity(
        "points", spec.points, "[1, N, 2L]", lambda d: d >= 2 * 3 and d % 2 == 0
    )
    return _Found(levels, points.depth // 2 if points else 0, "", boxes, scores, points)


def _has_all(shape: tuple[int, ...], n: int) -> bool:
    return rows_of(rows=n)(shape) and shape[-1] >= 4 + SCORES + 2 and shape[-1] % 2 == 0


def _parts(
    build: Builder, raw: Mapping[str, ir.Value], spec: RetinafaceHead, found: _Found
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return boxes, scores, points as [1,N,·]."""
    n, columns = found.levels.total, 2 * found.points
    if found.whole:
        rows = ops.reshape(build, "rows", raw[found.whole], 1, n, 4 + SCORES + columns)
        if spec.columns == "boxes-scores-points":
            boxes, scores, points = ops.split(build, "row", rows, 4, SCORES, columns)
        else:
            boxes, points, scores = ops.split(build, "row", rows, 4, columns, SCORES)
        return boxes, scores, points
    assert found.boxes and found.scores and found.landmarks
    boxes = level_rows(build, "loc", raw, found.boxes, found.levels)
    scores = level_rows(build, "conf", raw, found.scores, found.levels)
    return boxes, scores, level_rows(build, "landms", raw, found.landmarks, found.levels)


def _decoded(
    build: Builder,
    boxes: ir.Value,
    face: ir.Value,
    points: ir.Value,
    size_wh: tuple[int, int],
    count: int,
) -> Candidates:
    low, high = ops.split(build, "corner", boxes, 2, 2)
    high = build.op("Max", "sound_corner", low, high)
    corners = build.op("Concat", "corners", low, high, axis=-1)
    xyxy = build.op("Mul", "candidate_boxes", corners, ops.f32([*size_wh, *size_wh]))
    placed = build.op("Mul", "candidate_landmarks", points, ops.f32([*size_wh] * count))
    return Candidates(xyxy, face, {"landmarks": placed})


def _priors(spec: RetinafaceHead, levels: Levels) -> Array:
    """Return [N,3] centre x, y and side in pixels: stride, row, column, then prior."""
    points, _ = places(levels.grids, 0.5, levels.anchors)
    by_stride = dict(zip(spec.strides, spec.priors, strict=True))
    sides = np.concatenate([np.tile(by_stride[g.stride], g.cells) for g in levels.grids])
    return np.concatenate([points, sides[:, None]], axis=1)
