"""Nodes that do nothing at inference, and branches whose condition is known, taken out."""

from __future__ import annotations

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
