"""ONNX Resize as numbers: one interpolation matrix [out, in] per axis.

Every mode of Resize is linear in the input and separable, so a matrix per axis says all of it, and
two resizes are the same exactly where their matrices are.
Source: https://onnx.ai/onnx/operators/onnx__Resize.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AxisResize:
    """How one axis is resampled; `roi` is the (start, end) of tf_crop_and_resize, in 0…1."""

    size: int
    out: int
    scale: float
    coordinates: str = "half_pixel"
    mode: str = "linear"
    nearest: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    roi: tuple[float, float] = (0.0, 1.0)


def source_positions(axis: AxisResize) -> Matrix:
    """Return the position in the input (pixel centres at whole numbers) of each output pixel.

    float32 throughout, as in onnxruntime: at a tie the last bit decides which pixel is nearest.
    """
    f = np.float32
    k, scale = np.arange(axis.out, dtype=f), f(axis.scale)
    half_pixel = (k + f(0.5)) / scale - f(0.5)
    match axis.coordinates:
        case "asymmetric":
            x = k / scale
        case "half_pixel":
            x = half_pixel
        case "pytorch_half_pixel":
            x = half_pixel if axis.out > 1 else np.zeros(1, f)
        case "half_pixel_symmetric":
            adjustment = f(axis.out) / (scale * f(axis.size))
            offset = f(axis.size) / f(2) * (f(1) - adjustment)
            x = (offset + (k + f(0.5)) / scale) - f(0.5)
        case "align_corners":
            x = k * f(axis.size - 1) / f(max(axis.out - 1, 1))
        case "tf_crop_and_resize":
            start, end = f(axis.roi[0]), f(axis.roi[1])
            if axis.out > 1:
                reach = (end - start) * f(axis.size - 1)
                x = start * f(axis.size - 1) + k * reach / f(axis.out - 1)
            else:
                x = f(0.5) * (start + end) * f(axis.size - 1) + k
        case other:
            raise ValueError(other)
    return x.astype(np.float64)


def outside(axis: AxisResize) -> npt.NDArray[np.bool_]:
    """Return which output pixels tf_crop_and_resize takes from outside the input."""
    x = source_positions(axis)
    return (x < 0) | (x > axis.size - 1)


def nearest_indices(axis: AxisResize) -> npt.NDArray[np.int64]:
    """Return the input pixel of each output pixel; ½ ± 1e-6 is a tie, as in onnxruntime."""
    x = source_positions(axis)
    tie = 0.5 + 1e-6
    rule: dict[str, Callable[[Matrix], Matrix]] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda v: np.ceil(v - tie),
        "round_prefer_ceil": lambda v: np.floor(v + tie),
    }
    return np.clip(rule[axis.nearest](x).astype(np.int64), 0, axis.size - 1)


def matrix(axis: AxisResize) -> Matrix:
    """Return the weights [out, in]; neighbours past the edge repeat it, or are left out."""
    weights = np.zeros((axis.out, axis.size))
    if axis.mode == "nearest":
        weights[np.arange(axis.out), nearest_indices(axis)] = 1.0
        return weights
    for k, x in enumerate(source_positions(axis)):
        if axis.mode == "linear" and not axis.antialias:
            x = min(max(x, 0.0), axis.size - 1.0)
        whole = int(np.floor(x))
        offsets, taps = _kernel(axis, x - whole)
        at = whole + offsets
        if axis.exclude_outside:
            taps = np.where((at >= 0) & (at < axis.size), taps, 0.0)
            taps = taps / taps.sum()
        np.add.at(weights[k], np.clip(at, 0, axis.size - 1), taps)
    return weights


def _kernel(axis: AxisResize, fraction: float) -> tuple[npt.NDArray[np.int64], Matrix]:
    """Return tap offsets from ⌊x⌋ and weights; antialiasing stretches a shrinking kernel."""
    stretch = min(axis.scale, 1.0) if axis.antialias else 1.0
    reach = 1.0 if axis.mode == "linear" else 2.0
    start = int(np.floor(-reach / stretch)) + 1
    offsets = np.arange(start, 2 - start)
    distance = np.abs((offsets - fraction) * stretch)
    taps = _hat(distance) if axis.mode == "linear" else _cubic(distance, axis.cubic_a)
    return offsets, taps / taps.sum() if axis.antialias else taps


def _hat(d: Matrix) -> Matrix:
    return np.clip(1.0 - d, 0.0, 1.0)


def _cubic(d: Matrix, a: float) -> Matrix:
    """Keys' cubic convolution kernel: https://ieeexplore.ieee.org/document/1163711"""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


# MIL's own bilinear grids, from the notes of resize_bilinear:
# https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html


def mil_matrix(sampling_mode: str, size: int, out: int) -> Matrix:
    """Return the matrix of MIL's `resize_bilinear` in one sampling mode."""
    k = np.arange(out, dtype=np.float64)
    match sampling_mode:
        case "DEFAULT":
            x = k * size / out
        case "STRICT_ALIGN_CORNERS":
            x = k * (size - 1) / (out - 1) if out > 1 else np.zeros(1)
        case "UNALIGN_CORNERS":
            x = (k + 0.5) * size / out - 0.5
        case other:
            raise ValueError(other)
    x = np.clip(x, 0, size - 1)
    low = np.minimum(np.floor(x).astype(np.int64), size - 1)
    high = np.minimum(low + 1, size - 1)
    weights = np.zeros((out, size))
    np.add.at(weights, (np.arange(out), low), 1 - (x - low))
    np.add.at(weights, (np.arange(out), high), x - low)
    return weights
