"""Resize and GridSample: MIL's own op where it computes the same, constant matrices where not."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.resampling import (
    AxisResize,
    Matrix,
    axis_resizes,
    matrix,
    nearest_indices,
    outside,
    resize_problem,
)
from mobilecat.formats.coreml.lower.elementwise import broadcast_to
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, mb, shape_of_var
from mobilecat.formats.coreml.lower.shape import slice_to
from mobilecat.graph import attr, shape_of, where


@LOWERINGS.op("Resize", check=resize_problem)
def lower_resize(n: Node) -> Var:
    """MIL's op where its sampling matrix is the same on each axis, else the matrices themselves."""
    axes = axis_resizes(n.node)
    kind, x = n.kind(), n.as_kind(n.x(), "float")
    if not axes:
        return mb.identity(x=n.x())
    if all(a.mode == "nearest" for a in axes.values()):
        x = _nearest(n, x, axes)
    else:
        x = _linear(n, x, axes)
    if n.attr("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        x = _extrapolate(n, x, axes)
    return n.as_kind(x, kind)


def _nearest(n: Node, x: Var, axes: dict[int, AxisResize]) -> Var:
    """Whole repeats of the last two axes are an upsample, anything else picks rows by position."""
    rank = len(n.shape())
    factors = {a: _repeats(r) for a, r in axes.items()}
    if rank >= 3 and all(a >= rank - 2 and f for a, f in factors.items()):
        return mb.upsample_nearest_neighbor(
            x=x,
            scale_factor_height=factors.get(rank - 2, 1),
            scale_factor_width=factors.get(rank - 1, 1),
        )
    for a, resize in axes.items():
        picks = nearest_indices(resize)
        steps = np.diff(picks)
        if len(picks) > 1 and steps[0] > 0 and (steps == steps[0]).all():
            ranges = [range(d) for d in shape_of_var(x)]
            ranges[a] = range(int(picks[0]), int(picks[-1]) + 1, int(steps[0]))
            x = slice_to(x, ranges)
        else:
            x = mb.gather(x=x, indices=picks.astype(np.int32), axis=a)
    return x


def _repeats(axis: AxisResize) -> int:
    """Return s where every input pixel appears s times in a row, else 0."""
    if axis.out % axis.size:
        return 0
    factor = axis.out // axis.size
    same = (nearest_indices(axis) == np.arange(axis.out) // factor).all()
    return factor if same else 0


def _linear(n: Node, x: Var, axes: dict[int, AxisResize]) -> Var:
    rank = len(n.shape())
    matrices = {a: matrix(r) for a, r in axes.items()}
    if rank >= 3 and all(a >= rank - 2 for a in axes):
        native = _native_bilinear(n, x, matrices)
        if native is not None:
            return native
    n.build.lint(
        f"{where(n.node)}: no Core ML resize samples like this; done exactly, by one constant "
        "matrix per axis"
    )
    for a, weights in matrices.items():
        x = _along_axis(x, n.num(weights.T), a)
    return x


def _native_bilinear(n: Node, x: Var, matrices: dict[int, Matrix]) -> Var | None:
    """Return MIL's resize whose matrices equal ours on height and width, if there is one."""
    rank, shape, out = len(n.shape()), n.shape(), n.out_shape()

    def same(mode: str) -> bool:
        for a in (rank - 2, rank - 1):
            ours = matrices.get(a, np.eye(shape[a]))
            if not np.allclose(ours, mil_matrix(mode, shape[a], out[a]), atol=1e-5):
                return False
        return True

    modes = ["STRICT_ALIGN_CORNERS", "DEFAULT"]
    for mode in modes if n.build.is_nn else ["UNALIGN_CORNERS", *modes]:
        if same(mode):
            return mb.resize_bilinear(
                x=x,
                target_size_height=out[-2],
                target_size_width=out[-1],
                sampling_mode=mode,
            )
    if n.build.is_nn and n.build.ios < 14:
        return None  # upsample with half pixels came with iOS 14
    grows = out[-2] % shape[-2] == 0 and out[-1] % shape[-1] == 0
    if n.build.is_nn and grows and same("UNALIGN_CORNERS"):
        return mb.upsample_bilinear(
            x=x,
            scale_factor_height=out[-2] // shape[-2],
            scale_factor_width=out[-1] // shape[-1],
            align_corners=False,
        )
    return None


def _along_axis(x: Var, weights: np.ndarray, axis: int) -> Var:
    """Multiply `axis` of x by weights [in, out]."""
    rank = len(shape_of_var(x))
    if rank == 1:
        return mb.squeeze(x=_along_axis(mb.expand_dims(x=x, axes=[0]), weights, 1), axes=[0])
    if axis == rank - 1:
        return mb.matmul(x=x, y=weights)
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    product = mb.matmul(x=mb.transpose(x=x, perm=perm), y=weights)
    return mb.transpose(x=product, perm=perm)


def _extrapolate(n: Node, x: Var, axes: dict[int, AxisResize]) -> Var:
    shape = n.out_shape()
    out = np.zeros((1,) * len(shape), bool)
    for a, resize in axes.items():
        view = [1] * len(shape)
        view[a] = resize.out
        out = out | outside(resize).reshape(view)
    if not out.any():
        return x
    full = np.ascontiguousarray(np.broadcast_to(out, shape))
    return mb.select(cond=full, a=broadcast_to(_fill(n, len(shape)), shape), b=x)


def _fill(n: Node, rank: int) -> Var:
    value = n.num(n.attr("extrapolation_value", 0.0))
    return mb.const(val=value.reshape((1,) * rank))


def _check_grid_sample(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    if len(shape_of(source)) != 4:
        return "GridSample of other than 4 axes"
    mode = attr(node, "mode", "linear")
    if mode in {"cubic", "bicubic"}:
        return "GridSample with cubic interpolation; use linear"
    return None


@LOWERINGS.op("GridSample", check=_check_grid_sample)
def lower_grid_sample(n: Node) -> Var:
    # ONNX reflects at the corners: at pixel centres if they are aligned, else at pixel edges.
    aligned = bool(n.attr("align_corners", 0))
    reflection = "reflection" if aligned else "symmetric"
    padding = {"zeros": "constant", "border": "border", "reflection": reflection}
    nearest = n.attr("mode", "linear") == "nearest"
    return mb.resample(
        x=n.x(0),
        coordinates=n.x(1, "fp32"),  # float16 would move the samples, and iOS 15 takes none
        sampling_mode="nearest" if nearest else "bilinear",
        padding_mode=padding[n.attr("padding_mode", "zeros")],
        padding_value=n.num(0.0),
        coordinates_mode="normalized_minus_one_to_one",
        align_corners=aligned,
    )


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
