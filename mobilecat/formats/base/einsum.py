"""Einsum as ONNX states it."""

from __future__ import annotations

from string import ascii_letters

import onnx_ir as ir

from mobilecat.graph import attr, shape_of


def parse_einsum(node: ir.Node) -> tuple[list[str], str] | str:
    """Return the operands' labels and the output's, or why they have no form here."""
    equation = str(attr(node, "equation", "")).replace(" ", "")
    left, _, out = equation.partition("->")
    if "->" not in equation:
        out = "".join(sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1))
        out = f"...{out}" if "..." in left else out
    operands = left.split(",")
    ranks = [len(shape_of(v)) for v in node.inputs if v is not None]
    spare = [c for c in ascii_letters if c not in equation]
    hidden = {r - len(o) + 3 for o, r in zip(operands, ranks, strict=True) if "..." in o}
    if len(hidden) > 1:
        return "Einsum with ellipses of different ranks; write the axes out"
    dots = "".join(spare[: hidden.pop() if hidden else 0])
    operands, out = [o.replace("...", dots) for o in operands], out.replace("...", dots)
    if len(operands) > 2:
        return "Einsum of more than two operands; split it in steps"
    if any(len(set(o)) != len(o) for o in operands):
        return "Einsum over a diagonal (a label twice in one operand)"
    return operands, out


def einsum_problem(node: ir.Node) -> str | None:
    found = parse_einsum(node)
    return found if isinstance(found, str) else None
