"""Normalisations."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


def _vector(op: Op, name: str, count: int, default: float) -> Val:
    found = op.get(name)
    return found if found is not None else op.g.const(np.full(count, default, np.float32))


@mil_op("batch_norm")
def onnx_from_batch_norm(op: Op) -> Val:
    x = op["x"]
    channels = x.shape[1] if x.rank > 1 else 0
    return op.g(
        "BatchNormalization",
        x,
        _vector(op, "gamma", channels, 1),
        _vector(op, "beta", channels, 0),
        op["mean"],
        op["variance"],
        epsilon=op.number("epsilon", 1e-5),
    )


@mil_op("instance_norm")
def onnx_from_instance_norm(op: Op) -> Val:
    x = op["x"]
    channels = x.shape[1] if x.rank > 1 else 0
    return op.g(
        "InstanceNormalization",
        x,
        _vector(op, "gamma", channels, 1),
        _vector(op, "beta", channels, 0),
        epsilon=op.number("epsilon", 1e-5),
    )


@mil_op("layer_norm")
def onnx_from_layer_norm(op: Op) -> Val:
    x = op["x"]
    axes = sorted(op.axes("axes", x.rank, list(range(x.rank))))
    epsilon = op.number("epsilon", 1e-5)
    gamma, beta = op.get("gamma"), op.get("beta")
    if axes == list(range(axes[0], x.rank)):
        sizes = [x.shape[a] for a in axes]
        scale = gamma if gamma is not None else op.g.const(np.ones(sizes, np.float32))
        return op.g("LayerNormalization", x, scale, beta, axis=axes[0], epsilon=epsilon)
    where = np.array(axes)
    centred = op.g("Sub", x, op.g("ReduceMean", x, where, keepdims=1))
    variance = op.g("ReduceMean", op.g("Mul", centred, centred), where, keepdims=1)
    deviation = op.g("Sqrt", op.g("Add", variance, op.g.const(np.float32(epsilon))))
    y = op.g("Div", centred, deviation)
    shape = [x.shape[a] if a in axes else 1 for a in range(x.rank)]
    if gamma is not None:
        y = op.g("Mul", y, op.g("Reshape", gamma, np.array(shape)))
    if beta is not None:
        y = op.g("Add", y, op.g("Reshape", beta, np.array(shape)))
    return y


@mil_op("l2_norm")
def onnx_from_l2_norm(op: Op) -> Val:
    """Over the last three axes together."""
    x = op["x"]
    if x.rank < 3:
        raise op.broken(f"x has rank {x.rank}, at least 3 is needed")
    squares = op.g("ReduceSumSquare", x, np.array([-3, -2, -1]), keepdims=1)
    epsilon = op.g.const(np.float32(op.number("epsilon", 1e-6)))
    return op.g("Div", x, op.g("Sqrt", op.g("Add", squares, epsilon)))


@mil_op("local_response_norm")
def onnx_from_local_response_norm(op: Op) -> Val:
    """Along axis −3 up to rank 4 (coremltools' smoke test has figures for rank 3), then axis 1."""
    x = op["x"]
    if x.rank < 3:
        raise op.broken(f"x has rank {x.rank}, at least 3 is needed")
    size = op.integer("size")
    if not 1 <= size <= 4096:
        raise op.broken(f"a window of {size} channels")
    alpha, beta, k = op.number("alpha", 1e-4), op.number("beta", 0.75), op.number("k", 1.0)
    lifted = op.g("Unsqueeze", x, np.array([0])) if x.rank == 3 else x
    y = cross_channel_norm(op.g, lifted, size, alpha, beta, k)
    return op.g("Squeeze", y, np.array([0])) if x.rank == 3 else y


def cross_channel_norm(g: Graph, x: Val, size: int, alpha: float, beta: float, k: float) -> Val:
    """Return x / (k + alpha/size · Σ x²)^beta, summed over a window of `size` along axis 1.

    As a padded moving average: onnxruntime's LRN takes rank 4 and odd sizes only. An even window
    reaches one further back than forward, as in PyTorch.
    """
    n, channels, *spatial = x.shape
    back = size // 2
    flat = g("Reshape", g("Mul", x, x), np.array([n, 1, channels, -1]))
    padded = g("Pad", flat, np.array([0, 0, back, 0, 0, 0, size - 1 - back, 0]))
    mean = g("AveragePool", padded, kernel_shape=[size, 1], strides=[1, 1])
    mean = g("Reshape", mean, np.array([n, channels, *spatial]))
    base = g("Add", g("Mul", mean, g.const(np.float32(alpha))), g.const(np.float32(k)))
    return g("Div", x, g("Pow", base, g.const(np.float32(beta))))
