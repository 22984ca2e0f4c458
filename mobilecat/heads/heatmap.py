"""One heat map a point, in the graph.

Sources: Simple Baselines, https://arxiv.org/abs/1804.06208 (a quarter towards the second highest,
with the conditions of the authors' `get_final_preds`); DARK, https://arxiv.org/abs/1910.06278 (eq.
7 to 11, and the authors' `gaussian_blur` and `taylor`); integral regression,
https://arxiv.org/abs/1711.08229; UDP, https://arxiv.org/abs/1911.07524 (align-corners).

The cells around a map's highest are read by two products with 0/1 matrices: rows, then columns.
What lies beyond the map is 0 there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, points
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape
from mobilecat.spec.heads import HeatmapHead

LEAST = 1e-10
"""What DARK's authors take the logarithm of at least."""
SMALL_KERNELS = {
    3: (0.25, 0.5, 0.25),
    5: (0.0625, 0.25, 0.375, 0.25, 0.0625),
    7: (0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125),
    9: tuple(v / 256 for v in (4, 13, 30, 51, 60, 51, 30, 13, 4)),
}
"""OpenCV's own for these sides; from 11 on σ = 0.3·((k − 1)/2 − 1) + 0.8."""


@dataclass(frozen=True)
class _Maps:
    """L maps of h rows and w columns."""

    count: int
    rows: int
    columns: int


def settle(spec: HeatmapHead, network: Network) -> Head:
    """Find the maps: the output whose sides divide the input's alike."""
    fit = Fit(spec.kind, network)
    layouts = [spec.layout] if spec.layout else ["NCHW", "NHWC"]

    def fits(shape: Shape) -> list[str]:
        return [layout for layout in layouts if _is_map(shape, layout, network.size_wh)]

    wanted = "[1, L, h, w] or [1, h, w, L], h and w as the input's sides"
    name = fit.output("output", spec.output, wanted, lambda shape: bool(fits(shape)))
    fitting = fits(network.outputs[name]) if name else []
    if len(fitting) > 1:
        shape = list(network.outputs[name])
        fit.ask("layout", f"output {name!r} {shape} does not tell which side is the points'")
    fit.require()
    _, a, b, c = network.outputs[name]
    maps = _Maps(a, b, c) if fitting[0] == "NCHW" else _Maps(c, a, b)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        heat = raw[name]
        if fitting[0] == "NHWC":
            heat = build.op("Transpose", "maps", heat, perm=[0, 3, 1, 2])
        if spec.activation == "sigmoid":
            heat = build.op("Sigmoid", "heat", heat)
        soft = spec.method == "soft-argmax"
        x, y, scores = (_mean_place if soft else _highest)(build, heat, spec, maps)
        placed = [
            _pixels(build, axis, value, spec.grid, cells, side)
            for axis, value, cells, side in (
                ("x", x, maps.columns, network.size_wh[0]),
                ("y", y, maps.rows, network.size_wh[1]),
            )
        ]
        both = build.op("Concat", "points", *placed, axis=-1)
        flat = ops.reshape(build, "point_scores", scores, 1, 1, maps.count)
        return points.scored(
            build, ops.reshape(build, "point_rows", both, 1, 1, maps.count, 2), flat, maps.count
        )

    extra = f" of {spec.kernel} cells" if spec.method == "dark" else ""
    said = (
        f"heatmap, {maps.count} points from {name!r}, {maps.columns}×{maps.rows} cells "
        f"{fitting[0]}, {spec.method}{extra}, grid {spec.grid}; the score of a point is its map's "
        "highest value, the box their extent"
    )
    return Head((name,), 1, maps.count, said, decode, carries=spec.carries)


def _is_map(shape: Shape, layout: str, size_wh: tuple[int, int]) -> bool:
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        return False
    rows, columns = shape[2:] if layout == "NCHW" else shape[1:3]
    width, height = size_wh
    return min(rows, columns) > 1 and rows * width == columns * height and columns <= width


def _pixels(
    build: Builder, axis: str, value: ir.Value, grid: str, cells: int, side: int
) -> ir.Value:
    """Return pixels of the input for cells [1,L,1,1]."""
    if grid == "align-corners":
        return build.op("Mul", f"{axis}_px", value, ops.f32((side - 1) / (cells - 1)))
    if grid == "half-pixel":
        value = build.op("Add", f"{axis}_centre", value, ops.f32(0.5))
    return build.op("Mul", f"{axis}_px", value, ops.f32(side / cells))


