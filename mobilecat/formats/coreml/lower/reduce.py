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


MOST_ORDERED = 2048
"""Up to this k equal values are put into order, by a table of k × k comparisons."""


@LOWERINGS.op("TopK", check=_check_top_k)
def lower_top_k(n: Node) -> list[Var]:
    """ONNX: of equal values the lower index comes first. Core ML does not say which does.

    The values themselves are the same whichever is taken. Those that beat the last are sure, and
    only their order is not; of those that equal it, the first in place are taken.
    """
    k, axis, ascending = n.ints(1)[0], n.axis(-1), not n.attr("largest", 1)
    shape = n.shape()
    if k > MOST_ORDERED or shape[axis] == 1:
        values, indices = mb.topk(x=n.x(), k=k, axis=axis, ascending=ascending)
        return [values, indices]
    size, back = shape[axis], list(range(len(shape)))
    back.insert(axis, back.pop())
    perm = [i for i in range(len(shape)) if i != axis] + [axis]
    moved = n.x() if axis == len(shape) - 1 else mb.transpose(x=n.x(), perm=perm)
    rows = mb.reshape(x=moved, shape=[-1, size])
    values, any_order = mb.topk(x=rows, k=k, axis=1, ascending=ascending)
    chosen = _first_of_equals(rows, values, any_order, k, size)
    ordered = _in_order(values, chosen, k, ascending)
    sides = [*(shape[i] for i in perm[:-1]), k]
    found = [mb.reshape(x=v, shape=sides) for v in (values, ordered)]
    return found if axis == len(shape) - 1 else [mb.transpose(x=v, perm=back) for v in found]


def _first_of_equals(rows: Var, values: Var, any_order: Var, k: int, size: int) -> Var:
    """Return [R,k] indices, of those that equal the last value the lowest; not yet in order."""
    last = mb.slice_by_index(x=values, begin=[0, k - 1], end=[0, k], end_mask=[True, False])
    equal = cast(mb.equal(x=rows, y=last), "int32")
    countdown = np.arange(size, 0, -1, dtype=np.int32)[None]
    _, firsts = mb.topk(x=mb.mul(x=equal, y=countdown), k=k, axis=1)
    beats = mb.not_equal(x=values, y=last)
    sure = mb.reduce_sum(x=cast(beats, "int32"), axes=[1], keep_dims=True)
    behind = mb.maximum(x=mb.sub(x=np.arange(k, dtype=np.int32)[None], y=sure), y=np.int32(0))
    return mb.select(
        cond=beats, a=any_order, b=mb.gather_along_axis(x=firsts, indices=behind, axis=1)
    )


def _in_order(values: Var, chosen: Var, k: int, ascending: bool) -> Var:
    """Return the indices, equal values by rising index: each goes to the place that its rank is."""
    mine, others = (mb.expand_dims(x=values, axes=[a]) for a in (2, 1))
    my_index, their_index = (mb.expand_dims(x=chosen, axes=[a]) for a in (2, 1))
    before = mb.less(x=others, y=mine) if ascending else mb.greater(x=others, y=mine)
    tied = mb.logical_and(x=mb.equal(x=others, y=mine), y=mb.less(x=their_index, y=my_index))
    rank = mb.reduce_sum(
        x=cast(mb.logical_or(x=before, y=tied), "int32"), axes=[2], keep_dims=True
    )  # [R,k,1]
    here = cast(mb.equal(x=rank, y=np.arange(k, dtype=np.int32)[None, None]), "int32")
    return mb.reduce_sum(x=mb.mul(x=here, y=my_index), axes=[1], keep_dims=False)


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
