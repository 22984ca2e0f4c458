"""Resize, without the dialect's `interpolate`.

That one is reported to stop compilation for the GPU and the Neural Engine: docs/coreai.md.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Build, Var, dtype_of_var, shape_of_var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers
from mobilecat.graph import Array, attr, const_of, opt_input, shape_of
from mobilecat.formats.coreml.lower.resampling import AxisResize, matrix, nearest_indices, outside

_COORDINATES = {
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
}


def _check_resize(node: ir.Node) -> str | None:
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


def _axis_resizes(n: Node) -> dict[int, AxisResize]:
    """Return the axes that change, each with its size, scale and modes."""
    shape, out, rank = n.shape(), n.out_shape(), len(n.shape())
    axes = [int(a) % rank for a in n.attr("axes", tuple(range(rank)))]
    scales, sizes, roi = (_filled(n, i) for i in (2, 3, 1))
    coordinates = n.attr("coordinate_transformation_mode", "half_pixel")
    if scales is None:
        assert sizes is not None
        scales = [s / shape[a] for s, a in zip(sizes, axes, strict=True)]
        policy = n.attr("keep_aspect_ratio_policy", "stretch")
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
            mode=n.attr("mode", "nearest"),
            nearest=n.attr("nearest_mode", "round_prefer_floor"),
            cubic_a=n.attr("cubic_coeff_a", -0.75),
            exclude_outside=bool(n.attr("exclude_outside", 0)),
            antialias=bool(n.attr("antialias", 0)),
            roi=(float(roi[k]), float(roi[k + len(axes)])) if crop and roi else (0.0, 1.0),
        )
    return found


def _filled(n: Node, i: int) -> list[float] | None:
    found = n.const(i)
    return None if found is None or not found.size else [float(v) for v in found.reshape(-1)]


@lowers("Resize", types=NUMBERS, check=_check_resize)
def lower_resize(n: Node) -> Var:
    """Nearest moves rows; all else is a constant matrix an axis, with a few weights in a row."""
    b, axes = n.build, _axis_resizes(n)
    nearest = n.attr("mode", "nearest") == "nearest"
    x = n.x() if nearest else n.x(0, np.float32)
    for axis, resize in axes.items():
        if nearest:
            x = _picked(b, x, nearest_indices(resize), axis)
        else:
            x = _weighted(b, x, matrix(resize).astype(np.float32), axis)
    if n.attr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        x = _extrapolated(n, x, axes)
    return b.cast(x, n.out_dtype())


def _picked(b: Build, x: Var, rows: Array, axis: int) -> Var:
    """Take `rows` of an axis: whole repeats as a broadcast, even steps as a slice."""
    shape = shape_of_var(x)
    times = len(rows) // shape[axis]
    if times > 1 and np.array_equal(rows, np.repeat(np.arange(shape[axis]), times)):
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        flat = b.reshape(x, (outer * shape[axis], 1, inner))
        wide = b.broadcast_to(flat, (outer * shape[axis], times, inner))
        return b.reshape(wide, (*shape[:axis], len(rows), *shape[axis + 1 :]))
    steps = np.diff(rows)
    if len(rows) > 1 and steps[0] > 0 and np.all(steps == steps[0]):
        return b.take(x, axis, range(int(rows[0]), int(rows[-1]) + 1, int(steps[0])))
    return b.gather(x, rows.astype(np.int32), axis)


def _weighted(b: Build, x: Var, weights: Array, axis: int) -> Var:
    """Multiply one axis by weights [out, in]: from the right where it is the last, else from the
    left, with everything behind it as the columns."""
    shape = shape_of_var(x)
    if axis == len(shape) - 1:
        outer = int(np.prod(shape[:-1]))
        out = b.matmul(b.reshape(x, (outer, shape[-1])), np.ascontiguousarray(weights.T))
    else:
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        out = b.matmul(weights[None], b.reshape(x, (outer, shape[axis], inner)))
    return b.reshape(out, (*shape[:axis], len(weights), *shape[axis + 1 :]))


def _extrapolated(n: Node, x: Var, axes: dict[int, AxisResize]) -> Var:
    shape = n.out_shape()
    out: Array = np.zeros((1,) * len(shape), bool)
    for a, resize in axes.items():
        view = [1] * len(shape)
        view[a] = resize.out
        out = out | outside(resize).reshape(view)
    if not out.any():
        return x
    computed = dtype_of_var(x)
    fill = np.float32(n.attr("extrapolation_value", 0.0)).astype(computed)
    return n.build.where(np.ascontiguousarray(np.broadcast_to(out, shape)), fill, x)