def _mean_place(
    build: Builder, heat: ir.Value, spec: HeatmapHead, maps: _Maps
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return x, y [1,L,1,1] in cells under the softmax, and its highest value."""
    count, rows, columns = maps.count, maps.rows, maps.columns
    flat = ops.reshape(build, "flat", heat, 1, count, rows * columns)
    if spec.beta != 1:
        flat = build.op("Mul", "sharpened", flat, ops.f32(spec.beta))
    share = build.op("Softmax", "share", flat, axis=-1)
    best = build.op("ReduceMax", "best", share, ops.ints(2), keepdims=1)
    map_ = ops.reshape(build, "share_map", share, 1, count, rows, columns)
    means = []
    for axis, gone, kept, shape in (("x", 2, 3, (columns,)), ("y", 3, 2, (rows, 1))):
        along = build.op("ReduceSum", f"{axis}_share", map_, ops.ints(gone), keepdims=1)
        ramp = ops.f32(np.arange(max(shape)).reshape(shape))
        weighed = build.op("Mul", f"{axis}_weighed", along, ramp)
        means.append(build.op("ReduceSum", axis, weighed, ops.ints(kept), keepdims=1))
    return means[0], means[1], best


def _highest(
    build: Builder, heat: ir.Value, spec: HeatmapHead, maps: _Maps
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return x, y [1,L,1,1] in cells of each map's highest, refined, and its value."""
    best = build.op("ReduceMax", "best", heat, ops.ints(2, 3), keepdims=1)
    row_best = build.op("ReduceMax", "row_best", heat, ops.ints(3), keepdims=1)
    y = _index(build, "y", row_best, 2)
    x = _index(build, "x", build.op("MatMul", "row", _rows(build, "peak", y, 0, maps), heat), 3)
    if spec.method == "argmax":
        return x, y, best
    if spec.method == "dark":
        heat = _logarithm(build, heat, best, spec.kernel, maps)
    reach = 2 if spec.method == "dark" else 1
    wide = build.op("MatMul", "rows_around", _rows(build, "around", y, reach, maps), heat)
    patch = build.op("MatMul", "patch", wide, _columns(build, x, reach, maps))
    inside = _inside(build, x, y, reach, maps)
    refine = _parabola if spec.method == "dark" else _quarter
    dx, dy = refine(build, patch, inside)
    # Without anything above 0 the authors put the point to (0, 0).
    seen = _true(build, "seen", "Less", ops.f32(0), best)
    return (
        build.op("Mul", "x_seen", build.op("Add", "x_refined", x, dx), seen),
        build.op("Mul", "y_seen", build.op("Add", "y_refined", y, dy), seen),
        best,
    )


def _index(build: Builder, name: str, values: ir.Value, axis: int) -> ir.Value:
    """Return the first index of the highest along an axis, as a number."""
    found = build.op("ArgMax", f"{name}_index", values, axis=axis, keepdims=1)
    return build.op("Cast", name, found, to=int(ir.DataType.FLOAT))


def _true(
    build: Builder, name: str, kind: str, a: ir.Value | Array, b: ir.Value | Array
) -> ir.Value:
    """Return 1 where the comparison holds, else 0."""
    held = build.op(kind, f"{name}.held", a, b)
    return build.op("Cast", name, held, to=int(ir.DataType.FLOAT))


def _rows(build: Builder, name: str, y: ir.Value, reach: int, maps: _Maps) -> ir.Value:
    """Return the 0/1 matrix [1,L,2·reach+1,h] that picks the rows around y."""
    near = ops.f32(np.arange(-reach, reach + 1).reshape(1, 1, -1, 1))
    wanted = build.op("Add", f"{name}_rows", y, near)
    every = ops.f32(np.arange(maps.rows).reshape(1, 1, 1, -1))
    return _true(build, f"{name}_row", "Equal", wanted, every)


def _columns(build: Builder, x: ir.Value, reach: int, maps: _Maps) -> ir.Value:
    """Return the 0/1 matrix [1,L,w,2·reach+1] that picks the columns around x."""
    near = ops.f32(np.arange(-reach, reach + 1).reshape(1, 1, 1, -1))
    wanted = build.op("Add", "around_columns", x, near)
    every = ops.f32(np.arange(maps.columns).reshape(1, 1, -1, 1))
    return _true(build, "around_column", "Equal", wanted, every)


def _inside(build: Builder, x: ir.Value, y: ir.Value, reach: int, maps: _Maps) -> ir.Value:
    """Return 1 where 1 < x < w − reach and 1 < y < h − reach: elsewhere nothing is refined."""
    held = None
    for axis, value, cells in (("x", x, maps.columns), ("y", y, maps.rows)):
        for end, low, high in (
            ("low", ops.f32(1), value),
            ("high", value, ops.f32(cells - reach)),
        ):
            one = _true(build, f"{axis}_{end}", "Less", low, high)
            held = one if held is None else build.op("Mul", f"inside_{axis}_{end}", held, one)
    assert held is not None
    return held


def _slopes(build: Builder, patch: ir.Value, weights: Array) -> Callable[[int, int], ir.Value]:
    """Return a reader of (row, column) → [1,L,1,1]: the patch weighed along y and along x.

    weights: [side,k], of which column 0 is the middle, 1 the slope, 2 the curvature.
    """
    kinds = weights.shape[1]
    across = build.op("MatMul", "across", patch, ops.f32(weights[None, None]))
    both = build.op("MatMul", "slopes", ops.f32(weights.T[None, None]), across)
    flat = ops.reshape(build, "slopes_flat", both, 1, -1, 1, kinds * kinds)

    def read(along_y: int, along_x: int) -> ir.Value:
        at = along_y * kinds + along_x
        return ops.columns(build, f"slope_{along_y}{along_x}", flat, at, at + 1)

    return read


def _quarter(build: Builder, patch: ir.Value, inside: ir.Value) -> tuple[ir.Value, ir.Value]:
    slopes = _slopes(build, patch, np.array([[0, -1], [1, 0], [0, 1]]))
    found = []
    for axis, slope in (("x", slopes(0, 1)), ("y", slopes(1, 0))):
        up = _true(build, f"{axis}_up", "Less", ops.f32(0), slope)
        down = _true(build, f"{axis}_down", "Less", slope, ops.f32(0))
        sign = build.op("Sub", f"{axis}_sign", up, down)
        quarter = build.op("Mul", f"{axis}_quarter", sign, ops.f32(0.25))
        found.append(build.op("Mul", f"{axis}_offset", quarter, inside))
    return found[0], found[1]


def _parabola(build: Builder, patch: ir.Value, inside: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return −H⁻¹·g of the 5×5 patch of logarithms (DARK, eq. 8 and 9)."""
    middle, slope, curve = [0, 0, 1, 0, 0], [0, -0.5, 0, 0.5, 0], [0.25, 0, -0.5, 0, 0.25]
    slopes = _slopes(build, patch, np.array([middle, slope, curve]).T)
    gx, gy = slopes(0, 1), slopes(1, 0)
    hxx, hyy, hxy = slopes(0, 2), slopes(2, 0), slopes(1, 1)
    det = _difference(build, "det", hxx, hyy, hxy, hxy)
    flat_top = build.op("Equal", "no_top", det, ops.f32(0))
    sound = build.op("Where", "det_sound", flat_top, ops.f32(1), det)
    held = build.op("Where", "top_inside", flat_top, ops.f32(0), inside)
    dx = _difference(build, "dx_top", hxy, gy, hyy, gx)
    dy = _difference(build, "dy_top", hxy, gx, hxx, gy)
    return (
        build.op("Mul", "x_offset", build.op("Div", "dx", dx, sound), held),
        build.op("Mul", "y_offset", build.op("Div", "dy", dy, sound), held),
    )


def _difference(
    build: Builder, name: str, a: ir.Value, b: ir.Value, c: ir.Value, d: ir.Value
) -> ir.Value:
    """Return a·b − c·d."""
    first, second = build.op("Mul", f"{name}.first", a, b), build.op("Mul", f"{name}.second", c, d)
    return build.op("Sub", name, first, second)


def _logarithm(build: Builder, heat: ir.Value, best: ir.Value, side: int, maps: _Maps) -> ir.Value:
    """Return log of the blurred maps, each as high as it was (DARK, eq. 10 and 11)."""
    kernel = ops.f32(gaussian(side))
    planes = ops.reshape(build, "planes", heat, maps.count, 1, maps.rows, maps.columns)
    across = build.op(
        *("Conv", "blurred_across", planes, kernel.reshape(1, 1, 1, side)),
        kernel_shape=[1, side],
        pads=[0, side // 2, 0, side // 2],
    )
    both = build.op(
        *("Conv", "blurred_both", across, kernel.reshape(1, 1, side, 1)),
        kernel_shape=[side, 1],
        pads=[side // 2, 0, side // 2, 0],
    )
    blurred = ops.reshape(build, "blurred", both, 1, maps.count, maps.rows, maps.columns)
    top = build.op("ReduceMax", "blurred_best", blurred, ops.ints(2, 3), keepdims=1)
    none = build.op("Less", "nothing_there", top, ops.f32(LEAST))
    factor = build.op("Div", "as_high", best, build.op("Where", "top", none, ops.f32(1), top))
    scaled = build.op("Mul", "scaled", blurred, factor)
    return build.op("Log", "log_heat", build.op("Clip", "at_least", scaled, ops.f32(LEAST)))


def gaussian(side: int) -> Array:
    """Return cv2.getGaussianKernel(side, 0): weights that add up to 1."""
    if side in SMALL_KERNELS:
        return np.array(SMALL_KERNELS[side])
    sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8
    weights = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    normal: Array = weights / weights.sum()
    return normal
