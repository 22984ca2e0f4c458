"""Any checked ONNX graph with known input shapes → the frozen graph of `mobilecat.graph`."""

from __future__ import annotations

import math

import onnx_ir as ir
import onnx_ir.passes.common as common

from mobilecat.errors import ModelError, Problem
from mobilecat.graph import IR_VERSIONS, producer_of
from mobilecat.graph.passes.fold import fold_constants, fold_shapes
from mobilecat.graph.passes.simplify import drop_no_ops, inline_constant_ifs

_MAX_ROUNDS = 16
MOST_VALUES = 1 << 29
"""Of one tensor: 2 GiB in float32, which no phone has for a network."""


def freeze(model: ir.Model, source: str = "") -> ir.Model:
    """Return `model` as a frozen graph; the model handed in is used up.

    Errors: ModelError listing every value whose shape still depends on data.
    """
    prepare = ir.passes.Sequential(
        common.InlinePass(),
        common.RemoveInitializersFromInputsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.NameFixPass(),
    )
    model = prepare(model).model
    _name_everything(model)
    for _ in range(_MAX_ROUNDS):
        model = common.ShapeInferencePass()(model).model
        changed = [
            f(model) for f in (fold_shapes, fold_constants, inline_constant_ifs, drop_no_ops)
        ]
        model = common.RemoveUnusedNodesPass()(model).model
        if not any(changed):
            break
    model.graph.sort()
    model.ir_version = min(max(model.ir_version, IR_VERSIONS[0]), IR_VERSIONS[1])
    unused = common.RemoveUnusedFunctionsPass()  # type: ignore[no-untyped-call]
    model = unused(model).model
    _require_static(model, source)
    _require_small(model, source)
    return model


def _name_everything(model: ir.Model) -> None:
    taken = {n.name for n in model.graph if n.name}
    for i, node in enumerate(model.graph):
        if not node.name:
            base = f"{node.op_type}_{i}"
            while base in taken:
                base += "_"
            node.name = base
            taken.add(base)


def _require_static(model: ir.Model, source: str) -> None:
    problems = []
    for node in model.graph:
        if any(
            a.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
            for a in node.attributes.values()
        ):
            problems.append(
                Problem(
                    "control flow that depends on data",
                    producer_of(node.outputs[0]),
                    "export the model without it",
                )
            )
            continue
        for value in node.outputs:
            if value.name and (
                value.shape is None or not value.shape.is_static() or value.dtype is None
            ):
                problems.append(
                    Problem(
                        f"the shape of {value.name!r} depends on data: {value.shape}",
                        producer_of(value),
                    )
                )
    if problems:
        more = len(problems) - 20
        shown = problems[:20] + ([Problem(f"and {more} more")] if more > 0 else [])
        raise ModelError(
            f"{source}: {len(problems)} values have no fixed shape".lstrip(": "), shown
        )


def _require_small(model: ir.Model, source: str) -> None:
    large = [
        Problem(f"{value.name!r} has the shape {value.shape}", producer_of(value))
        for node in model.graph
        for value in node.outputs
        if value.shape is not None and math.prod(value.shape.numpy()) > MOST_VALUES
    ]
    if large:
        summary = f"{source}: {len(large)} values of more than {MOST_VALUES:,} elements"
        raise ModelError(summary.lstrip(": "), large[:20])
