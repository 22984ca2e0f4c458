"""Random layers: the right distribution; the numbers themselves are this runtime's own."""

from __future__ import annotations

from mobilecat.formats.coreml.runtime.draws import categorical, normal, uniform
from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer
from mobilecat.formats.coreml.runtime.values import check_size


def _shape(layer: Layer) -> list[int]:
    if layer.type.endswith("Static"):
        shape = [int(d) for d in layer.p.outputShape]
    elif layer.type.endswith("Like"):
        shape = list(layer.x.shape)
    else:
        shape = layer.ints(0)
    if any(d < 0 for d in shape):
        raise layer.broken(f"the shape {shape}")
    check_size(shape, layer.where)
    return shape


def _seed(layer: Layer) -> float | None:
    return None if layer.p.seed < 0 else float(layer.p.seed)


@nn_layer("randomNormalLike", "randomNormalStatic", "randomNormalDynamic")
def onnx_from_randomNormal(layer: Layer) -> Val:
    p = layer.p
    return normal(layer.g, _shape(layer), p.mean, p.stdDev, _seed(layer))


@nn_layer("randomUniformLike", "randomUniformStatic", "randomUniformDynamic")
def onnx_from_randomUniform(layer: Layer) -> Val:
    p = layer.p
    return uniform(layer.g, _shape(layer), p.minVal, p.maxVal, _seed(layer))


@nn_layer("randomBernoulliLike", "randomBernoulliStatic", "randomBernoulliDynamic")
def onnx_from_randomBernoulli(layer: Layer) -> Val:
    drawn = uniform(layer.g, _shape(layer), 0.0, 1.0, _seed(layer))
    return layer.blob(layer.g("Less", drawn, layer.scalar(layer.p.prob)))


@nn_layer("categoricalDistribution")
def onnx_from_categoricalDistribution(layer: Layer) -> Val:
    p, x = layer.p, layer.x
    if not p.isLogits:
        x = layer.g("Log", layer.g("Add", x, layer.scalar(p.eps)))
    if p.temperature not in (0.0, 1.0):
        x = layer.g("Div", x, layer.scalar(p.temperature))
    return layer.blob(categorical(layer.g, x, int(p.numSamples) or 1, _seed(layer)))
