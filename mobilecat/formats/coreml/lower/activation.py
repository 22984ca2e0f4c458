"""Activation functions."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.lower.elementwise import select
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, mb

_SAME_NAME = {
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
for _onnx, _mil in _SAME_NAME.items():

    @LOWERINGS.op(_onnx)
    def lower_activation(n: Node, _mil: str = _mil) -> Var:
        return getattr(mb, _mil)(x=n.x())


@LOWERINGS.op("Relu")
def lower_relu(n: Node) -> Var:
    if n.kind() == "int":
        return mb.maximum(x=n.x(), y=n.num(0, "int"))
    return mb.relu(x=n.x())


@LOWERINGS.op("LeakyRelu")
def lower_leaky_relu(n: Node) -> Var:
    return mb.leaky_relu(x=n.x(), alpha=n.num(n.attr("alpha", 0.01)))


@LOWERINGS.op("Elu")
def lower_elu(n: Node) -> Var:
    return mb.elu(x=n.x(), alpha=n.num(n.attr("alpha", 1.0)))


@LOWERINGS.op("Selu")
def lower_selu(n: Node) -> Var:
    """γ·elu(x, α), with the defaults of ONNX's operator page."""
    alpha, gamma = n.attr("alpha", 1.67326319217681884765625), n.attr("gamma", 1.05070102214813232)
    return mb.mul(x=mb.elu(x=n.x(), alpha=n.num(alpha)), y=n.num(gamma))


@LOWERINGS.op("Celu")
def lower_celu(n: Node) -> Var:
    """max(0,x) + min(0, α·(exp(x/α)−1)) = α·elu(x/α, 1) for α > 0."""
    alpha = n.attr("alpha", 1.0)
    inner = mb.elu(x=mb.mul(x=n.x(), y=n.num(1.0 / alpha)), alpha=n.num(1.0))
    return mb.mul(x=inner, y=n.num(alpha))


@LOWERINGS.op("HardSigmoid")
def lower_hard_sigmoid(n: Node) -> Var:
    alpha, beta = n.attr("alpha", 0.2), n.attr("beta", 0.5)
    return mb.sigmoid_hard(x=n.x(), alpha=n.num(alpha), beta=n.num(beta))


@LOWERINGS.op("HardSwish")
def lower_hard_swish(n: Node) -> Var:
    x = n.x()
    return mb.mul(x=x, y=mb.sigmoid_hard(x=x, alpha=n.num(1.0 / 6.0), beta=n.num(0.5)))


@LOWERINGS.op("Swish")
def lower_swish(n: Node) -> Var:
    x, alpha = n.x(), n.attr("alpha", 1.0)
    if alpha == 1.0:
        return mb.silu(x=x)
    return mb.mul(x=x, y=mb.sigmoid(x=mb.mul(x=x, y=n.num(alpha))))


@LOWERINGS.op("Mish")
def lower_mish(n: Node) -> Var:
    x = n.x()
    return mb.mul(x=x, y=mb.tanh(x=mb.softplus(x=x)))


@LOWERINGS.op("Gelu")
def lower_gelu(n: Node) -> Var:
    tanh = n.attr("approximate", "none") == "tanh"
    return mb.gelu(x=n.x(), mode="TANH_APPROXIMATION" if tanh else "EXACT")


@LOWERINGS.op("ThresholdedRelu")
def lower_thresholded_relu(n: Node) -> Var:
    """x where x > α; MIL's own thresholded_relu keeps x = α too."""
    x = n.x()
    above = mb.greater(x=x, y=n.num(n.attr("alpha", 1.0)))
    return select(above, x, n.num(0.0), n.out_shape())


@LOWERINGS.op("Shrink")
def lower_shrink(n: Node) -> Var:
    x, bias, lambd = n.x(), n.attr("bias", 0.0), n.attr("lambd", 0.5)
    zero = n.num(0.0)
    shape = n.out_shape()
    high = select(mb.greater(x=x, y=n.num(lambd)), mb.sub(x=x, y=n.num(bias)), zero, shape)
    low = mb.less(x=x, y=n.num(-lambd))
    return select(low, mb.add(x=x, y=n.num(bias)), high, shape)


@LOWERINGS.op("Softmax")
def lower_softmax(n: Node) -> Var:
    return mb.softmax(x=n.x(), axis=n.axis(-1))


@LOWERINGS.op("LogSoftmax")
def lower_log_softmax(n: Node) -> Var:
    """(x − max) − log Σ exp(x − max): log(softmax) would underflow to −inf."""
    axis = [n.axis(-1)]
    x = n.x()
    shifted = mb.sub(x=x, y=mb.reduce_max(x=x, axes=axis, keep_dims=True))
    total = mb.reduce_sum(x=mb.exp(x=shifted), axes=axis, keep_dims=True)
    return mb.sub(x=shifted, y=mb.log(x=total, epsilon=n.num(0.0)))


@LOWERINGS.op("Hardmax")
def lower_hardmax(n: Node) -> Var:
    """1 at the first maximum along the axis, 0 elsewhere."""
    axis = n.axis(-1)
    best = mb.reduce_argmax(x=n.x(), axis=axis, keep_dims=True)
    shape = [1] * len(n.shape())
    shape[axis] = n.shape()[axis]
    positions = np.arange(n.shape()[axis], dtype=np.int32).reshape(shape)
    return n.as_kind(mb.equal(x=best, y=positions), "float")
