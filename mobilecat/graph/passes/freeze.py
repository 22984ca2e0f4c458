"""Any checked ONNX graph with known input shapes → the frozen graph of `mobilecat.graph`."""

from __future__ import annotations

import math

import onnx_ir as ir
import onnx_ir.passes.common as common

from mobilecat.errors import ModelError, Problem
from mobilecat.foreign import problem_from_onnx
from mobilecat.graph import IR_VERSIONS, const_of, producer_of
from mobilecat.graph.passes.einsum import split_einsum
from mobilecat.graph.passes.fold import fold_constants, fold_shapes
from mobilecat.graph.passes.pooling import settle_ceil_mode
from mobilecat.graph.passes.resize import standard_nearest
from mobilecat.graph.passes.sequences import drop_sequences
from mobilecat.graph.passes.shapes import infer_shapes
from mobilecat.graph.passes.simplify import (
    drop_empty_parts,
    drop_no_ops,
    gather_for_compress,
    inline_constant_ifs,
)
from mobilecat.graph.passes.windows import average_windows

Name = tuple[str, str, str]
"""Domain, name and overload of a function."""

_MAX_ROUNDS = 16
MOST_VALUES = 1 << 29
"""Of one tensor: 2 GiB in float32, which no phone has for a network."""
_FOLDS = (
    drop_sequences,
    fold_shapes,
    fold_constants,
    inline_constant_ifs,
    drop_empty_parts,
    drop_no_ops,
    gather_for_compress,
    average_windows,
    split_einsum,
    standard_nearest,
)


def freeze(model: ir.Model, source: str = "", own: frozenset[Name] = frozenset()) -> ir.Model:
    """Return `model` as a frozen graph; the model handed in is used up.

    own: functions that stay calls, as every target has a form of them.
    Errors: ModelError listing every value whose shape still depends on data.
    """
    prepare = ir.passes.Sequential(
        common.InlinePass(lambda function: function.identifier() not in own),
        common.RemoveInitializersFromInputsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.NameFixPass(),
    )
    model = prepare(model).model
    name_everything(model)
    for _ in range(_MAX_ROUNDS):
        model, not_inferred = _inferred(model)
        changed = [fold(model) for fold in _FOLDS]
        if changed[_FOLDS.index(inline_constant_ifs)]:  # branches may use one name each
            model = common.NameFixPass()(model).model
            name_everything(model)
        model = common.RemoveUnusedNodesPass()(model).model
        if not any(changed):
            break
    model.graph.sort()
    model.ir_version = min(max(model.ir_version, IR_VERSIONS[0]), IR_VERSIONS[1])
    unused = common.RemoveUnusedFunctionsPass()  # type: ignore[no-untyped-call]
    model = unused(model).model
    _require_static(model, source, not_inferred)
    _require_small(model, source)
    return model


def _inferred(model: ir.Model) -> tuple[ir.Model, str]:
    """Return the model with its shapes, and why inference stopped; "" where it did not."""
    model, reason = infer_shapes(model)
    while settle_ceil_mode(model):
        model, reason = infer_shapes(model)
    return model, reason


def name_everything(model: ir.Model) -> None:
    """Give every node without a name one of its own, in place."""
    taken = {n.name for n in model.graph if n.name}
    for i, node in enumerate(model.graph):
        if not node.name:
            base = f"{node.op_type}_{i}"
            while base in taken:
                base += "_"
            node.name = base
            taken.add(base)


def _require_static(model: ir.Model, source: str, not_inferred: str) -> None:
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
                    _way_out(node),
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
                        "" if problems else _way_out(node),
                    )
                )
    if problems:
        more = len(problems) - 20
        shown = problems[:20] + ([Problem(f"and {more} more")] if more > 0 else [])
        if not_inferred:
            shown.append(problem_from_onnx(not_inferred))
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


def _way_out(node: ir.Node) -> str:
    """Return how to do without a node whose result depends on data, as a suppression's does."""
    before = [v.name or "" for v in node.inputs if v is not None and const_of(v) is None]
    named = ", ".join(f'"{name}"' for name in before)
    return f"cut the graph before it, in the spec: [import] outputs = [{named}]"
