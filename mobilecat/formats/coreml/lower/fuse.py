"""Pairs of nodes that are one op in Core ML.

Given: a frozen graph. Result: last node of a pair → (the node it absorbs, how both are lowered).
Only a value that nothing else reads is absorbed: a caller who wants to read it back still can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.conv import convolve
from mobilecat.formats.coreml.lower.lowering import Node
from mobilecat.formats.coreml.lower.mil import Var, mb
from mobilecat.graph import const_of, op_of, opt_input

Fused = Callable[[Node, Node], Var]
Pairs = Mapping[ir.Node, tuple[ir.Node, Fused]]


def find_pairs(model: ir.Model, kept: frozenset[str]) -> Pairs:
    """`kept`: values that must stay in the program, besides the graph's outputs."""
    pairs: dict[ir.Node, tuple[ir.Node, Fused]] = {}
    absorbed: set[ir.Node] = set()
    for node in model.graph:
        for last, find, lower in _RULES:
            first = find(node) if op_of(node) == last else None
            if first is not None and first not in absorbed and _private(first, kept):
                pairs[node] = (first, lower)
                absorbed.add(first)
    return pairs


def _private(node: ir.Node, kept: frozenset[str]) -> bool:
    out = node.outputs[0]
    return len(out.uses()) == 1 and not out.is_graph_output() and out.name not in kept


def _maker(value: ir.Value | None, op: str) -> ir.Node | None:
    node = value.producer() if value is not None else None
    return node if node is not None and op_of(node) == op else None


def _conv_before(batch_norm: ir.Node) -> ir.Node | None:
    conv = _maker(batch_norm.inputs[0], "Conv")
    if conv is None or any(const_of(opt_input(batch_norm, i)) is None for i in range(1, 5)):
        return None
    bias = opt_input(conv, 2)
    constant = const_of(conv.inputs[1]) is not None and (bias is None or const_of(bias) is not None)
    return conv if constant else None


def lower_conv_batch_norm(norm: Node, conv: Node) -> Var:
    """scale·(conv − mean)/√(variance + ε) + bias, worked into the convolution's constants."""
    scale, shift, mean, variance = (np.asarray(norm.const(i), np.float64) for i in range(1, 5))
    factor = scale / np.sqrt(variance + norm.attr("epsilon", 1e-5))
    weight = np.asarray(conv.const(1), np.float64)
    bias = np.float64(0) if not conv.has(2) else np.asarray(conv.const(2), np.float64)
    scaled = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    return convolve(conv, conv.num(scaled), conv.num((bias - mean) * factor + shift))


def _sigmoid_before(mul: ir.Node) -> ir.Node | None:
    for gate, x in (mul.inputs, tuple(reversed(mul.inputs))):
        sigmoid = _maker(gate, "Sigmoid")
        if sigmoid is not None and sigmoid.inputs[0] is x:
            return sigmoid
    return None


def lower_silu(_: Node, sigmoid: Node) -> Var:
    return mb.silu(x=sigmoid.x())


_RULES: tuple[tuple[str, Callable[[ir.Node], ir.Node | None], Fused], ...] = (
    ("BatchNormalization", _conv_before, lower_conv_batch_norm),
    ("Mul", _sigmoid_before, lower_silu),
)
