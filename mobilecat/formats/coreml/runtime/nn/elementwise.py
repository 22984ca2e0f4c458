"""Activations and elementwise layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer


def _unary(onnx_op: str) -> Any:
    def translate(layer: Layer) -> Val:
        return layer.g(onnx_op, layer.x)

    return translate


for _layer in [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "floor",
    "round",
    "sign",
    "sin",
    "sinh",
    "tan",
    "tanh",
]:
    nn_layer(_layer)(_unary(_layer.capitalize()))


@nn_layer("copy")
def onnx_from_copy(layer: Layer) -> Val:
    return layer.x


@nn_layer("exp2")
def onnx_from_exp2(layer: Layer) -> Val:
    return layer.g("Pow", layer.scalar(2), layer.x)


@nn_layer("clip")
def onnx_from_clip(layer: Layer) -> Val:
    return layer.g("Clip", layer.x, layer.scalar(layer.p.minVal), layer.scalar(layer.p.maxVal))


@nn_layer("clampedReLU")
def onnx_from_clampedReLU(layer: Layer) -> Val:
    leaky = layer.g("LeakyRelu", layer.x, alpha=layer.p.alpha)
    return layer.g("Min", leaky, layer.scalar(layer.p.beta))


@nn_layer("gelu")
def onnx_from_gelu(layer: Layer) -> Val:
    if layer.p.mode == 2:
        gate = layer.g("Sigmoid", layer.g("Mul", layer.x, layer.scalar(1.702)))
        return layer.g("Mul", layer.x, gate)
    return layer.g("Gelu", layer.x, approximate="tanh" if layer.p.mode == 1 else "none")


@nn_layer("unary")
def onnx_from_unary(layer: Layer) -> Val:
    """f(scale·x + shift)."""
    p, x = layer.p, layer.x
    scale = p.scale if p.scale else 1.0
    if scale != 1:
        x = layer.g("Mul", x, layer.scalar(scale))
    if p.shift:
        x = layer.g("Add", x, layer.scalar(p.shift))
    match p.type:
        case 0:
            return layer.g("Sqrt", x)
        case 1:
            return layer.g(
                "Reciprocal", layer.g("Sqrt", layer.g("Add", x, layer.scalar(p.epsilon)))
            )
        case 2:
            return layer.g("Reciprocal", layer.g("Add", x, layer.scalar(p.epsilon)))
        case 3:
            return layer.g("Pow", x, layer.scalar(p.alpha))
        case 4:
            return layer.g("Exp", x)
        case 5:
            return layer.g("Log", layer.g("Add", x, layer.scalar(p.epsilon)) if p.epsilon else x)
        case 6:
            return layer.g("Abs", x)
        case 7:
            return layer.g("Max", x, layer.scalar(p.alpha))
    raise layer.refuse(f"unary function {p.type}")


# activations ----------------------------------------------------------------------------------


@nn_layer("activation")
def onnx_from_activation(layer: Layer) -> Val:
    kind = layer.p.WhichOneof("NonlinearityType")
    if kind is None:
        raise layer.broken("the activation has no kind")
    return activated(layer, layer.x, kind, getattr(layer.p, kind))


def activated(layer: Layer, x: Val, kind: str, q: Any) -> Val:
    """Return activation `kind` with parameters `q` of `x`."""
    g, scalar = layer.g, layer.scalar
    y: Val
    match kind:
        case "linear":
            y = g("Add", g("Mul", x, scalar(q.alpha)), scalar(q.beta))
        case "ReLU":
            y = g("Relu", x)
        case "leakyReLU":
            y = g("LeakyRelu", x, alpha=q.alpha)
        case "thresholdedReLU":
            y = g("Where", g("GreaterOrEqual", x, scalar(q.alpha)), x, scalar(0))
        case "PReLU":
            y = g("PRelu", x, _channels(layer, x, q.alpha))
        case "tanh" | "sigmoid" | "softsign" | "softplus":
            y = g(kind.capitalize(), x)
        case "scaledTanh":
            y = g("Mul", g("Tanh", g("Mul", x, scalar(q.beta))), scalar(q.alpha))
        case "sigmoidHard":
            y = g("HardSigmoid", x, alpha=q.alpha, beta=q.beta)
        case "ELU":
            y = g("Elu", x, alpha=q.alpha)
        case "parametricSoftplus":
            inner = g("Softplus", g("Mul", x, _channels(layer, x, q.beta)))
            y = g("Mul", inner, _channels(layer, x, q.alpha))
        case _:
            raise layer.refuse(f"activation {kind}")
    return y


def _channels(layer: Layer, x: Val, params: Any) -> Val:
    """Return per-channel (or one for all) parameters, shaped for axis −3."""
    count = len(params.floatValue) or len(params.float16Value) // 2
    if params.HasField("quantization"):
        count = x.shape[-3]
    if x.rank < 3 and count > 1:
        raise layer.broken(f"{count} parameters for a blob of rank {x.rank}")
    shape = [-1, 1, 1] if x.rank >= 3 else [1]
    return layer.g.const(layer.weight(params, [count]).reshape(shape))


# binary and n-ary -----------------------------------------------------------------------------


def _folded(onnx_op: str) -> Callable[[Layer], Val]:
    def translate(layer: Layer) -> Val:
        y = layer.x
        for other in layer.xs[1:]:
            y = layer.g(onnx_op, y, other)
        return y

    return translate


for _layer, _onnx in {
    "addBroadcastable": "Add",
    "multiplyBroadcastable": "Mul",
    "maxBroadcastable": "Max",
    "minBroadcastable": "Min",
    "subtractBroadcastable": "Sub",
    "divideBroadcastable": "Div",
    "powBroadcastable": "Pow",
    "max": "Max",
    "min": "Min",
}.items():
    nn_layer(_layer)(_folded(_onnx))


@nn_layer("add")
def onnx_from_add(layer: Layer) -> Val:
    if len(layer.xs) == 1:
        return layer.g("Add", layer.x, layer.scalar(layer.p.alpha))
    return _folded("Add")(layer)


@nn_layer("multiply")
def onnx_from_multiply(layer: Layer) -> Val:
    if len(layer.xs) == 1:
        return layer.g("Mul", layer.x, layer.scalar(layer.p.alpha))
    return _folded("Mul")(layer)


@nn_layer("average")
def onnx_from_average(layer: Layer) -> Val:
    return layer.g("Div", _folded("Add")(layer), layer.scalar(len(layer.xs)))


@nn_layer("floorDivBroadcastable")
def onnx_from_floorDivBroadcastable(layer: Layer) -> Val:
    return layer.g("Floor", layer.g("Div", layer.x, layer.at(1)))


@nn_layer("modBroadcastable")
def onnx_from_modBroadcastable(layer: Layer) -> Val:
    """The result has the divisor's sign."""
    x, y = layer.x, layer.at(1)
    return layer.g("Sub", x, layer.g("Mul", layer.g("Floor", layer.g("Div", x, y)), y))


