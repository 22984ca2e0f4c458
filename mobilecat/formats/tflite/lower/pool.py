"""Pooling over windows."""

from __future__ import annotations

from functools import reduce

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.conv import image_of, put_image
from mobilecat.formats.tflite.lower.lowering import Build, Node, first_of, lowers
from mobilecat.formats.tflite.lower.shape import pad, slice_of
from mobilecat.formats.tflite.lower.windows import ONE, Window, padding_of, windows_of
from mobilecat.formats.tflite.program import SAME, VALID, Tensor
from mobilecat.graph import Array, shape_of


def _dimensions_problem(node: ir.Node) -> str | None:
    x = node.inputs[0]
    assert x is not None
    spatial = len(shape_of(x)) - 2
    return None if spatial in (1, 2) else f"{spatial} spatial dimensions, 1 or 2 have a form"


def _indices_problem(node: ir.Node) -> str | None:
    if len(node.outputs) > 1 and node.outputs[1].name:
        return "the Indices output"
    return None


def _windows(n: Node) -> list[Window]:
    windows = windows_of(n, n.attr("kernel_shape", ()))
    return [ONE, *windows] if len(windows) == 1 else windows


def _pool(build: Build, code: str, x: Tensor, windows: list[Window], padding: int) -> Tensor:
    rows, cols = windows
    return build.op(
        code,
        [x],
        (x.shape[0], rows.out, cols.out, x.shape[3]),
        padding=padding,
        strideH=rows.stride,
        strideW=cols.stride,
        filterHeight=rows.kernel,
        filterWidth=cols.kernel,
    )


def _shifted(build: Build, x: Tensor, windows: list[Window]) -> list[Tensor]:
    """Return, for each place in a dilated window, what all windows see there."""
    rows, cols = windows
    batch, depth = x.shape[0], x.shape[3]
    return [
        slice_of(
            build,
            x,
            [
                (0, 1, batch),
                (i * rows.dilation, rows.stride, rows.out),
                (j * cols.dilation, cols.stride, cols.out),
                (0, 1, depth),
            ],
        )
        for i in range(rows.kernel)
        for j in range(cols.kernel)
    ]


@lowers("MaxPool", check=first_of(_dimensions_problem, _indices_problem))
def lower_max_pool(n: Node) -> None:
    windows = _windows(n)
    dilated = any(w.dilation > 1 for w in windows)
    padding, pads = padding_of(windows)
    if dilated and padding == SAME:
        padding, pads = VALID, [(w.before, w.after) for w in windows]
    x = pad(n.build, image_of(n), [(0, 0), *pads, (0, 0)], np.array(_LOWEST, np.float32))
    if dilated:
        y = reduce(lambda a, b: n.build.ew("MAXIMUM", a, b), _shifted(n.build, x, windows))
    else:
        y = _pool(n.build, "MAX_POOL_2D", x, windows, padding)
    put_image(n, y)


_LOWEST = np.finfo(np.float32).min


def _counts(window: Window, include_pad: bool) -> Array:
    """Return how many elements the mean of each window is over.

    Padding counts if `include_pad`; what ceil_mode adds behind it never does.
    """
    start = np.arange(window.out)[:, None] * window.stride - window.before
    at = start + np.arange(window.kernel) * window.dilation
    low, high = (-window.before, window.size + window.end) if include_pad else (0, window.size)
    counts: Array = ((at >= low) & (at < high)).sum(axis=1)
    return counts


@lowers("AveragePool", check=_dimensions_problem)
def lower_average_pool(n: Node) -> None:
    """SAME leaves the padding out of its means; where ONNX counts otherwise, a factor corrects."""
    windows = _windows(n)
    include = bool(n.attr("count_include_pad", 0))
    padding, pads = padding_of(windows)
    dilated = any(w.dilation > 1 for w in windows)
    counts = [_counts(w, include) for w in windows]
    if dilated or (
        padding == SAME
        and any((c != _counts(w, False)).any() for c, w in zip(counts, windows, strict=True))
    ):
        padding, pads = VALID, [(w.before, w.after) for w in windows]
    x = pad(n.build, image_of(n), [(0, 0), *pads, (0, 0)])
    area = windows[0].kernel * windows[1].kernel
    if dilated:
        y = reduce(lambda a, b: n.build.ew("ADD", a, b), _shifted(n.build, x, windows))
        y = n.build.ew("MUL", y, 1.0 / area)
    else:
        y = _pool(n.build, "AVERAGE_POOL_2D", x, windows, padding)
    over = counts[0][:, None] * counts[1][None, :]
    if padding == VALID and (over != area).any():
        y = n.build.ew("MUL", y, (area / over)[:, :, None].astype(np.float32))
    put_image(n, y)


@lowers("LpPool", check=_dimensions_problem)
def lower_lp_pool(n: Node) -> None:
    """(Σ|x|ᵖ)^(1/p), the sum as the zero-padded mean times the window's area."""
    windows, ew = _windows(n), n.build.ew
    x = ew("ABS", image_of(n))
    x = _power(n.build, x, n.attr("p", 2))
    pads = [(w.before, w.after) for w in windows]
    x = pad(n.build, x, [(0, 0), *pads, (0, 0)])
    if any(w.dilation > 1 for w in windows):
        y = reduce(lambda a, b: ew("ADD", a, b), _shifted(n.build, x, windows))
    else:
        y = _pool(n.build, "AVERAGE_POOL_2D", x, windows, VALID)
        y = ew("MUL", y, float(windows[0].kernel * windows[1].kernel))
    put_image(n, _power(n.build, y, 1 / n.attr("p", 2)))


def _power(build: Build, x: Tensor, p: float) -> Tensor:
    """Return xᵖ of x ≥ 0."""
    match p:
        case 1:
            return x
        case 2:
            return build.ew("MUL", x, x)
        case 0.5:
            return build.ew("SQRT", x)
    return build.ew("POW", x, p)
