"""Normalisations."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.elementwise import select
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node, used
from mobilecat.formats.coreml.lower.mil import Var, mb
from mobilecat.graph import attr, const_of, opt_input, shape_of


def _check_batch_norm(node: ir.Node) -> str | None:
    if attr(node, "training_mode", 0):
        return "BatchNormalization in training mode; export the model for inference"
    if any(const_of(opt_input(node, i)) is None for i in range(1, 5)):
        return "BatchNormalization needs constant scale, bias, mean and variance"
    return None


@LOWERINGS.op("BatchNormalization", check=_check_batch_norm)
def lower_batch_norm(n: Node) -> Var:
    """MIL's batch_norm for 1 to 3 spatial axes; for a plain [N, C] a product and a sum."""
    scale, bias, mean, variance = (np.asarray(n.const(i), np.float64) for i in range(1, 5))
    epsilon = n.attr("epsilon", 1e-5)
    if 3 <= len(n.shape()) <= 5:
        return mb.batch_norm(
            x=n.x(),
            gamma=n.num(scale),
            beta=n.num(bias),
            mean=n.num(mean),
            variance=n.num(variance),
            epsilon=n.num(epsilon),
        )
    factor = scale / np.sqrt(variance + epsilon)
    return mb.add(x=mb.mul(x=n.x(), y=n.num(factor)), y=n.num(bias - mean * factor))


def _standardise(n: Node, x: Var, axes: list[int], epsilon: float) -> Var:
    """(x − mean) / √(variance + ε) over `axes`."""
    centred = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=axes, keep_dims=True))
    variance = mb.reduce_mean(x=mb.mul(x=centred, y=centred), axes=axes, keep_dims=True)
    spread = mb.sqrt(x=mb.add(x=variance, y=n.num(epsilon)))
    return mb.real_div(x=centred, y=spread)


def _per_channel(x: Var, rank: int) -> Var:
    return mb.reshape(x=x, shape=[1, -1] + [1] * (rank - 2))


@LOWERINGS.op("InstanceNormalization")
def lower_instance_norm(n: Node) -> Var:
    epsilon, rank = n.attr("epsilon", 1e-5), len(n.shape())
    if rank in {3, 4} and n.const(1) is not None and n.const(2) is not None:
        return mb.instance_norm(x=n.x(), gamma=n.x(1), beta=n.x(2), epsilon=n.num(epsilon))
    y = _standardise(n, n.x(), list(range(2, rank)), epsilon)
    y = mb.mul(x=y, y=_per_channel(n.x(1), rank))
    return mb.add(x=y, y=_per_channel(n.x(2), rank))


@LOWERINGS.op("LayerNormalization")
def lower_layer_norm(n: Node) -> Var | list[Var]:
    shape = n.shape()
    axes = list(range(n.axis(-1), len(shape)))
    epsilon, scale, bias = n.attr("epsilon", 1e-5), n.const(1), n.const(2)
    over = tuple(shape[a] for a in axes)
    if used(n.node, 1) or used(n.node, 2):
        return _layer_norm_and_statistics(n, axes, epsilon)
    # coremltools writes those of two and three dimensions as `mvn`, whose ε is added to the spread
    # and not to the variance: 9e-4 off in ViT-tiny, whose first rows spread little.
    as_mvn = n.build.is_nn and len(shape) < 4 and len(axes) == 1
    constant = scale is not None and scale.shape == over and (not n.has(2) or bias is not None)
    if scale is not None and constant and not as_mvn:
        beta = np.zeros(over, np.float32) if bias is None else np.broadcast_to(bias, over)
        return mb.layer_norm(
            x=n.x(), axes=axes, gamma=n.num(scale), beta=n.num(beta), epsilon=n.num(epsilon)
        )
    y = mb.mul(x=_standardise(n, n.x(), axes, epsilon), y=n.x(1))
    return mb.add(x=y, y=n.x(2)) if n.has(2) else y


def _layer_norm_and_statistics(n: Node, axes: list[int], epsilon: float) -> list[Var]:
    mean = mb.reduce_mean(x=n.x(), axes=axes, keep_dims=True)
    centred = mb.sub(x=n.x(), y=mean)
    variance = mb.reduce_mean(x=mb.mul(x=centred, y=centred), axes=axes, keep_dims=True)
    inverse = mb.rsqrt(x=variance, epsilon=n.num(epsilon))
    y = mb.mul(x=mb.mul(x=centred, y=inverse), y=n.x(1))
    return [mb.add(x=y, y=n.x(2)) if n.has(2) else y, mean, inverse]


