"""Activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


def _named(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        return op.g(onnx_op, op["x"])

    return translate


for _mil, _onnx in {
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
}.items():
    mil_op(_mil)(_named(_onnx))


@mil_op("relu", moves=True)
def onnx_from_relu(op: Op) -> Val:
    return op.g("Relu", op["x"])


@mil_op("relu6", moves=True)
def onnx_from_relu6(op: Op) -> Val:
    return op.g("Clip", op["x"], np.float32(0).reshape(()), np.float32(6).reshape(()))


@mil_op("leaky_relu")
def onnx_from_leaky_relu(op: Op) -> Val:
    return op.g("LeakyRelu", op["x"], alpha=op.number("alpha", 0.01))


@mil_op("clamped_relu")
def onnx_from_clamped_relu(op: Op) -> Val:
    leaky = op.g("LeakyRelu", op["x"], alpha=op.number("alpha"))
    return op.g("Min", leaky, op.g.const(np.float32(op.number("beta"))))


@mil_op("elu")
def onnx_from_elu(op: Op) -> Val:
    return op.g("Elu", op["x"], alpha=op.number("alpha", 1.0))


@mil_op("gelu")
def onnx_from_gelu(op: Op) -> Val:
    mode = op.text("mode", "EXACT")
    x = op["x"]
    if mode == "SIGMOID_APPROXIMATION":
        return op.g("Mul", x, op.g("Sigmoid", op.g("Mul", x, op.g.const(1.702))))
    if mode not in ("EXACT", "TANH_APPROXIMATION"):
        raise op.refuse(f"gelu mode {mode!r} is unknown")
    return op.g("Gelu", x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


@mil_op("linear_activation")
def onnx_from_linear_activation(op: Op) -> Val:
    scaled = op.g("Mul", op["x"], op.g.const(np.float32(op.number("alpha"))))
    return op.g("Add", scaled, op.g.const(np.float32(op.number("beta", 0.0))))


def per_channel(op: Op, name: str) -> Val:
    """Return a vector shaped to broadcast along axis 1 of x."""
    rank = op["x"].rank
    if rank < 2:
        raise op.broken("x has no channel axis")
    return op.g.const(op.array(name).reshape(-1, *[1] * (rank - 2)).astype(np.float32))


@mil_op("prelu")
def onnx_from_prelu(op: Op) -> Val:
    return op.g("PRelu", op["x"], per_channel(op, "alpha"))


@mil_op("scaled_tanh")
def onnx_from_scaled_tanh(op: Op) -> Val:
    inner = op.g("Mul", op["x"], op.g.const(np.float32(op.number("beta", 1.0))))
    return op.g("Mul", op.g("Tanh", inner), op.g.const(np.float32(op.number("alpha", 1.0))))


@mil_op("sigmoid_hard")
def onnx_from_sigmoid_hard(op: Op) -> Val:
    alpha, beta = op.number("alpha", 0.2), op.number("beta", 0.5)
    return op.g("HardSigmoid", op["x"], alpha=alpha, beta=beta)


@mil_op("silu")
def onnx_from_silu(op: Op) -> Val:
    return op.g("Mul", op["x"], op.g("Sigmoid", op["x"]))


@mil_op("softplus_parametric")
def onnx_from_softplus_parametric(op: Op) -> Val:
    inner = op.g("Mul", op["x"], per_channel(op, "beta"))
    return op.g("Mul", op.g("Softplus", inner), per_channel(op, "alpha"))


@mil_op("softmax")
def onnx_from_softmax(op: Op) -> Val:
    return op.g("Softmax", op["x"], axis=op.axis(default=-1))


@mil_op("thresholded_relu")
def onnx_from_thresholded_relu(op: Op) -> Val:
    """x where x ≥ alpha, else 0; ONNX's op of that name compares strictly."""
    x = op["x"]
    alpha = op.number("alpha", 1.0)
    if math.isnan(alpha):
        raise op.broken("alpha is no number")
    keep = op.g("GreaterOrEqual", x, op.g.const(np.float32(alpha)))
    return op.g("Where", keep, x, op.g.const(np.float32(0)))
