"""Normalisations, each written out in sums and products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Build, Var
from mobilecat.formats.coreai.lower.node import Node, lowers
from mobilecat.graph import Array, attr, const_of, opt_input, shape_of


def _check_batch_norm(node: ir.Node) -> str | None:
    if attr(node, "training_mode", 0):
        return "BatchNormalization in training mode; export the model for inference"
    if any(const_of(opt_input(node, i)) is None for i in range(1, 5)):
        return "BatchNormalization needs constant scale, bias, mean and variance"
    return None


@lowers("BatchNormalization", check=_check_batch_norm)
def lower_batch_norm(n: Node) -> Var:
    """One product and one sum a channel, their factors worked out in float64."""
    scale, bias, mean, variance = (np.asarray(n.const(i), np.float64) for i in range(1, 5))
    factor = scale / np.sqrt(variance + n.attr("epsilon", 1e-5))
    shape = (1, -1, *(1,) * (len(n.shape()) - 2))
    factor, shift = (n.num(v).reshape(shape) for v in (factor, bias - mean * factor))
    return n.build.add(n.build.mul(n.x(), factor), shift)


def _centred(b: Build, x: Var, axes: Sequence[int]) -> tuple[Var, Var]:
    """Return x − mean, and the variance, over `axes`."""
    centred = b.sub(x, b.reduce("mean", x, axes))
    return centred, b.reduce("mean", b.mul(centred, centred), axes)


def _standardised(b: Build, x: Var, axes: Sequence[int], epsilon: float) -> Var:
    """(x − mean) / √(variance + ε) over `axes`."""
    centred, variance = _centred(b, x, axes)
    return b.div(centred, b.op("sqrt", b.add(variance, np.float32(epsilon))))


def _per_channel(n: Node, i: int, groups: int = 0) -> Var | Array:
    """Return input `i`, a value a channel or a group of them, shaped to broadcast."""
    rank, channels = len(n.shape()), n.shape()[1]
    b, x = n.build, n.x(i)
    if groups and n.shape(i)[0] != channels:
        x = b.broadcast_to(b.reshape(x, (groups, 1)), (groups, channels // groups))
    return b.reshape(x, (1, channels, *(1,) * (rank - 2)))


@lowers("InstanceNormalization")
def lower_instance_norm(n: Node) -> Var:
    b = n.build
    y = _standardised(b, n.x(), range(2, len(n.shape())), n.attr("epsilon", 1e-5))
    return b.add(b.mul(y, _per_channel(n, 1)), _per_channel(n, 2))


@lowers("LayerNormalization")
def lower_layer_norm(n: Node) -> list[Var]:
    b = n.build
    axes = range(n.axis(-1), len(n.shape()))
    mean = b.reduce("mean", n.x(), axes)
    centred = b.sub(n.x(), mean)
    variance = b.reduce("mean", b.mul(centred, centred), axes)
    spread = b.op("sqrt", b.add(variance, n.num(n.attr("epsilon", 1e-5))))
    y = b.mul(b.div(centred, spread), n.x(1))
    y = b.add(y, n.x(2)) if n.has(2) else y
    return [y, mean, b.div(n.num(1), spread)][: len(n.node.outputs)]


@lowers("RMSNormalization")
def lower_rms_norm(n: Node) -> Var:
    b, x = n.build, n.x()
    power = b.reduce("mean", b.mul(x, x), range(n.axis(-1), len(n.shape())))
    spread = b.op("sqrt", b.add(power, n.num(n.attr("epsilon", 1e-5))))
    return b.mul(b.div(x, spread), n.x(1))


@lowers("GroupNormalization")
def lower_group_norm(n: Node) -> Var:
    """Opset 18 has one scale per group, opset 21 one per channel: told apart by their size."""
    b, shape, groups = n.build, n.shape(), n.attr("num_groups", 1)
    x = b.reshape(n.x(), (shape[0], groups, int(np.prod(shape[1:])) // groups))
    y = b.reshape(_standardised(b, x, [2], n.attr("epsilon", 1e-5)), shape)
    return b.add(b.mul(y, _per_channel(n, 1, groups)), _per_channel(n, 2, groups))


@lowers("MeanVarianceNormalization")
def lower_mean_variance_norm(n: Node) -> Var:
    """ONNX adds 1e-9 to the deviation, not to the variance."""
    b = n.build
    centred, variance = _centred(b, n.x(), n.attr("axes", (0, 2, 3)))
    return b.div(centred, b.add(b.op("sqrt", variance), n.num(1e-9)))


@lowers("LpNormalization")
def lower_lp_norm(n: Node) -> Var:
    """x / ‖x‖; where the norm is 0 the row is 0 already, so it is divided by 1."""
    b, x, axis = n.build, n.x(), [n.axis(-1)]
    if n.attr("p", 2) == 1:
        norm = b.reduce("sum", b.op("abs_", x), axis)
    else:
        norm = b.op("sqrt", b.reduce("sum", b.mul(x, x), axis))
    return b.div(x, b.where(b.equal(norm, n.num(0)), n.num(1), norm))


def _check_lrn(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    return None if len(shape_of(source)) >= 2 else "LRN needs a channel axis"


@lowers("LRN", check=_check_lrn)
def lower_lrn(n: Node) -> Var:
    """x / (k + α/size·Σ x²)^β over `size` neighbouring channels, ⌊(size−1)/2⌋ of them before."""
    b, x, size, shape = n.build, n.x(), n.attr("size", 1), n.shape()
    before = (size - 1) // 2
    around = [(before, size - 1 - before) if a == 1 else (0, 0) for a in range(len(shape))]
    squares = b.pad(b.mul(x, x), around)
    total = b.take(squares, 1, range(shape[1]))
    for c in range(1, size):
        total = b.add(total, b.take(squares, 1, range(c, c + shape[1])))
    base = b.add(b.mul(total, n.num(n.attr("alpha", 1e-4) / size)), n.num(n.attr("bias", 1.0)))
    return b.div(x, b.op("broadcasting_pow", base, n.num(n.attr("beta", 0.75))))
