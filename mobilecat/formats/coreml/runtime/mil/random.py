"""Random tensors: the right distribution; the numbers themselves are this runtime's own."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.draws import categorical, normal, uniform
from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.values import check_size


def _shape(op: Op) -> list[int]:
    shape = op.ints("shape")
    if any(d < 0 for d in shape):
        raise op.broken(f"the shape {shape}")
    check_size(shape, op.where)
    return shape


def _seed(op: Op) -> float | None:
    seed = op.integer("seed", -1)
    return None if seed < 0 else float(seed)


@mil_op("random_normal")
def onnx_from_random_normal(op: Op) -> Val:
    mean, deviation = op.number("mean", 0.0), op.number("stddev", 1.0)
    return normal(op.g, _shape(op), mean, deviation, _seed(op))


@mil_op("random_uniform")
def onnx_from_random_uniform(op: Op) -> Val:
    low, high = op.number("low", 0.0), op.number("high", 1.0)
    return uniform(op.g, _shape(op), low, high, _seed(op))


@mil_op("random_bernoulli")
def onnx_from_random_bernoulli(op: Op) -> Val:
    drawn = uniform(op.g, _shape(op), 0.0, 1.0, _seed(op))
    hit = op.g("Less", drawn, op.g.const(np.float32(op.number("prob", 0.5))))
    return as_type(op, hit, np.float32)


@mil_op("random_categorical")
def onnx_from_random_categorical(op: Op) -> Val:
    x = op["x"]
    mode, size = op.text("mode", "logits"), op.integer("size", 1)
    if mode == "probs":
        x = op.g("Log", x)
    y = categorical(op.g, x, size, _seed(op))
    declared = op.types[0]
    return as_type(op, y, np.float32) if declared and declared.dtype.startswith("fp") else y
