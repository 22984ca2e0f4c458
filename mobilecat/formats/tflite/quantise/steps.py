"""Ranges and weights → scales, zero points and whole numbers.

https://ai.google.dev/edge/litert/models/quantization_spec: activations int8 with one scale and zero
point a tensor, int16 with one scale and none; weights int8 symmetric, −127 to 127, one scale an
output; biases whole numbers of the product of both scales.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.tflite.program import Quant, Tensor
from mobilecat.graph import Array
from mobilecat.quantize.ranges import Range

INT8, INT16, INT32, INT64 = (np.dtype(t) for t in ("int8", "int16", "int32", "int64"))
_LEAST_SPAN = 1e-9
_MOST = 127
_WHOLE = 1e-3
_MOST_BIAS = 2**30
_LEAST_MULTIPLIER = 2.0**-24
"""Of input · weight / output scale. XNNPACK takes 2⁻³² and more; what is smaller than this moves no
output by a step, whatever the inputs."""


def of_range(seen: Range, dtype: np.dtype[Any]) -> Quant:
    """Return scale and zero point that hold `seen` and zero, which is held exactly."""
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    info = np.iinfo(dtype)
    if dtype == INT16:
        return one(max(-low, high, _LEAST_SPAN) / info.max, 0)
    scale = max(high - low, _LEAST_SPAN) / (info.max - info.min)
    zero = round(info.min - low / scale)
    return one(scale, min(max(zero, info.min), info.max))


def one(scale: float, zero: int) -> Quant:
    """Return one scale and zero point for all of a tensor."""
    return Quant(np.array([scale], np.float32), np.array([zero], np.int64))


def real_range(quant: Quant, dtype: np.dtype[Any]) -> Range:
    """Return the real values that `quant` holds."""
    info = np.iinfo(dtype)
    scale, zero = float(quant.scales[0]), int(quant.zero_points[0])
    return Range((info.min - zero) * scale, (info.max - zero) * scale)


def stored(values: Array, quant: Quant, dtype: np.dtype[Any]) -> Array:
    """Return the whole numbers that stand for `values`: nearest, ties to even, saturated."""
    info = np.iinfo(dtype)
    scale, zero = quant.scales.astype(np.float64), quant.zero_points
    if scale.size > 1:
        shape = [1] * values.ndim
        shape[quant.axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    whole = np.round(values.astype(np.float64) / scale) + zero
    return np.asarray(np.clip(whole, info.min, info.max).astype(dtype))


def of_weights(w: Array, axis: int, least: Array | float = 0.0, shared: bool = False) -> Quant:
    """Return one scale for each index of `axis`, symmetric; each at least its `least`.

    shared: the largest of them for all.
    """
    over = tuple(a for a in range(w.ndim) if a != axis)
    scales = np.abs(w).max(axis=over).astype(np.float64) / _MOST
    scales = np.maximum(scales, np.maximum(least, np.finfo(np.float32).tiny))
    if shared:
        return one(float(scales.max()), 0)
    return Quant(scales.astype(np.float32), np.zeros(len(scales), np.int64), axis)


def weights(
    w: Tensor,
    axis: int,
    least: Array | float = 0.0,
    shared: bool = False,
    given: Array | None = None,
) -> Tensor:
    """Return constant `w` as int8, one scale for each index of `axis`, or one shared by all.

    given: the scales, where `w` is whole numbers of them already; they are taken where it is so.
    """
    assert w.data is not None
    if given is not None and len(given) == w.shape[axis]:
        quant = Quant(given.astype(np.float32), np.zeros(len(given), np.int64), axis)
        whole = stored(w.data, quant, INT8)
        spread = [1] * w.rank
        spread[axis] = -1
        off = np.abs(w.data / quant.scales.reshape(spread) - whole)
        if off.max() < _WHOLE:
            return Tensor(w.name, w.shape, INT8, whole, quant)
    quant = of_weights(w.data, axis, least, shared)
    return Tensor(w.name, w.shape, INT8, stored(w.data, quant, INT8), quant)


def least_scales(x: Quant, y: Quant, b: Array) -> Array:
    """Return the smallest scale of weights that makes sense between two activations, an output.

    A channel without weights is its bias alone: that has to fit int32 in the unit of the sum.
    """
    unit = float(x.scales[0])
    fits = np.abs(b.reshape(-1).astype(np.float64)) / (unit * _MOST_BIAS)
    return np.maximum(fits, float(y.scales[0]) / unit * _LEAST_MULTIPLIER)


def bias(b: Tensor, x: Quant, w: Quant, wide: bool) -> Tensor:
    """Return constant `b` in the unit of the sum that it starts; wide: int64, beside int16."""
    assert b.data is not None
    dtype = INT64 if wide else INT32
    scales = w.scales.astype(np.float64) * float(x.scales[0])
    quant = Quant(scales.astype(np.float32), np.zeros(len(scales), np.int64))
    whole = np.round(b.data.reshape(-1).astype(np.float64) / scales)
    data = np.clip(whole, -_MOST_BIAS, _MOST_BIAS).astype(dtype)
    return Tensor(b.name, (data.size,), dtype, data, quant)


def whole_constant(c: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Return constant `c` with one scale for all of it."""
    assert c.data is not None
    values = c.data.astype(np.float64)
    quant = of_range(Range(float(values.min()), float(values.max())), dtype)
    return Tensor(c.name, c.shape, np.dtype(dtype), stored(values, quant, dtype), quant)
