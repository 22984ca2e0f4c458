"""Einsum of three operands and more, as products of two: no target multiplies more at once."""

from __future__ import annotations

import onnx_ir as ir

from mobilecat.graph import attr


def split_einsum(model: ir.Model) -> bool:
    """Write an Einsum of many operands as a chain of pairs, from the left.

    Given:   Einsum("ab,bc,cd->ad")(x, y, z)
    Result:  Einsum("ac,cd->ad")(Einsum("ab,bc->ac")(x, y), z)
    """
    changed = False
    for node in tuple(model.graph):
        if node.op_type == "Einsum" and not node.domain and len(node.inputs) > 2:
            _split(model, node)
            changed = True
    return changed


def _split(model: ir.Model, node: ir.Node) -> None:
    terms, out = _terms(attr(node, "equation", ""))
    values = list(node.inputs)
    while len(values) > 2:
        rest = "".join([out, *terms[2:]])
        joined = "..." if "..." in terms[0] + terms[1] else ""
        letters = dict.fromkeys(c for c in terms[0] + terms[1] if c != "." and c in rest)
        joined += "".join(letters)
        name = f"{node.name}__first_{len(node.inputs) - len(values) + 2}"
        pair = ir.node(
            "Einsum",
            values[:2],
            {"equation": f"{terms[0]},{terms[1]}->{joined}"},
            outputs=[ir.Value(name=name)],
            name=name,
        )
        model.graph.insert_before(node, pair)
        terms, values = [joined, *terms[2:]], [pair.outputs[0], *values[2:]]
    node.resize_inputs(2)
    for i, value in enumerate(values):
        node.replace_input_with(i, value)
    node.attributes["equation"] = ir.AttrString("equation", f"{terms[0]},{terms[1]}->{out}")


def _terms(equation: str) -> tuple[list[str], str]:
    """Return the operands' letters and the output's, which by default are those that occur once."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    if not arrow:
        once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        out = ("..." if "..." in left else "") + "".join(once)
    return left.split(","), out
