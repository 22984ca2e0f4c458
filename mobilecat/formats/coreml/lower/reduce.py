"""Reductions, arg-reductions, TopK, CumSum."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, cast, mb
from mobilecat.graph import attr, const_of, opt_input, shape_of

_REDUCTIONS = {
    "ReduceL1": "reduce_l1_norm",
    "ReduceL2": "reduce_l2_norm",
    "ReduceMax": "reduce_max",
    "ReduceMean": "reduce_mean",
    "ReduceMin": "reduce_min",
    "ReduceProd": "reduce_prod",
    "ReduceSum": "reduce_sum",
    "ReduceSumSquare": "reduce_sum_square",
}


def _axes(node: ir.Node) -> list[int] | None:
    """Return the axes from the front; None means "leave the input as it is"."""
    found = const_of(opt_input(node, 1))
    raw = attr(node, "axes", ()) if found is None else tuple(found.reshape(-1))
    source = node.inputs[0]
    assert source is not None
    rank = len(shape_of(source))
    if not len(raw):
        return None if attr(node, "noop_with_empty_axes", 0) else list(range(rank))
    return sorted(int(a) % rank for a in raw)


def check_axes(node: ir.Node) -> str | None:
    axes = opt_input(node, 1)
    if axes is not None and const_of(axes) is None:
        return "the axes must be a constant"
    return None


for _onnx, _mil in _REDUCTIONS.items():

    @LOWERINGS.op(_onnx, check=check_axes)
    def lower_reduction(n: Node, _mil: str = _mil) -> Var:
        return _reduce(n, _mil, n.x())


def _reduce(n: Node, mil: str, x: Var) -> Var:
    axes = _axes(n.node)
    keep = bool(n.attr("keepdims", 1))
    kind = n.kind()
    if axes is None:
        axes, keep = [], True
    if not n.shape() or not axes:
        return _of_one(n, mil, x)
    if kind == "bool":
        x = cast(x, "int32")
    if mil == "reduce_mean" and kind == "int":
        x = cast(x, "fp32")
    out = getattr(mb, mil)(x=x, axes=axes, keep_dims=keep)
    return n.as_kind(out, kind) if kind != "float" else out


def _of_one(n: Node, mil: str, x: Var) -> Var:
    """Reduce over nothing: each element is its own sum, maximum, norm."""
    if mil in {"reduce_l1_norm", "reduce_l2_norm"}:
        return mb.abs(x=x)
    return mb.mul(x=x, y=x) if mil == "reduce_sum_square" else mb.identity(x=x)


@LOWERINGS.op("ReduceLogSum", check=check_axes)
def lower_reduce_log_sum(n: Node) -> Var:
    return mb.log(x=_reduce(n, "reduce_sum", n.x()), epsilon=n.num(0.0))


@LOWERINGS.op("ReduceLogSumExp", check=check_axes)
def lower_reduce_log_sum_exp(n: Node) -> Var:
    """max + log Σ exp(x − max)."""
    axes, x = _axes(n.node), n.x()
    if not axes or not n.shape():
        return mb.identity(x=x)
    peak = mb.reduce_max(x=x, axes=axes, keep_dims=True)
    total = mb.reduce_sum(x=mb.exp(x=mb.sub(x=x, y=peak)), axes=axes, keep_dims=True)
    out = mb.add(x=mb.log(x=total, epsilon=n.num(0.0)), y=peak)
    return out if n.attr("keepdims", 1) else mb.squeeze(x=out, axes=axes)


@LOWERINGS.op("ArgMax")
def lower_arg_max(n: Node) -> Var:
    return _arg(n, "reduce_argmax")


@LOWERINGS.op("ArgMin")
def lower_arg_min(n: Node) -> Var:
    return _arg(n, "reduce_argmin")


def _arg(n: Node, mil: str) -> Var:
    """The first of equal values wins; select_last_index asks for the last, so search backwards."""
    x, axis, keep = n.x(), n.axis(0), bool(n.attr("keepdims", 1))
    last = n.attr("select_last_index", 0)
    if last:
        x = mb.reverse(x=x, axes=[axis])
    found = getattr(mb, mil)(x=x, axis=axis, keep_dims=keep)
    return mb.sub(x=n.num(n.shape()[axis] - 1, "int"), y=found) if last else found


def _check_top_k(node: ir.Node) -> str | None:
    return None if const_of(opt_input(node, 1)) is not None else "k must be a constant"


@LOWERINGS.op("TopK", check=_check_top_k)
def lower_top_k(n: Node) -> list[Var]:
    k, ascending = n.ints(1)[0], not n.attr("largest", 1)
    values, indices = mb.topk(x=n.x(), k=k, axis=n.axis(-1), ascending=ascending)
    return [values, indices]


def _check_cum_sum(node: ir.Node) -> str | None:
    return None if const_of(opt_input(node, 1)) is not None else "the axis must be a constant"


@LOWERINGS.op("CumSum", check=_check_cum_sum)
def lower_cum_sum(n: Node) -> Var:
    axis = n.ints(1)[0] % len(n.shape())
    exclusive, reverse = bool(n.attr("exclusive", 0)), bool(n.attr("reverse", 0))
    return mb.cumsum(x=n.x(), axis=axis, exclusive=exclusive, reverse=reverse)


@LOWERINGS.op("Shape", "Size")
def lower_shape(n: Node) -> Var:
    """Shapes are static in a frozen graph, so this is a constant."""
    shape = n.shape()
    if n.node.op_type == "Size":
        return mb.const(val=np.int32(np.prod(shape)))
    start, end = n.attr("start", 0), n.attr("end", len(shape))
    return mb.const(val=np.asarray(shape[start:end], np.int32))
