"""What heads of one result a picture share: columns of a vector, box formats, the score."""

from __future__ import annotations

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Network
from mobilecat.heads.fit import Fit, flat


def score_output(fit: Fit, network: Network, name: str | None) -> str | None:
    """Return the output that `head.score` names, held to one or two columns."""
    if name is None:
        return None
    return fit.output("score", name, "[1, 1] or [1, 2]", lambda shape: flat(shape) in (1, 2))


def score(build: Builder, result: ir.Value, given: ir.Value | None, columns: int) -> ir.Value:
    """Return [1,1,1]: the last column of `given`; without it 1, from any column of `result`."""
    if given is None:
        # Computed from the network, since targets take no constant for an output.
        value = ops.columns(build, "any", result, 0, 1)
        square = build.op("Mul", "square", value, value)
        there = build.op("Less", "there", ops.f32(-1), square)
        return build.op("Cast", "candidate_scores", there, to=int(ir.DataType.FLOAT))
    rows = ops.reshape(build, "score", given, 1, 1, columns)
    return rows if columns == 1 else ops.columns(build, "candidate_scores", rows, 1, 2)


def score_words(name: str | None, columns: int) -> str:
    if name is None:
        return "score 1 (the network gives none)"
    return f"score from {name!r}" + (", column 1" if columns == 2 else "")


def box(
    build: Builder, columns: ir.Value, format: str, units: str, size_wh: tuple[int, int]
) -> ir.Value:
    """Return [1,1,4] xyxy in pixels of the four columns [1,1,4]."""
    if units == "normalised":
        columns = build.op("Mul", "columns_px", columns, ops.f32([*size_wh, *size_wh]))
    if format == "xyxy":
        return columns
    first, size = ops.split(build, "column", columns, 2, 2)
    if format == "cxcywh":
        return ops.corners(build, "candidate_boxes", first, size)
    return build.op(
        "Concat", "candidate_boxes", first, build.op("Add", "high", first, size), axis=-1
    )
