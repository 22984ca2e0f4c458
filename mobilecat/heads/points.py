"""What heads of one set of points share: the box around them, their scores, their mean."""

from __future__ import annotations

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates


def around(build: Builder, points: ir.Value) -> ir.Value:
    """Return [1,1,4], the extent of the points [1,1,L,2]."""
    low = build.op("ReduceMin", "low", points, ops.ints(2), keepdims=0)
    high = build.op("ReduceMax", "high", points, ops.ints(2), keepdims=0)
    return build.op("Concat", "candidate_boxes", low, high, axis=-1)


def scored(build: Builder, points: ir.Value, scores: ir.Value, count: int) -> Candidates:
    """Return points [1,1,L,2] and their scores [1,1,L]; the set's score is their mean."""
    total = build.op("ReduceSum", "total", scores, ops.ints(2), keepdims=1)
    return Candidates(
        around(build, points),
        build.op("Mul", "candidate_scores", total, ops.f32(1 / count)),
        {
            "landmarks": ops.reshape(build, "candidate_landmarks", points, 1, 1, 2 * count),
            "landmark_scores": ops.reshape(build, "candidate_landmark_scores", scores, 1, 1, count),
        },
    )
