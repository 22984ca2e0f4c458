"""One box and one class a picture, from two outputs, in the graph."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, single
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, classes_of, flat, units_of
from mobilecat.spec.heads import BoxClassHead


def settle(spec: BoxClassHead, network: Network) -> Head:
    """Find the box by its four columns; the other output has the classes."""
    fit = Fit(spec.kind, network)
    four = fit.output("boxes", spec.boxes, "[1, 4]", lambda s: flat(s) == 4, but=spec.scores)
    scores = fit.output("scores", spec.scores, "[1, C]", lambda s: flat(s) > 0, but=four)
    fit.require()
    classes = flat(network.outputs[scores])

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        row = ops.reshape(build, "row", raw[four], 1, 1, 4)
        cls = ops.reshape(build, "cls", raw[scores], 1, 1, classes)
        return Candidates(
            single.box(build, row, spec.format, spec.units, network.size_wh),
            ops.activated(build, "candidate_scores", cls, spec.activation),
        )

    said = (
        f"box+class, {spec.format} in {units_of(spec.units)} from {four!r}, "
        f"{classes_of(classes)} from {scores!r}, activation {spec.activation}"
    )
    return Head((four, scores), classes, 0, said, decode)
