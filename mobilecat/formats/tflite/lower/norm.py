"""Normalisations with statistics of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.layout import Perm, channels_last
from mobilecat.formats.tflite.lower.lowering import Build, Held, Node, axis_of, const_inputs, lowers
from mobilecat.formats.tflite.lower.reduce import reduce_over
from mobilecat.formats.tflite.lower.shape import pad, reshape
from mobilecat.formats.tflite.program import VALID, Tensor
from mobilecat.graph import Array, attr


def _moments(build: Build, x: Tensor, axes: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, x − mean, and variance over physical axes."""
    mean = reduce_over(build, "MEAN", x, axes)
    centred = build.ew("SUB", x, mean)
    variance = reduce_over(build, "MEAN", build.ew("MUL", centred, centred), axes)
    return mean, centred, variance


def _normalised(n: Node, x: Tensor, axes: Sequence[int]) -> Tensor:
    """(x − mean)/√(variance + ε) over physical axes."""
    ew = n.build.ew
    _, centred, variance = _moments(n.build, x, axes)
    return ew("MUL", centred, ew("RSQRT", ew("ADD", variance, n.attr("epsilon", 1e-5))))


def _affine(n: Node, y: Tensor, perm: Perm, parameters: Sequence[Array | None]) -> Tensor:
    """Return y·scale + bias; each has the rank of `y`, or ends with its last logical axes."""
    for code, value in zip(("MUL", "ADD"), parameters, strict=False):
        if value is not None:
            full = value.reshape((1,) * (len(perm) - value.ndim) + value.shape)
            y = n.build.ew(code, y, full.transpose(perm))
    return y


def _per_channel(n: Node, i: int) -> Array:
    value = n.const(i)
    assert value is not None
    return value.reshape((-1,) + (1,) * (len(n.shape()) - 2))


def _from_axis(perm: Perm, axis: int) -> list[int]:
    """Return the physical places of the logical axes from `axis` on."""
    return [i for i, a in enumerate(perm) if a >= axis]


@lowers("InstanceNormalization", check=const_inputs(1, 2))
def lower_instance_normalization(n: Node) -> None:
    held = n.held()
    y = _normalised(n, held.tensor, _from_axis(held.perm, 2))
    n.put(_affine(n, y, held.perm, [_per_channel(n, 1), _per_channel(n, 2)]), held.perm)


@lowers("GroupNormalization", check=const_inputs(1, 2))
def lower_group_normalization(n: Node) -> None:
    shape, groups = n.shape(), n.attr("num_groups", 1)
    inner = shape[1] // groups
    split = reshape(n.build, n.held(), (shape[0], groups, inner, *shape[2:]))
    y = _normalised(n, split.tensor, _from_axis(split.perm, 2))
    merged = reshape(n.build, Held(y, split.perm), shape)
    parameters = [_per_channel(n, i) for i in (1, 2)]
    if parameters[0].size == groups != shape[1]:  # opset 18: one a group
        parameters = [np.repeat(p, inner, axis=0) for p in parameters]
    n.put(_affine(n, merged.tensor, merged.perm, parameters), merged.perm)


@lowers("LayerNormalization", check=const_inputs(1, 2))
def lower_layer_normalization(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    axes = _from_axis(held.perm, axis_of(n, n.attr("axis", -1)))
    mean, centred, variance = _moments(n.build, held.tensor, axes)
    inverse = ew("RSQRT", ew("ADD", variance, n.attr("epsilon", 1e-5)))
    y = _affine(n, ew("MUL", centred, inverse), held.perm, [n.const(1), n.const(2)])
    n.put(y, held.perm)
    for i, extra in ((1, mean), (2, inverse)):
        if n.wants(i):
            n.put(extra, held.perm, i)


@lowers("RMSNormalization", check=const_inputs(1))
def lower_rms_normalization(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    axes, x = _from_axis(held.perm, axis_of(n, n.attr("axis", -1))), held.tensor
    mean = reduce_over(n.build, "MEAN", ew("MUL", x, x), axes)
    y = ew("MUL", x, ew("RSQRT", ew("ADD", mean, n.attr("epsilon", 1e-5))))
    n.put(_affine(n, y, held.perm, [n.const(1)]), held.perm)


@lowers("MeanVarianceNormalization")
def lower_mean_variance_normalization(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    axes = [held.perm.index(axis_of(n, a)) for a in n.attr("axes", (0, 2, 3))]
    _, centred, variance = _moments(n.build, held.tensor, axes)
    n.put(ew("DIV", centred, ew("ADD", ew("SQRT", variance), 1e-9)), held.perm)


def _lp_problem(node: ir.Node) -> str | None:
    p = attr(node, "p", 2)
    return None if p in (1, 2) else f"p = {p}, 1 and 2 have a form"


@lowers("LpNormalization", check=_lp_problem)
def lower_lp_normalization(n: Node) -> None:
    """x/‖x‖, and 0 where the norm is 0."""
    held, ew = n.held(), n.build.ew
    where, x = [held.perm.index(axis_of(n, n.attr("axis", -1)))], held.tensor
    if n.attr("p", 2) == 1:
        norm = reduce_over(n.build, "SUM", ew("ABS", x), where)
    else:
        norm = ew("SQRT", reduce_over(n.build, "SUM", ew("MUL", x, x), where))
    # Where the norm is 0 so is x: any divisor but 0 gives the 0 that ONNX asks for.
    n.put(ew("DIV", x, ew("MAXIMUM", norm, float(np.finfo(np.float32).tiny))), held.perm)


@lowers("LRN")
def lower_lrn(n: Node) -> None:
    """x/(bias + alpha/size·Σx²)^beta; the sum over neighbouring channels is a pooled row."""
    size = n.attr("size", 1)
    perm = channels_last(len(n.shape()))
    x, ew = n.build.laid_out(n.held(), perm), n.build.ew
    depth, before = x.shape[-1], (size - 1) // 2
    rows = n.build.reshape(ew("MUL", x, x), (x.size // depth, 1, depth, 1))
    rows = pad(n.build, rows, [(0, 0), (0, 0), (before, size - 1 - before), (0, 0)])
    mean = n.build.op(
        "AVERAGE_POOL_2D",
        [rows],
        (x.size // depth, 1, depth, 1),
        padding=VALID,
        strideH=1,
        strideW=1,
        filterHeight=1,
        filterWidth=size,
    )
    scaled = ew("MUL", n.build.reshape(mean, x.shape), n.attr("alpha", 1e-4))
    base = ew("ADD", scaled, n.attr("bias", 1.0))
    n.put(ew("MUL", x, ew("POW", base, -n.attr("beta", 0.75))), perm)