@nn_layer("scale", "bias")
def onnx_from_scale(layer: Layer) -> Val:
    p, y = layer.p, layer.x
    if layer.type == "bias":
        return layer.g("Add", y, _broadcast(layer, p.bias, p.shape))
    y = layer.g("Mul", y, _broadcast(layer, p.scale, p.shapeScale))
    return layer.g("Add", y, _broadcast(layer, p.bias, p.shapeBias)) if p.hasBias else y


def _broadcast(layer: Layer, params: Any, shape: Any) -> Val:
    """Return weights of shape [1], [C], [1,H,W] or [C,H,W] for the last three axes."""
    sizes = [int(d) for d in shape]
    array = layer.weight(params, sizes)
    if len(sizes) == 1:
        array = array.reshape(-1, 1, 1) if layer.x.rank >= 3 else array
    return layer.g.const(array)


@nn_layer("dot")
def onnx_from_dot(layer: Layer) -> Val:
    """Along the channel axis, optionally of unit vectors."""
    g, a, b = layer.g, layer.x, layer.at(1)
    axis = np.array([-3])
    y = g("ReduceSum", g("Mul", a, b), axis, keepdims=1)
    if layer.p.cosineSimilarity:
        norms = g("Mul", g("ReduceL2", a, axis, keepdims=1), g("ReduceL2", b, axis, keepdims=1))
        y = g("Div", y, norms)
    return y


def _comparison(onnx_op: str, negate: bool = False) -> Any:
    def translate(layer: Layer) -> Val:
        other = layer.at(1) if len(layer.xs) > 1 else layer.scalar(layer.p.alpha)
        y = layer.g(onnx_op, layer.x, other)
        return layer.blob(layer.g("Not", y) if negate else y)

    return translate


for _layer, _onnx in {
    "equal": "Equal",
    "lessThan": "Less",
    "lessEqual": "LessOrEqual",
    "greaterThan": "Greater",
    "greaterEqual": "GreaterOrEqual",
}.items():
    nn_layer(_layer)(_comparison(_onnx))
nn_layer("notEqual")(_comparison("Equal", negate=True))


def _logical(onnx_op: str) -> Any:
    def translate(layer: Layer) -> Val:
        return layer.blob(layer.g(onnx_op, *[layer.truth(x) for x in layer.xs]))

    return translate


for _layer, _onnx in {
    "logicalAnd": "And",
    "logicalOr": "Or",
    "logicalXor": "Xor",
    "logicalNot": "Not",
}.items():
    nn_layer(_layer)(_logical(_onnx))


@nn_layer("whereBroadcastable")
def onnx_from_whereBroadcastable(layer: Layer) -> Val:
    return layer.g("Where", layer.truth(layer.x), layer.at(1), layer.at(2))
