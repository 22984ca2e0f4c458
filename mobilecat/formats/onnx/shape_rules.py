"""Contradictions that ONNX's strict inference lets pass, found before an engine meets them."""

from __future__ import annotations

import math
from collections.abc import Callable

import onnx_ir as ir

from mobilecat.errors import Problem
from mobilecat.graph import attr, shape_of, where


def _conv(node: ir.Node) -> str:
    channels, weights = _channels(node), _shape(node, 1)
    takes = weights[1] * attr(node, "group", 1)
    return _differ("channels", channels, takes) or _per_channel(node, (2,), weights[0])


def _conv_transpose(node: ir.Node) -> str:
    channels, weights = _channels(node), _shape(node, 1)
    makes = weights[1] * attr(node, "group", 1)
    return _differ("channels", channels, weights[0]) or _per_channel(node, (2,), makes)


def _batch_norm(node: ir.Node) -> str:
    return _per_channel(node, (1, 2, 3, 4), _channels(node))


def _instance_norm(node: ir.Node) -> str:
    return _per_channel(node, (1, 2), _channels(node))


def _reshape(node: ir.Node) -> str:
    have, want = _shape(node, 0), shape_of(node.outputs[0])
    if math.prod(have) == math.prod(want):
        return ""
    return f"{_text(have)} has {math.prod(have)} elements, {_text(want)} has {math.prod(want)}"


_RULES: dict[str, Callable[[ir.Node], str]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "Reshape": _reshape,
}


def contradictions(model: ir.Model) -> list[Problem]:
    """Return a problem for each node of a frozen graph whose inputs do not fit each other."""
    found = []
    for node in model.graph:
        rule = _RULES.get(node.op_type) if not node.domain else None
        if rule is not None and (what := rule(node)):
            found.append(Problem(what, where(node)))
    return found


def _shape(node: ir.Node, index: int) -> tuple[int, ...]:
    value = node.inputs[index]
    assert value is not None
    return shape_of(value)


def _channels(node: ir.Node) -> int:
    return _shape(node, 0)[1]


def _per_channel(node: ir.Node, indices: tuple[int, ...], channels: int) -> str:
    """Return what is wrong with the inputs that hold one value a channel."""
    for i in indices:
        if i < len(node.inputs) and node.inputs[i] is not None:
            have = math.prod(_shape(node, i))
            if have != channels:
                return f"input {i} has {have} values for {channels} channels"
    return ""


def _differ(what: str, given: int, takes: int) -> str:
    return "" if given == takes else f"is given {given} {what}, its weights take {takes}"


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a scalar"
