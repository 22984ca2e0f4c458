"""Resize: TFLite's own operators where they mean the same, else weights worked out here.

With fixed sizes, Resize is linear and works on one axis after the other: out = W·in. The matrices W
are computed from ONNX's definition, then compared with those of RESIZE_NEAREST_NEIGHBOR and
RESIZE_BILINEAR; what neither gives exactly becomes GATHER (one source a row) or a matrix product.
Source: https://onnx.ai/onnx/operators/onnx__Resize.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.layout import channels_last
from mobilecat.formats.tflite.lower.lowering import FLOAT, Build, Held, Node, const_inputs, lowers
from mobilecat.formats.tflite.lower.matmul import fully_connected
from mobilecat.formats.tflite.lower.shape import gather_rows
from mobilecat.formats.tflite.program import Tensor
from mobilecat.graph import Array, attr, const_of, opt_input, shape_of


@dataclass(frozen=True)
class _Axis:
    """What Resize asks of one axis."""

    size: int
    out: int
    scale: float
    roi: tuple[float, float]


def _problem(node: ir.Node) -> str | None:
    reason = const_inputs(1, 2, 3)(node)
    if reason is not None:
        return reason
    mode = attr(node, "coordinate_transformation_mode", "half_pixel")
    scales, x = const_of(opt_input(node, 2)), node.inputs[0]
    assert x is not None
    if mode == "tf_crop_and_resize" and const_of(opt_input(node, 1)) is None:
        return "tf_crop_and_resize without a region"
    if mode == "align_corners" and scales is not None and scales.size:
        rank = len(shape_of(x))
        named = [shape_of(x)[a % rank] for a in attr(node, "axes", tuple(range(rank)))]
        if any(abs(d * s - round(d * s)) > 1e-4 for d, s in zip(named, scales, strict=True)):
            return "align_corners to a length that is not whole: ONNX and onnxruntime disagree"
    return None


def _axes(n: Node) -> dict[int, _Axis]:
    """Return the axes that change, or are cropped."""
    shape, out = n.shape(), n.out_shape()
    rank = len(shape)
    named = [a % rank for a in n.attr("axes", tuple(range(rank)))]
    scales, sizes, roi = n.const(2), n.const(3), n.const(1)
    keeps_aspect = n.attr("keep_aspect_ratio_policy", "stretch") != "stretch"
    crops = n.attr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    result = {}
    for k, axis in enumerate(named):
        if scales is not None and scales.size:
            scale = float(scales[k])
        elif keeps_aspect:
            assert sizes is not None
            ratios = [float(sizes[i]) / shape[a] for i, a in enumerate(named)]
            smaller = n.attr("keep_aspect_ratio_policy", "stretch") == "not_larger"
            scale = min(ratios) if smaller else max(ratios)
        else:
            scale = out[axis] / shape[axis]
        region = (0.0, 1.0)
        if crops and roi is not None:
            region = (float(roi[k]), float(roi[k + len(named)]))
        if out[axis] != shape[axis] or scale != 1.0 or (crops and region != (0.0, 1.0)):
            result[axis] = _Axis(shape[axis], out[axis], scale, region)
    return result


def _positions(mode: str, axis: _Axis) -> Array:
    """Return where each output element lies in the input, in element indices.

    In float32, step by step as onnxruntime does: what lies on a border must fall on the same side.
    """
    half, one = np.float32(0.5), np.float32(1)
    x, scale = np.arange(axis.out, dtype=np.float32), np.float32(axis.scale)
    size, out = np.float32(axis.size), np.float32(axis.out)
    match mode:
        case "asymmetric":
            found = x / scale
        case "align_corners":
            found = x * (size - one) / max(out - one, one)
        case "pytorch_half_pixel" if axis.out == 1:
            found = np.zeros(1, np.float32)
        case "tf_half_pixel_for_nn":
            found = (x + half) / scale
        case "half_pixel_symmetric":
            found = size / 2 * (one - out / (scale * size)) + (x + half) / scale - half
        case "tf_crop_and_resize":
            start, end = (np.float32(v) for v in axis.roi)
            found = start * (size - one) + x * ((end - start) * (size - one) / max(out - one, one))
            if axis.out == 1:
                found = half * (start + end) * (size - one) + x
        case _:
            found = (x + half) / scale - half
    return np.asarray(found)


def _nearest(positions: Array, mode: str, size: int) -> Array:
    match mode:
        case "floor":
            rows = np.floor(positions)
        case "ceil":
            rows = np.ceil(positions)
        case "round_prefer_ceil":
            rows = np.floor(positions + np.float32(0.5))
        case _:
            rows = np.ceil(positions - np.float32(0.5))
    return np.clip(rows, 0, size - 1).astype(np.int64)


def _linear(distance: Array) -> Array:
    return np.asarray(np.maximum(1 - np.abs(distance), 0))


def _cubic(a: float, distance: Array) -> Array:
    """Keys' kernel."""
    d = np.abs(distance)
    inner = ((a + 2) * d - (a + 3)) * d * d + 1
    outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.asarray(np.where(d <= 1, inner, np.where(d < 2, outer, 0)))


