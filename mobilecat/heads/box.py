"""One box a picture in the graph."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, single
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, flat, units_of
from mobilecat.spec.heads import BoxHead


def settle(spec: BoxHead, network: Network) -> Head:
    """Find the output with four columns; more of them only where the spec names output or start."""
    fit = Fit(spec.kind, network)
    end = spec.start + 4
    several = spec.output is not None or "start" in spec.model_fields_set
    name = fit.output(
        "output",
        spec.output,
        f"[1, {end} or more]" if several else "[1, 4]",
        lambda shape: flat(shape) >= end if several else flat(shape) == 4,
        but=spec.score,
    )
    score = single.score_output(fit, network, spec.score)
    fit.require()
    depth = flat(network.outputs[name])
    score_columns = flat(network.outputs[score]) if score else 0

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        row = ops.reshape(build, "row", raw[name], 1, 1, depth)
        if depth > 4:
            row = ops.columns(build, "four", row, spec.start, end)
        boxes = single.box(build, row, spec.format, spec.units, network.size_wh)
        given = raw[score] if score else None
        return Candidates(boxes, single.score(build, boxes, given, score_columns))

    place = f" columns {spec.start}–{end - 1}" if depth > 4 else ""
    said = (
        f"box, {spec.format} in {units_of(spec.units)} from {name!r}{place}, "
        f"{single.score_words(score, score_columns)}"
    )
    return Head(tuple(n for n in (name, score) if n), 1, 0, said, decode)
