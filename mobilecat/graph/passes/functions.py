"""Ops that ONNX defines by other ops, said in those where a target has no form of their own."""

from __future__ import annotations

from collections.abc import Collection, Container

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as common
from onnx.inliner import inline_selected_functions

from mobilecat.errors import ModelError
from mobilecat.graph.passes.fold import fold_constants, fold_shapes
from mobilecat.graph.passes.freeze import name_everything
from mobilecat.graph.passes.shapes import infer_shapes
from mobilecat.graph.passes.simplify import (
    cast_for_cast_like,
    drop_empty_parts,
    drop_no_ops,
    inline_constant_ifs,
)

_ROUNDS = 8
_FOLDS = (
    cast_for_cast_like,
    fold_shapes,
    fold_constants,
    inline_constant_ifs,
    drop_empty_parts,
    drop_no_ops,
)


def expanded(model: ir.Model, known: Container[str]) -> ir.Model:
    """Return the model with ops outside `known` as ONNX's own function bodies define them.

    The model itself where there is nothing to do; else a copy. An op whose body needs ops outside
    `known` as well stays the one node, so that a refusal names what the user wrote.

    Given:   RotaryEmbedding(x, cos, sin) → y
    Result:  Split, Mul, Sub, Add, Concat → y
    """
    opset = model.opset_imports.get("", 1)
    for op in sorted({n.op_type for n in model.graph if not n.domain and n.op_type not in known}):
        if not _has_body(op, opset):
            continue
        before = _unknown(model, known)
        made = _without(model, {op}, known)
        if made is not None and _unknown(made, known) < before:
            model = made
    return model


def _unknown(model: ir.Model, known: Container[str]) -> set[str]:
    return {n.op_type for n in model.graph if not n.domain and n.op_type not in known}


def _has_body(op: str, opset: int) -> bool:
    try:
        schema = onnx.defs.get_schema(op, opset, "")
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)  # type: ignore[attr-defined]


def _without(model: ir.Model, ops: Collection[str], known: Container[str]) -> ir.Model | None:
    """Return a copy in which `ops`, and what their bodies use that is unknown too, are taken apart;
    None where a body does not fold to a plain graph."""
    made = model
    tried: set[str] = set()
    waiting = set(ops)
    try:
        while waiting:
            tried |= waiting
            ids = [("", op) for op in sorted(waiting)]
            proto = inline_selected_functions(
                ir.to_proto(made), ids, exclude=False, inline_schema_functions=True
            )
            made = _plain(ir.from_proto(proto))
            opset = made.opset_imports.get("", 1)
            waiting = {op for op in _unknown(made, known) - tried if _has_body(op, opset)}
    except (ModelError, RuntimeError, ValueError):
        return None  # the node itself is refused then, by its own name
    return made


def _plain(model: ir.Model) -> ir.Model:
    """Return the model as a frozen graph again: constants apart, names, shapes, nothing to fold."""
    lift = common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
    model = common.NameFixPass()(lift(model).model).model
    name_everything(model)
    for _ in range(_ROUNDS):
        model, _reason = infer_shapes(model)
        changed = [fold(model) for fold in _FOLDS]
        model = common.NameFixPass()(common.RemoveUnusedNodesPass()(model).model).model
        name_everything(model)
        if not any(changed):
            break
    model.graph.sort()
    return model
