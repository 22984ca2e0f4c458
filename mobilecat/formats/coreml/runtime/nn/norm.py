"""Normalisation and reduction layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer


@nn_layer("softmax", "softmaxND")
def onnx_from_softmax(layer: Layer) -> Val:
    """`softmax` works along the channels, or along the last axis below rank 3."""
    if layer.type == "softmaxND":
        axis = layer.axis(int(layer.p.axis), layer.x.rank)
    else:
        axis = layer.x.rank - 3 if layer.x.rank >= 3 else layer.x.rank - 1
    return layer.g("Softmax", layer.x, axis=axis)


@nn_layer("batchnorm")
def onnx_from_batchnorm(layer: Layer) -> Val:
    p, g = layer.p, layer.g
    x, lead = layer.picture(layer.x)
    count = int(p.channels)
    gamma, beta = layer.weight(p.gamma, [count]), layer.weight(p.beta, [count])
    epsilon = p.epsilon or 1e-5
    if p.instanceNormalization and p.computeMeanVar:
        y = g("InstanceNormalization", x, gamma, beta, epsilon=epsilon)
        return layer.restore(y, lead)
    if p.computeMeanVar:
        raise layer.refuse("batch statistics are not computed at prediction time")
    mean, variance = layer.weight(p.mean, [count]), layer.weight(p.variance, [count])
    y = g("BatchNormalization", x, gamma, beta, mean, variance, epsilon=epsilon)
    return layer.restore(y, lead)


@nn_layer("mvn")
def onnx_from_mvn(layer: Layer) -> Val:
    p, g, x = layer.p, layer.g, layer.x
    axes = np.array([-3, -2, -1] if p.acrossChannels else [-2, -1])
    centred = g("Sub", x, g("ReduceMean", x, axes, keepdims=1))
    if not p.normalizeVariance:
        return centred
    variance = g("ReduceMean", g("Mul", centred, centred), axes, keepdims=1)
    return g("Div", centred, g("Add", g("Sqrt", variance), layer.scalar(p.epsilon or 1e-5)))


@nn_layer("l2normalize")
def onnx_from_l2normalize(layer: Layer) -> Val:
    g, x = layer.g, layer.x
    squares = g("ReduceSumSquare", x, np.array([-3, -2, -1]), keepdims=1)
    return g("Div", x, g("Sqrt", g("Add", squares, layer.scalar(layer.p.epsilon or 1e-6))))


@nn_layer("lrn")
def onnx_from_lrn(layer: Layer) -> Val:
    from mobilecat.formats.coreml.runtime.mil.norm import cross_channel_norm

    p = layer.p
    x, lead = layer.picture(layer.x)
    if not 1 <= p.localSize <= 4096:
        raise layer.broken(f"a window of {p.localSize} channels")
    y = cross_channel_norm(layer.g, x, int(p.localSize), p.alpha, p.beta, p.k or 1.0)
    return layer.restore(y, lead)


@nn_layer("layerNormalization")
def onnx_from_layerNormalization(layer: Layer) -> Val:
    p, x = layer.p, layer.x
    shape = [int(d) for d in p.normalizedShape]
    gamma, beta = layer.weight(p.gamma, shape), layer.weight(p.beta, shape)
    axis = layer.axis(-len(shape), x.rank)
    return layer.g("LayerNormalization", x, gamma, beta, axis=axis, epsilon=p.eps)


_REDUCE = {
    0: "Sum",
    1: "Mean",
    2: "Prod",
    3: "LogSum",
    4: "SumSquare",
    5: "L1",
    6: "L2",
    7: "Max",
    8: "Min",
}
_REDUCE_AXES = {0: [-3, -2, -1], 1: [-2, -1], 2: [-3], 3: [-2], 4: [-1]}


@nn_layer("reduce")
def onnx_from_reduce(layer: Layer) -> Val:
    p = layer.p
    axes = _REDUCE_AXES[p.axis]
    if p.mode == 9:
        if len(axes) != 1:
            raise layer.refuse("argmax over several axes")
        return layer.blob(layer.g("ArgMax", layer.x, axis=layer.x.rank + axes[0], keepdims=1))
    x = layer.x
    if p.mode == 3:
        x = layer.g("Add", x, layer.scalar(p.epsilon))
    return layer.g(f"Reduce{_REDUCE[p.mode]}", x, np.array(axes), keepdims=1)


def _reduce_nd(onnx_op: str) -> Any:
    def translate(layer: Layer) -> Val:
        p, x = layer.p, layer.x
        everything = p.reduceAll or not p.axes
        axes = list(range(x.rank)) if everything else [layer.axis(int(a), x.rank) for a in p.axes]
        y = layer.g(onnx_op, x, np.array(axes), keepdims=int(p.keepDims))
        # a result of rank 0 is a vector of one element
        return layer.g("Reshape", y, np.array([1])) if y.rank == 0 else y

    return translate


for _kind in ["L1", "L2", "Max", "Min", "Sum", "Prod", "Mean", "LogSum", "SumSquare", "LogSumExp"]:
    nn_layer(f"reduce{_kind}")(_reduce_nd(f"Reduce{_kind}"))
