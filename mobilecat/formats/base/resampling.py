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
import onnx_ir as ir

from mobilecat.graph import attr, const_of, opt_input, shape_of

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
        case "tf_half_pixel_for_nn":  # to opset 12 of ONNX's text; onnxruntime takes it in any
            x = (k + f(0.5)) / scale
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


# What a node asks for.

_COORDINATES = {
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
    "tf_half_pixel_for_nn",
}


def resize_problem(node: ir.Node) -> str | None:
    for i, name in ((1, "roi"), (2, "scales"), (3, "sizes")):
        value = opt_input(node, i)
        if value is not None and value.shape is not None and 0 in shape_of(value):
            continue
        if value is not None and const_of(value) is None:
            return f"{name} must be a constant"
    coordinates = attr(node, "coordinate_transformation_mode", "half_pixel")
    if coordinates not in _COORDINATES:
        return f"coordinate_transformation_mode {coordinates!r}"
    if coordinates == "align_corners" and _fractional(node):
        return (
            "align_corners with scales that give no whole size: ONNX and onnxruntime compute "
            "different positions; give sizes instead"
        )
    mode = attr(node, "mode", "nearest")
    return None if mode in {"nearest", "linear", "cubic"} else f"mode {mode!r}"


def _fractional(node: ir.Node) -> bool:
    scales, source = const_of(opt_input(node, 2)), node.inputs[0]
    if scales is None or not scales.size or source is None:
        return False
    shape = shape_of(source)
    axes = attr(node, "axes", tuple(range(len(shape))))
    sizes = [shape[int(a)] * float(s) for a, s in zip(axes, scales, strict=True)]
    return any(abs(s - round(s)) > 1e-4 for s in sizes)


def axis_resizes(node: ir.Node) -> dict[int, AxisResize]:
    """Return the axes that change, each with its size, scale and modes."""
    source = node.inputs[0]
    assert source is not None
    shape, out = shape_of(source), shape_of(node.outputs[0])
    rank = len(shape)
    axes = [int(a) % rank for a in attr(node, "axes", tuple(range(rank)))]
    scales, sizes, roi = (_filled(node, i) for i in (2, 3, 1))
    coordinates = attr(node, "coordinate_transformation_mode", "half_pixel")
    if scales is None:
        assert sizes is not None
        scales = [s / shape[a] for s, a in zip(sizes, axes, strict=True)]
        policy = attr(node, "keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            scales = [(min if policy == "not_larger" else max)(scales)] * len(axes)
    found = {}
    for k, a in enumerate(axes):
        crop = coordinates == "tf_crop_and_resize" and roi is not None
        if shape[a] == out[a] and scales[k] == 1.0 and not crop:
            continue
        found[a] = AxisResize(
            size=shape[a],
            out=out[a],
            scale=float(scales[k]),
            coordinates=coordinates,
            mode=attr(node, "mode", "nearest"),
            nearest=attr(node, "nearest_mode", "round_prefer_floor"),
            cubic_a=attr(node, "cubic_coeff_a", -0.75),
            exclude_outside=bool(attr(node, "exclude_outside", 0)),
            antialias=bool(attr(node, "antialias", 0)),
            roi=(float(roi[k]), float(roi[k + len(axes)])) if crop and roi else (0.0, 1.0),
        )
    return found


def _filled(node: ir.Node, i: int) -> list[float] | None:
    found = const_of(opt_input(node, i))
    return None if found is None or not found.size else [float(v) for v in found.reshape(-1)]
