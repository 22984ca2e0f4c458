"""DETR and its kin in the graph: a box and logits for each of Q queries.

Sources: https://arxiv.org/abs/2005.12872 (softmax, no-object class), https://arxiv.org/abs/2010.04159
(sigmoid, the best pairs of query and class).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, rows_of, units_of
from mobilecat.spec.heads import DetrHead


def settle(spec: DetrHead, network: Network) -> Head:
    """Find the boxes, which have four columns, and the logits beside them."""
    fit = Fit(spec.kind, network)
    boxes = fit.output("boxes", spec.boxes, "[1, Q, 4]", rows_of(columns=4), but=spec.logits)
    rows = network.outputs[boxes][1] if boxes else None
    logits = fit.output("logits", spec.logits, "[1, Q, C] beside the boxes", rows_of(rows=rows),
                        but=boxes or None)  # fmt: skip
    columns = network.outputs[logits][-1] if logits else 0
    dropped = spec.no_object or _no_object(spec, fit, columns) if logits else "none"
    classes = columns - (dropped != "none")
    if logits and spec.classes is not None and classes != spec.classes and not fit.problems:
        fit.ask(
            "no_object",
            f"output {logits!r} has {columns} columns, {classes_of(classes)} with no_object = "
            f'"{dropped}", and there are {spec.classes} labels',
            "say which column holds no class, or name as many labels",
        )
    if logits and classes < 1 and not fit.problems:
        fit.ask("no_object", f"output {logits!r} has 1 column, which leaves no class")
    fit.require()
    queries = network.outputs[boxes][1]

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        given = _rows(build, "logits", raw[logits], network.outputs[logits])
        scores = ops.activated(build, "every_score", given, spec.activation)
        if dropped == "last":
            scores = ops.columns(build, "candidate_scores", scores, 0, classes)
        elif dropped == "first":
            scores = ops.columns(build, "candidate_scores", scores, 1, columns)
        four = _rows(build, "four", raw[boxes], network.outputs[boxes])
        return Candidates(_corners(build, four, spec, network.size_wh), scores)

    column = "no column of none" if dropped == "none" else f"the {dropped} column is no object"
    said = (
        f"detr, {classes_of(classes)}, {queries} queries, {spec.activation} of {logits!r}, "
        f"{column}, boxes {boxes!r} {spec.format} in {units_of(spec.units)}"
    )
    return Head((logits, boxes), classes, 0, said, decode)


def _rows(build: Builder, name: str, value: ir.Value, shape: Shape) -> ir.Value:
    """Return [1,Q,columns]; the value itself where it is that, so that it keeps its name."""
    return value if len(shape) == 3 else ops.reshape(build, name, value, 1, shape[1], shape[-1])


def _no_object(spec: DetrHead, fit: Fit, columns: int) -> str:
    """Return which column is no class, by the number of labels where there are any."""
    if spec.classes is None:
        return "last" if spec.activation == "softmax" else "none"
    if columns == spec.classes + 1:
        return "last"
    if columns == spec.classes and spec.activation == "softmax":
        fit.ask(
            "no_object",
            f"{columns} columns for as many labels leave none for no object, which a softmax needs",
            'take its label out, or set head.no_object = "none" if it has none',
        )
    return "none"


def _corners(build: Builder, four: ir.Value, spec: DetrHead, size_wh: tuple[int, int]) -> ir.Value:
    first, second = ops.split(build, "column", four, 2, 2)
    if spec.format == "xyxy":
        second = build.op("Sub", "span", second, first)
    size = ops.no_less_than_0(build, "size", second)
    if spec.units == "normalised":
        first = build.op("Mul", "first_px", first, ops.f32(size_wh))
        size = build.op("Mul", "size_px", size, ops.f32(size_wh))
    if spec.format == "cxcywh":
        return ops.corners(build, "candidate_boxes", first, size)
    high = build.op("Add", "high", first, size)
    return build.op("Concat", "candidate_boxes", first, high, axis=-1)
