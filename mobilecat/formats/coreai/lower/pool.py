"""Pooling: maxima by Apple's op, averages as sums over counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.windows import Pairs, window_pads
from mobilecat.formats.coreai.lower.build import Var, type_of
from mobilecat.formats.coreai.lower.conv import rows, sizes, spatial
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers, used
from mobilecat.graph import Array


def _check_pool(node: ir.Node) -> str | None:
    if used(node, 1):
        return "Core AI returns no indices from a pooling; drop the second output"
    return spatial(node)


def _windows(n: Node) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    kernel = n.attr("kernel_shape", ())
    ones = (1,) * len(kernel)
    return kernel, n.attr("strides", ones), n.attr("dilations", ones)


def _pads(n: Node) -> tuple[Pairs, Pairs]:
    """Return the node's own pads, and those at which every window of the output ends inside.

    ONNX's ceil_mode lets windows reach past the end, which then is padding too.
    """
    kernel, strides, dilations = _windows(n)
    size, out = n.shape()[2:], n.out_shape()[2:]
    own = window_pads(n.node, size, kernel, out)
    reached = []
    for i, (before, _) in enumerate(own):
        one = (kernel[i] - 1) * dilations[i] + 1
        after = (out[i] - 1) * strides[i] + one - size[i] - before
        fits = (size[i] + before - one) // strides[i] + 1 == out[i]
        reached.append((before, max(after, 0) if fits else after))
    return own, reached


@lowers("MaxPool", types=NUMBERS, check=_check_pool)
def lower_max_pool(n: Node) -> Var:
    b = n.build
    kernel, strides, dilations = _windows(n)
    dtype = n.dtype()
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    x = rows(b.pad(n.x(), [(0, 0), (0, 0), *_pads(n)[1]], lowest), b)
    shape = n.out_shape()
    out = b.op(
        "maxpool3d" if len(kernel) == 3 else "maxpool2d",
        type_of(shape if len(kernel) > 1 else (*shape[:2], 1, shape[2]), dtype),
        x,
        *(sizes(v) for v in (kernel, strides, dilations)),
        np.False_,
    )
    return b.reshape(out, shape)


@lowers("AveragePool", check=_check_pool)
def lower_average_pool(n: Node) -> Var:
    """count_include_pad counts the node's own pads, but never what ceil_mode adds past them."""
    b, (own, reached) = n.build, _pads(n)
    total = _summed(n, n.x(), reached)
    counts = _counts(n, own, reached)
    if np.all(counts == counts.reshape(-1)[0]):
        counts = counts.reshape(-1)[0]
    return b.div(total, np.asarray(counts, np.float32))


def _summed(n: Node, x: Var, pads: Pairs) -> Var:
    """Return the sum of each window of `x`."""
    b, (kernel, strides, dilations) = n.build, _windows(n)
    out = b.op(
        "sumpool3d" if len(kernel) == 3 else "sumpool2d",
        rows(b.pad(x, [(0, 0), (0, 0), *pads]), b),
        *(b.const(sizes(v)) for v in (kernel, strides, dilations)),
    )
    return b.reshape(out, n.out_shape())


@lowers("LpPool", check=_check_pool)
def lower_lp_pool(n: Node) -> Var:
    """The p-th root of the sum of |x|ᵖ."""
    return _root(n, _summed(n, _power(n), _pads(n)[1]))


@lowers("GlobalLpPool")
def lower_global_lp_pool(n: Node) -> Var:
    return _root(n, n.build.reduce("sum", _power(n), range(2, len(n.shape()))))


def _power(n: Node) -> Var:
    """|x|ᵖ, squares as products."""
    b, p = n.build, n.attr("p", 2)
    size = b.op("abs_", n.x())
    if p == 1:
        return size
    return b.mul(size, size) if p == 2 else b.op("broadcasting_pow", size, n.num(p))


def _root(n: Node, total: Var) -> Var:
    b, p = n.build, n.attr("p", 2)
    if p == 1:
        return total
    return b.op("sqrt", total) if p == 2 else b.op("broadcasting_pow", total, n.num(1 / p))


def _counts(n: Node, own: Pairs, reached: Pairs) -> Array:
    """Return how many cells of each window count, shaped as the output's spatial axes."""
    counts: Array = np.ones(n.shape()[2:])
    if n.attr("count_include_pad", 0):
        counts = np.pad(counts, own, constant_values=1)
        reached = [(0, max(r[1] - o[1], 0)) for o, r in zip(own, reached, strict=True)]
    counts = np.pad(counts, [(before, max(after, 0)) for before, after in reached])
    for axis, (size, stride, step) in enumerate(zip(*_windows(n), strict=True)):
        starts = np.arange(n.out_shape()[2 + axis]) * stride
        counts = np.sum(
            [np.take(counts, starts + i * step, axis=axis) for i in range(size)], axis=0
        )
    return counts


@lowers("GlobalAveragePool")
def lower_global_average_pool(n: Node) -> Var:
    return n.build.reduce("mean", n.x(), range(2, len(n.shape())))


@lowers("GlobalMaxPool")
def lower_global_max_pool(n: Node) -> Var:
    return n.build.reduce("max", n.x(), range(2, len(n.shape())))
