"""Reductions, arg-reductions, TopK, CumSum."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.activation import first_where, positions
from mobilecat.formats.coreai.lower.build import Var
from mobilecat.formats.coreai.lower.node import ANY, FLOAT, NUMBERS, Node, constant, lowers
from mobilecat.graph import attr, const_of, opt_input, shape_of

_PLAIN = {
    "ReduceMax": ("max", ANY),
    "ReduceMin": ("min", ANY),
    "ReduceSum": ("sum", NUMBERS),
    "ReduceProd": ("product", NUMBERS),
    "ReduceMean": ("mean", FLOAT),
}
CHECK = constant(1, name="axes")


def _axes(node: ir.Node) -> list[int]:
    """Return the axes from the front; none means "leave the input as it is"."""
    found = const_of(opt_input(node, 1))
    raw = attr(node, "axes", ()) if found is None else tuple(found.reshape(-1))
    source = node.inputs[0]
    assert source is not None
    rank = len(shape_of(source))
    if not len(raw):
        return [] if attr(node, "noop_with_empty_axes", 0) else list(range(rank))
    return sorted(int(a) % rank for a in raw)


def _reduced(n: Node, how: str, x: Var) -> Var:
    b, axes = n.build, _axes(n.node)
    if not axes:
        return b.reshape(x, n.out_shape())
    if n.dtype() == np.bool_:  # the dialect orders no truths
        x = b.cast(x, np.int32)
    out = b.reshape(b.reduce(how, x, axes), n.out_shape())
    return b.cast(out, n.out_dtype())


for _onnx, (_how, _types) in _PLAIN.items():

    @lowers(_onnx, types=_types, check=CHECK)
    def lower_reduction(n: Node, _how: str = _how) -> Var:
        return _reduced(n, _how, n.x())


@lowers("ReduceL1", types=NUMBERS, check=CHECK)
def lower_l1(n: Node) -> Var:
    return _reduced(n, "sum", n.build.op("abs_", n.x()))


@lowers("ReduceSumSquare", types=NUMBERS, check=CHECK)
def lower_sum_square(n: Node) -> Var:
    return _reduced(n, "sum", n.build.mul(n.x(), n.x()))


@lowers("ReduceL2", check=CHECK)
def lower_l2(n: Node) -> Var:
    return n.build.op("sqrt", _reduced(n, "sum", n.build.mul(n.x(), n.x())))


@lowers("ReduceLogSum", check=CHECK)
def lower_log_sum(n: Node) -> Var:
    return n.build.op("log", _reduced(n, "sum", n.x()))


@lowers("ReduceLogSumExp", check=CHECK)
def lower_log_sum_exp(n: Node) -> Var:
    """max + log Σ exp(x − max), where the maximum is finite."""
    b, x, axes = n.build, n.x(), _axes(n.node)
    if not axes:
        return b.reshape(x, n.out_shape())
    peak = b.reduce("max", x, axes)
    finite = b.less(b.op("abs_", peak), np.float32(np.inf))
    peak = b.where(finite, peak, np.float32(0))
    total = b.reduce("sum", b.op("exp", b.sub(x, peak)), axes)
    return b.reshape(b.add(b.op("log", total), peak), n.out_shape())


@lowers("ArgMax", "ArgMin", types=NUMBERS)
def lower_arg(n: Node) -> Var:
    """The first of equal values wins, or the last, if select_last_index asks for it."""
    b, x, axis = n.build, n.x(), n.axis(0)
    best = b.reduce("max" if n.node.op_type == "ArgMax" else "min", x, [axis])
    found = b.equal(x, best)
    if n.attr("select_last_index", 0):
        place = positions(len(n.shape()), axis, n.shape()[axis])
        index = b.reduce("max", b.where(found, place, np.int32(0)), [axis])
    else:
        index = first_where(b, found, axis)
    return b.cast(b.reshape(index, n.out_shape()), n.out_dtype())


@lowers("TopK", types=NUMBERS, check=constant(1, name="k"))
def lower_top_k(n: Node) -> list[Var]:
    """A stable sort of the places, cut off: of equal values the first comes first."""
    b, x, axis, k = n.build, n.x(), n.axis(-1), n.ints(1)[0]
    falling = np.bool_(n.attr("largest", 1))
    order = b.op("argsort", x, np.int32(axis), falling, np.True_)
    order = b.take(order, axis, range(k))
    values = b.op("gather_along_axis", x, order, np.int32(axis))
    return [values, b.cast(order, n.out_dtype(1))]


def _check_cumulative(node: ir.Node) -> str | None:
    return constant(1, name="axis")(node)


@lowers("CumSum", types=NUMBERS, check=_check_cumulative)
def lower_cum_sum(n: Node) -> Var:
    return _cumulative(n, "sum", 0)


@lowers("CumProd", types=NUMBERS, check=_check_cumulative)
def lower_cum_prod(n: Node) -> Var:
    return _cumulative(n, "product", 1)


def _cumulative(n: Node, how: str, start: int) -> Var:
    """`exclusive` leaves each element itself out: everything moves on by one."""
    b, x, shape = n.build, n.x(), n.shape()
    axis, backwards = n.ints(1)[0] % len(shape), bool(n.attr("reverse", 0))
    if n.attr("exclusive", 0):
        move = (-1, 1) if backwards else (1, -1)
        x = b.pad(x, [move if a == axis else (0, 0) for a in range(len(shape))], start)
    return b.op("scan", x, np.uint32(axis), np.bool_(backwards), combiner=how)
