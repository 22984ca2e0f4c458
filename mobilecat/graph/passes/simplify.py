"""Nodes that do nothing at inference, and branches whose condition is known, taken out."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import const_of


def drop_no_ops(model: ir.Model) -> bool:
    """Remove Identity, Dropout (inference) and Cast to the same type, keeping output names.

    Given:   x → Dropout → y → Relu
    Result:  x → Relu
    """
    changed = False
    for node in tuple(model.graph):
        if node.domain or not _does_nothing(node):
            continue
        source, out = node.inputs[0], node.outputs[0]
        assert source is not None
        if out.is_graph_output():
            continue
        for user, index in tuple(out.uses()):
            user.replace_input_with(index, source)
        changed = True
    return changed


def _does_nothing(node: ir.Node) -> bool:
    match node.op_type:
        case "Identity":
            return True
        case "Dropout":
            training = node.inputs[2] if len(node.inputs) > 2 else None
            off = training is None or ((c := const_of(training)) is not None and not c.any())
            return bool(off) and not any(True for out in node.outputs[1:] for _ in out.uses())
        case "Cast":
            source = node.inputs[0]
            return (
                source is not None
                and source.dtype is not None
                and source.dtype == node.outputs[0].dtype
            )
    return False


def inline_constant_ifs(model: ir.Model) -> bool:
    """Replace an `If` whose condition is constant by the branch it takes.

    Given:   If(True){then: a, else: b} → y
    Result:  a → y
    """
    changed = False
    for node in tuple(model.graph):
        if node.op_type != "If" or (condition := const_of(node.inputs[0])) is None:
            continue
        branch = node.attributes["then_branch" if condition.item() else "else_branch"].as_graph()
        inner = tuple(branch)
        results = tuple(branch.outputs)
        for value in tuple(branch.initializers.values()):
            del branch.initializers[value.name or ""]
            value.name = f"{node.name}/{value.name}"
            model.graph.register_initializer(value)
        branch.outputs.clear()
        branch.remove(inner)
        model.graph.insert_before(node, inner)
        for old, new in zip(node.outputs, results, strict=True):
            name = old.name
            for user, index in tuple(old.uses()):
                user.replace_input_with(index, new)
            for i, out in enumerate(model.graph.outputs):
                if out is old:
                    model.graph.outputs[i] = new
                    old.name, new.name = f"{name}__if", name
        model.graph.remove(node)
        changed = True
    return changed


def gather_for_compress(model: ir.Model) -> bool:
    """Replace a `Compress` of constant condition, as tf2onnx leaves symmetric pads, by Gather.

    Given:   Compress(x, [1,0,1], axis=1) → y
    Result:  Gather(x, [0,2], axis=1) → y
    """
    changed = False
    for node in tuple(model.graph):
        if node.domain or node.op_type != "Compress" or "axis" not in node.attributes:
            continue
        condition = const_of(node.inputs[1])
        if condition is None:
            continue
        name = f"{node.name}__rows"
        rows = ir.Value(
            name=name, const_value=ir.tensor(np.flatnonzero(condition).astype(np.int64), name=name)
        )
        rows.shape = ir.Shape([int(condition.sum())])
        rows.type = ir.TensorType(ir.DataType.INT64)
        model.graph.register_initializer(rows)
        node.op_type = "Gather"
        node.replace_input_with(1, rows)
        node.outputs[0].shape = None
        changed = True
    return changed


def cast_for_cast_like(model: ir.Model) -> bool:
    """Replace a `CastLike`, which reads its second input's type alone, by Cast.

    Given:   CastLike(x, y of float16) → z
    Result:  Cast(x, to=float16) → z
    """
    changed = False
    for node in model.graph:
        like = node.inputs[1] if node.op_type == "CastLike" and not node.domain else None
        if like is None or like.dtype is None:
            continue
        node.op_type = "Cast"
        node.resize_inputs(1)
        node.attributes["to"] = ir.AttrInt64("to", int(like.dtype))
        changed = True
    return changed


def drop_empty_parts(model: ir.Model) -> bool:
    """Take what has no elements out of `Concat` and `Split`, which other things go through: no
    target holds it.

    Given:   Split(x[2,3], (3, 0)) → a, b → Concat(a, b) → z
    Result:  Identity(x) → a → Concat(a) → z
    """
    changed = False
    for node in model.graph:
        if node.domain:
            continue
        if node.op_type == "Concat":
            full = [v for v in node.inputs if not _is_empty(v)]
            if full and len(full) < len(node.inputs):
                node.resize_inputs(len(full))
                for i, value in enumerate(full):
                    node.replace_input_with(i, value)
                changed = True
        elif node.op_type == "Split" and node.inputs[0] is not None:
            whole = [v for v in node.outputs if not _is_empty(v)]
            read = [v for v in node.outputs if v.uses() or v.is_graph_output()]
            if len(node.outputs) > 1 and len(whole) == 1 and read == whole:
                for user, index in tuple(whole[0].uses()):
                    user.replace_input_with(index, node.inputs[0])
                changed |= not whole[0].is_graph_output()
    return changed


def _is_empty(value: ir.Value | None) -> bool:
    return value is not None and value.shape is not None and 0 in value.shape
