"""What a picture shows, in the graph: scores of the classes, and the whole input as their box.

The best classes are the best pairs of one row with every class (`mobilecat.bake.ranked`).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of
from mobilecat.spec.heads import ClassifyHead


def settle(spec: ClassifyHead, network: Network) -> Head:
    """Find the output: the only one that is one row of numbers."""
    fit = Fit(spec.kind, network)
    least = 2 if spec.background else 1
    name = fit.output("output", spec.output, "[1, C]", lambda shape: _row(shape) >= least)
    fit.require()
    columns = _row(network.outputs[name])
    classes = columns - spec.background

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        row = ops.reshape(build, "row", raw[name], 1, 1, columns)
        scores = ops.activated(build, "all_scores", row, spec.activation)
        if spec.background:
            scores = ops.columns(build, "candidate_scores", scores, 1, columns)
        return Candidates(_whole(build, row, network.size_wh), scores)

    dropped = " (without the background)" if spec.background else ""
    said = f"classify, {classes_of(classes)}{dropped} from {name!r}, activation {spec.activation}"
    return Head((name,), classes, 0, said, decode)


def _row(shape: Shape) -> int:
    """Return C of [1,C], [1,C,1,1], [C], …; 0 for any other shape."""
    wide = [d for d in shape if d != 1]
    return 0 if len(wide) > 1 or not shape else (wide or [1])[0]


def _whole(build: Builder, row: ir.Value, size_wh: tuple[int, int]) -> ir.Value:
    """Return [1,1,4], the whole input: computed, since targets take no constant for an output."""
    value = ops.columns(build, "any", row, 0, 1)
    square = build.op("Mul", "square", value, value)
    there = build.op("Less", "there", ops.f32(-1), square)
    one = build.op("Cast", "one", there, to=int(ir.DataType.FLOAT))
    return build.op("Mul", "candidate_boxes", one, ops.f32([[[0, 0, *size_wh]]]))