@LOWERINGS.op("RMSNormalization")
def lower_rms_norm(n: Node) -> Var:
    axes, x = list(range(n.axis(-1), len(n.shape()))), n.x()
    power = mb.reduce_mean(x=mb.mul(x=x, y=x), axes=axes, keep_dims=True)
    spread = mb.sqrt(x=mb.add(x=power, y=n.num(n.attr("epsilon", 1e-5))))
    return mb.mul(x=mb.real_div(x=x, y=spread), y=n.x(1))


@LOWERINGS.op("GroupNormalization")
def lower_group_norm(n: Node) -> Var:
    """Opset 18 has one scale per group, opset 21 one per channel: told apart by their size."""
    shape, groups = n.shape(), int(n.attr("num_groups", 1))
    channels = shape[1]
    x = mb.reshape(x=n.x(), shape=[shape[0], groups, -1])
    y = _standardise(n, x, [2], n.attr("epsilon", 1e-5))
    y = mb.reshape(x=y, shape=list(shape))
    for i, op in ((1, mb.mul), (2, mb.add)):
        factor = n.x(i)
        if n.shape(i)[0] != channels:
            factor = mb.reshape(x=factor, shape=[groups, 1])
            factor = mb.tile(x=factor, reps=[1, channels // groups])
        y = op(x=y, y=_per_channel(factor, len(shape)))
    return y


@LOWERINGS.op("MeanVarianceNormalization")
def lower_mean_variance_norm(n: Node) -> Var:
    """ONNX adds 1e-9 to the deviation, not to the variance."""
    axes, x = [int(a) for a in n.attr("axes", (0, 2, 3))], n.x()
    centred = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=axes, keep_dims=True))
    variance = mb.reduce_mean(x=mb.mul(x=centred, y=centred), axes=axes, keep_dims=True)
    return mb.real_div(x=centred, y=mb.add(x=mb.sqrt(x=variance), y=n.num(1e-9)))


@LOWERINGS.op("LpNormalization")
def lower_lp_norm(n: Node) -> Var:
    """x / ‖x‖; where the norm is 0 the row is 0 already, so it is divided by 1."""
    axis, x = [n.axis(-1)], n.x()
    reduction = mb.reduce_l1_norm if n.attr("p", 2) == 1 else mb.reduce_l2_norm
    norm = reduction(x=x, axes=axis, keep_dims=True)
    shape = tuple(1 if i == axis[0] else d for i, d in enumerate(n.shape()))
    safe = select(mb.equal(x=norm, y=n.num(0.0)), n.num(1.0), norm, shape)
    return mb.real_div(x=x, y=safe)


def _check_lrn(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    return None if len(shape_of(source)) >= 2 else "LRN needs a channel axis"


@LOWERINGS.op("LRN", check=_check_lrn)
def lower_lrn(n: Node) -> Var:
    """x / (k + α/size·Σ x²)^β over `size` neighbouring channels, ⌊(size−1)/2⌋ of them before."""
    size, rank = int(n.attr("size", 1)), len(n.shape())
    alpha, beta, k = n.attr("alpha", 1e-4), n.attr("beta", 0.75), n.attr("bias", 1.0)
    if size % 2 and rank in {3, 4}:
        return mb.local_response_norm(
            x=n.x(), size=size, alpha=n.num(alpha), beta=n.num(beta), k=n.num(k)
        )
    x, channels = n.x(), n.shape()[1]
    before = (size - 1) // 2
    pads = [0, 0, before, size - 1 - before] + [0] * (2 * (rank - 2))
    squares = mb.pad(x=mb.mul(x=x, y=x), pad=pads, mode="constant", constant_val=n.num(0.0))
    total = None
    for c in range(size):
        begin, count = [0] * rank, [-1] * rank
        begin[1], count[1] = c, channels
        part = mb.slice_by_size(x=squares, begin=begin, size=count)
        total = part if total is None else mb.add(x=total, y=part)
    base = mb.add(x=mb.mul(x=total, y=n.num(alpha / size)), y=n.num(k))
    return mb.real_div(x=x, y=mb.pow(x=base, y=n.num(beta)))
