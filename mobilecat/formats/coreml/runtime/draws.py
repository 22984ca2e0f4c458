"""Random draws, for ML Programs and NeuralNetworks.

Only standard distributions are asked of onnxruntime: a deviation of 0, a range from high to low
or a single class make its kernels abort the whole process.
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import INT32, Graph, Val
from mobilecat.formats.coreml.runtime.values import check_size


def normal(g: Graph, shape: list[int], mean: float, deviation: float, seed: float | None) -> Val:
    drawn = g("RandomNormal", shape=shape, mean=0.0, scale=1.0, seed=seed)
    scaled = g("Mul", drawn, g.const(np.float32(deviation)))
    return g("Add", scaled, g.const(np.float32(mean)))


def uniform(g: Graph, shape: list[int], low: float, high: float, seed: float | None) -> Val:
    drawn = g("RandomUniform", shape=shape, low=0.0, high=1.0, seed=seed)
    scaled = g("Mul", drawn, g.const(np.float32(high - low)))
    return g("Add", scaled, g.const(np.float32(low)))


def categorical(g: Graph, logits: Val, count: int, seed: float | None) -> Val:
    """Return `count` class indices [..., count] for logits [..., classes].

    As the largest of logits plus Gumbel noise.
    """
    classes = logits.shape[-1]
    shape = [*logits.shape[:-1], count, classes]
    check_size(shape, g.where)
    tiny = g.const(np.float32(1e-30))
    drawn = g("RandomUniform", shape=shape, low=0.0, high=1.0, seed=seed)
    inner = g("Neg", g("Log", g("Max", drawn, tiny)))
    noise = g("Neg", g("Log", g("Max", inner, tiny)))
    noisy = g("Add", g("Unsqueeze", logits, np.array([-2])), noise)
    return g("Cast", g("ArgMax", noisy, axis=len(shape) - 1, keepdims=0), to=INT32)