def _weights(n: Node, axis: _Axis) -> Array:
    """Return W [out, in] of one axis, rows summing to 1."""
    mode = n.attr("mode", "nearest")
    positions = _positions(n.attr("coordinate_transformation_mode", "half_pixel"), axis)
    size = axis.size
    if mode == "nearest":
        rows = _nearest(positions, n.attr("nearest_mode", "round_prefer_floor"), size)
        return np.eye(size)[rows]
    shrink = min(axis.scale, 1.0) if n.attr("antialias", 0) else 1.0
    reach = (1 if mode == "linear" else 2) / shrink
    a = n.attr("cubic_coeff_a", -0.75)
    positions = positions.astype(np.float64)
    low = np.floor(positions - reach).astype(int)
    taps = low[:, None] + np.arange(int(np.ceil(2 * reach)) + 2)
    distance = (taps - positions[:, None]) * shrink
    weights = _linear(distance) if mode == "linear" else _cubic(a, distance)
    inside = (taps >= 0) & (taps < size)
    if n.attr("exclude_outside", 0):
        weights = np.where(inside, weights, 0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((axis.out, size))
    rows = np.broadcast_to(np.arange(axis.out)[:, None], taps.shape)
    np.add.at(matrix, (rows, np.clip(taps, 0, size - 1)), weights)
    return matrix


def _native_positions(axis: _Axis, align: bool, half: bool) -> Array:
    """Return TFLite's own positions. Source: tflite/kernels/internal/reference/resize_*.h"""
    x = np.arange(axis.out, dtype=np.float32)
    scale = np.float32(axis.size) / np.float32(axis.out)
    if align and axis.out > 1:
        scale = np.float32(axis.size - 1) / np.float32(axis.out - 1)
    positions: Array = (x + np.float32(0.5)) * scale - np.float32(0.5) if half else x * scale
    return positions


def _native_nearest(axis: _Axis, align: bool, half: bool) -> Array:
    positions = _native_positions(axis, align, False)
    if half:
        x = np.arange(axis.out, dtype=np.float32) + np.float32(0.5)
        positions = x * (np.float32(axis.size) / np.float32(axis.out))
    rows = np.floor(positions + np.float32(0.5)) if align else np.floor(positions)
    return np.asarray(np.eye(axis.size)[np.clip(rows, 0, axis.size - 1).astype(int)])


def _native_linear(axis: _Axis, align: bool, half: bool) -> Array:
    positions = np.clip(_native_positions(axis, align, half), 0, axis.size - 1).astype(np.float64)
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, axis.size - 1)
    part = positions - low
    eye = np.eye(axis.size)
    matrix: Array = eye[low] * (1 - part)[:, None] + eye[high] * part[:, None]
    return matrix


_NATIVE = {
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", _native_nearest),
    "linear": ("RESIZE_BILINEAR", _native_linear),
}
_VARIANTS = ((False, False), (False, True), (True, False))


def _native_variant(
    n: Node, axes: dict[int, _Axis], wanted: dict[int, Array]
) -> tuple[str, bool, bool] | None:
    """Return (operator, align_corners, half_pixel_centers) that gives the same weights, or None."""
    mode = n.attr("mode", "nearest")
    if mode not in _NATIVE:
        return None
    code, weights_of = _NATIVE[mode]
    for align, half in _VARIANTS:
        same = all(
            np.allclose(weights_of(axis, align, half), wanted[a], atol=1e-6, rtol=0)
            for a, axis in axes.items()
        )
        if same:
            return code, align, half
    return None


@lowers("Resize", natively=FLOAT | {"int8", "uint8", "int16", "int32"}, check=_problem)
def lower_resize(n: Node) -> None:
    build = n.build
    axes = _axes(n)
    wanted = {a: _weights(n, axis) for a, axis in axes.items()}
    held = n.held()
    if not axes:
        n.put(held.tensor, held.perm)
        return
    picture = len(n.shape()) == 4 and set(axes) <= {2, 3}
    floats = held.tensor.dtype == np.float32
    variant = _native_variant(n, axes, wanted) if picture and floats else None
    if variant:
        code, align, half = variant
        perm = channels_last(4)
        x = build.laid_out(held, perm)
        out = [n.out_shape()[a] for a in perm]
        size = np.array(out[1:3], np.int32)
        y = build.op(code, [x, size], out, alignCorners=align, halfPixelCenters=half)
        n.put(y, perm)
        return
    for axis, matrix in wanted.items():
        held = _resampled(build, held, axis, matrix)
    n.put(_outside(n, axes, held), held.perm)


def _resampled(build: Build, held: Held, axis: int, matrix: Array) -> Held:
    rows = matrix.argmax(axis=1)
    if np.array_equal(matrix, np.eye(matrix.shape[1])[rows]):
        return Held(gather_rows(build, held.tensor, rows, held.perm.index(axis)), held.perm)
    perm = (*(a for a in held.perm if a != axis), axis)
    x = build.laid_out(held, perm)
    return Held(fully_connected(build, x, matrix.astype(np.float32), None), perm)


def _outside(n: Node, axes: dict[int, _Axis], held: Held) -> Tensor:
    """Put extrapolation_value where tf_crop_and_resize reads outside the picture."""
    mode = n.attr("coordinate_transformation_mode", "half_pixel")
    if mode != "tf_crop_and_resize":
        return held.tensor
    inside = np.ones((1,) * len(held.perm), np.bool_)
    for a, axis in axes.items():
        positions = _positions(mode, axis)
        shape = [1] * len(held.perm)
        shape[held.perm.index(a)] = axis.out
        fits = (positions >= 0) & (positions <= axis.size - 1)
        inside = inside & fits.reshape(shape)
    if inside.all():
        return held.tensor
    value = np.array(n.attr("extrapolation_value", 0.0), held.tensor.dtype)
    x = held.tensor
    return n.build.op("SELECT_V2", [inside, x, value], x.shape, x.dtype)
