"""Activation functions."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreai.lower.build import Build, Operand, Var, dtype_of_var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers

ZERO, ONE = np.float32(0), np.float32(1)

for _onnx, _op in {"Sigmoid": "sigmoid", "Tanh": "tanh"}.items():

    @lowers(_onnx)
    def lower_activation(n: Node, _op: str = _op) -> Var:
        return n.build.op(_op, n.x())


@lowers("Relu", types=NUMBERS)
def lower_relu(n: Node) -> Var:
    return n.build.op("relu", n.x())


@lowers("LeakyRelu")
def lower_leaky_relu(n: Node) -> Var:
    return leaky(n.build, n.x(), n.num(n.attr("alpha", 0.01)))


def leaky(b: Build, x: Var, slope: Operand) -> Var:
    """max(x, 0) + slope·min(x, 0). Of slope·x, where x comes from a convolution, Apple's compiler
    makes a second convolution."""
    zero = np.zeros((), dtype_of_var(x))
    return b.add(b.op("relu", x), b.mul(b.minimum(x, zero), slope))


def elu(b: Build, x: Var, alpha: float) -> Var:
    """x above 0, α·(eˣ − 1) below."""
    below = b.sub(b.op("exp", b.minimum(x, ZERO)), ONE)
    return b.where(b.less(x, ZERO), b.mul(below, np.float32(alpha)), x)


@lowers("Elu")
def lower_elu(n: Node) -> Var:
    return elu(n.build, n.x(), n.attr("alpha", 1.0))


@lowers("Selu")
def lower_selu(n: Node) -> Var:
    """γ·elu(x, α), with the defaults of ONNX's operator page."""
    alpha, gamma = n.attr("alpha", 1.67326319217681884765625), n.attr("gamma", 1.05070102214813232)
    return n.build.mul(elu(n.build, n.x(), alpha), n.num(gamma))


@lowers("Celu")
def lower_celu(n: Node) -> Var:
    """max(0,x) + min(0, α·(exp(x/α)−1)) = α·elu(x/α, 1) for α > 0."""
    b, alpha = n.build, n.attr("alpha", 1.0)
    return b.mul(elu(b, b.div(n.x(), n.num(alpha)), 1.0), n.num(alpha))


def hard_sigmoid(b: Build, x: Var, alpha: float, beta: float) -> Var:
    y = b.add(b.mul(x, np.float32(alpha)), np.float32(beta))
    return b.minimum(b.maximum(y, ZERO), ONE)


@lowers("HardSigmoid")
def lower_hard_sigmoid(n: Node) -> Var:
    return hard_sigmoid(n.build, n.x(), n.attr("alpha", 0.2), n.attr("beta", 0.5))


@lowers("HardSwish")
def lower_hard_swish(n: Node) -> Var:
    """x·(min(max(x + 3, 0), 6)/6): of x/6 it would make a second convolution, as above."""
    b, x = n.build, n.x()
    clipped = b.minimum(b.maximum(b.add(x, np.float32(3)), ZERO), np.float32(6))
    return b.mul(x, b.mul(clipped, np.float32(1 / 6)))


@lowers("Swish")
def lower_swish(n: Node) -> Var:
    b, x, alpha = n.build, n.x(), n.attr("alpha", 1.0)
    if alpha == 1.0:
        return b.op("silu", x)
    return b.mul(x, b.op("sigmoid", b.mul(b.apart(x), n.num(alpha))))


def softplus(b: Build, x: Var) -> Var:
    """log(1 + eˣ), as max(x, 0) + log(1 + e^−|x|), which does not overflow."""
    small = b.op("exp", b.mul(b.op("abs_", x), np.float32(-1)))
    return b.add(b.maximum(x, ZERO), b.op("log", b.add(small, ONE)))


@lowers("Softplus")
def lower_softplus(n: Node) -> Var:
    return softplus(n.build, n.x())


@lowers("Softsign")
def lower_softsign(n: Node) -> Var:
    b, x = n.build, n.x()
    return b.div(x, b.add(b.op("abs_", x), ONE))


@lowers("Mish")
def lower_mish(n: Node) -> Var:
    b, x = n.build, n.x()
    return b.mul(x, b.op("tanh", softplus(b, x)))


@lowers("Gelu")
def lower_gelu(n: Node) -> Var:
    return n.build.op("gelu", n.x(), approximate=n.attr("approximate", "none"))


@lowers("ThresholdedRelu")
def lower_thresholded_relu(n: Node) -> Var:
    b, x = n.build, n.x()
    return b.where(b.greater(x, n.num(n.attr("alpha", 1.0))), x, ZERO)


@lowers("Shrink", types=NUMBERS)
def lower_shrink(n: Node) -> Var:
    b, x, bias, limit = n.build, n.x(), n.attr("bias", 0.0), n.attr("lambd", 0.5)
    high = b.where(b.greater(x, n.num(limit)), b.sub(x, n.num(bias)), n.num(0))
    return b.where(b.less(x, n.num(-limit)), b.add(x, n.num(bias)), high)


@lowers("Softmax")
def lower_softmax(n: Node) -> Var:
    return n.build.op("softmax", n.x(), np.int32(n.axis(-1)))


@lowers("LogSoftmax")
def lower_log_softmax(n: Node) -> Var:
    """(x − max) − log Σ exp(x − max): log(softmax) would underflow to −inf."""
    b, x, axis = n.build, n.x(), [n.axis(-1)]
    shifted = b.sub(x, b.reduce("max", x, axis))
    return b.sub(shifted, b.op("log", b.reduce("sum", b.op("exp", shifted), axis)))


@lowers("Hardmax")
def lower_hardmax(n: Node) -> Var:
    """1 at the first maximum along the axis, 0 elsewhere."""
    b, x, axis = n.build, n.x(), n.axis(-1)
    place = positions(len(n.shape()), axis, n.shape()[axis])
    return b.cast(
        b.equal(first_where(b, b.equal(x, b.reduce("max", x, [axis])), axis), place), np.float32
    )


def positions(rank: int, axis: int, size: int) -> np.ndarray:
    """Return 0, 1, … along one axis of `rank`."""
    shape = [1] * rank
    shape[axis] = size
    return np.arange(size, dtype=np.int32).reshape(shape)


def first_where(b: Build, found: Var, axis: int) -> Var:
    """Return the first place along `axis` where `found` holds, si32, the axis kept as 1; the last
    where it holds nowhere, as for NaN.

    Not the dialect's argmax: it is reported wrong on devices for some types, and skips NaN.
    """
    shape = tuple(int(d) for d in found.type.shape)
    place = positions(len(shape), axis, shape[axis])
    return b.reduce("min", b.where(found, place, np.int32(shape[axis] - 1)), [axis])
