"""Reductions, softmax, arg max, top k, running sums, one-hot rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.layout import Perm, without_axes
from mobilecat.formats.tflite.lower.lowering import (
    FLOAT,
    NUMBERS,
    Build,
    Held,
    Node,
    axis_of,
    const_inputs,
    first_of,
    lowers,
)
from mobilecat.formats.tflite.program import Tensor
from mobilecat.graph import const_of, dtype_of, opt_input, shape_of


def reduce_over(
    build: Build, code: str, x: Tensor, axes: Sequence[int], keep: bool = True
) -> Tensor:
    """Append a reduction over physical `axes`."""
    gone = set(axes)
    shape = [1 if i in gone else d for i, d in enumerate(x.shape) if keep or i not in gone]
    return build.op(code, [x, np.array(sorted(gone), np.int32)], shape, keepDims=keep)


def _axes(n: Node) -> list[int] | None:
    """Return the logical axes that a Reduce node names; None where it leaves its input as it is."""
    rank = len(n.shape())
    stated = n.ints(1) if n.has(1) else tuple(n.attr("axes", ()))
    if stated:
        return [axis_of(n, a) for a in stated]
    return None if n.attr("noop_with_empty_axes", 0) else list(range(rank))


Step = Callable[[Build, Tensor], Tensor]


def _reduction(
    name: str,
    code: str,
    natively: frozenset[str] = FLOAT,
    before: Step | None = None,
    after: Step | None = None,
) -> None:
    """Register `name` = after(code(before(x)))."""

    @lowers(name, natively=natively, check=const_inputs(1))
    def lower(n: Node) -> None:
        held, axes = n.held(), _axes(n)
        x = before(n.build, held.tensor) if before else held.tensor
        perm = held.perm
        if axes:
            keep = bool(n.attr("keepdims", 1))
            x = reduce_over(n.build, code, x, [perm.index(a) for a in axes], keep)
            perm = perm if keep else without_axes(perm, axes)
        n.put(after(n.build, x) if after else x, perm)


def _square(build: Build, x: Tensor) -> Tensor:
    return build.ew("MUL", x, x)


def _abs(build: Build, x: Tensor) -> Tensor:
    return build.ew("ABS", x)


_reduction("ReduceSum", "SUM", NUMBERS)
_reduction("ReduceMean", "MEAN")
_reduction("ReduceMax", "REDUCE_MAX", NUMBERS)
_reduction("ReduceMin", "REDUCE_MIN", NUMBERS)
_reduction("ReduceProd", "REDUCE_PROD", NUMBERS)
_reduction("ReduceL1", "SUM", before=_abs)
_reduction("ReduceL2", "SUM", before=_square, after=lambda b, x: b.ew("SQRT", x))
_reduction("ReduceSumSquare", "SUM", before=_square)
_reduction("ReduceLogSum", "SUM", after=lambda b, x: b.ew("LOG", x))


@lowers("ReduceLogSumExp", check=const_inputs(1))
def lower_reduce_log_sum_exp(n: Node) -> None:
    """max + log Σ e^(x − max): eˣ alone overflows from x = 89 on."""
    held, axes, ew = n.held(), _axes(n), n.build.ew
    if not axes:
        n.put(held.tensor, held.perm)
        return
    physical = [held.perm.index(a) for a in axes]
    top = reduce_over(n.build, "REDUCE_MAX", held.tensor, physical)
    total = reduce_over(n.build, "SUM", ew("EXP", ew("SUB", held.tensor, top)), physical)
    y = Held(ew("ADD", ew("LOG", total), top), held.perm)
    if n.attr("keepdims", 1):
        n.put(y.tensor, y.perm)
        return
    perm = without_axes(held.perm, axes)
    shape = [n.out_shape()[a] for a in perm]
    n.put(n.build.reshape(y.tensor, shape), perm)


@lowers("GlobalAveragePool")
def lower_global_average_pool(n: Node) -> None:
    _global(n, "MEAN")


@lowers("GlobalMaxPool")
def lower_global_max_pool(n: Node) -> None:
    _global(n, "REDUCE_MAX")


@lowers("GlobalLpPool")
def lower_global_lp_pool(n: Node) -> None:
    """(Σ |x|^p)^(1/p), p whole and 2 by default; the sum over rows and columns, not their mean."""
    p, ew = int(n.attr("p", 2)), n.build.ew
    if p == 1:
        _global(n, "SUM", before=_abs)
    elif p == 2:
        _global(n, "SUM", before=_square, after=lambda b, x: b.ew("SQRT", x))
    else:
        _global(
            n,
            "SUM",
            before=lambda b, x: ew("POW", _abs(b, x), np.float32(p)),
            after=lambda b, x: ew("POW", x, np.float32(1 / p)),
        )


def _global(n: Node, code: str, before: Step | None = None, after: Step | None = None) -> None:
    held = n.held()
    axes = [i for i, a in enumerate(held.perm) if a >= 2]
    x = before(n.build, held.tensor) if before else held.tensor
    x = reduce_over(n.build, code, x, axes)
    n.put(after(n.build, x) if after else x, held.perm)


def with_last(n: Node, axis: int) -> Held:
    """Return input 0 such that logical `axis` lies last; moves bytes only if it must."""
    held = n.held()
    perm = (*(a for a in held.perm if a != axis), axis)
    return Held(n.build.laid_out(held, perm), perm)


@lowers("Softmax")
def lower_softmax(n: Node) -> None:
    held = with_last(n, axis_of(n, n.attr("axis", -1)))
    n.put(n.build.op("SOFTMAX", [held.tensor], held.tensor.shape, beta=1.0), held.perm)


@lowers("LogSoftmax")
def lower_log_softmax(n: Node) -> None:
    held = with_last(n, axis_of(n, n.attr("axis", -1)))
    n.put(n.build.op("LOG_SOFTMAX", [held.tensor], held.tensor.shape), held.perm)


@lowers("Hardmax")
def lower_hardmax(n: Node) -> None:
    held = with_last(n, axis_of(n, n.attr("axis", -1)))
    x = held.tensor
    best = n.build.op(
        "ARG_MAX", [x, np.array(x.rank - 1, np.int32)], x.shape[:-1], np.int64, outputType=INT64
    )
    y = one_hot(n.build, best, x.shape[-1], np.float32(1), np.float32(0))
    n.put(y, held.perm)


def one_hot(build: Build, indices: Tensor, depth: int, on: object, off: object) -> Tensor:
    """Append ONE_HOT along a new last axis."""
    on_value, off_value = np.asarray(on), np.asarray(off)
    operands = [indices, np.array(depth, np.int32), on_value, off_value]
    return build.op("ONE_HOT", operands, (*indices.shape, depth), on_value.dtype, axis=-1)


INT64, INT32 = 4, 2  # TensorType in the schema


def _arg(name: str, code: str) -> None:
    @lowers(name, natively=frozenset({"float32", "int32", "int64"}), check=_arg_problem)
    def lower(n: Node) -> None:
        held = n.held()
        axis = axis_of(n, n.attr("axis", 0))
        where = held.perm.index(axis)
        x, size = held.tensor, n.shape()[axis]
        if x.dtype == np.int64:
            x = n.build.cast(x, np.int32)
        last = n.attr("select_last_index", 0)
        if last:
            x = n.build.op("REVERSE_V2", [x, np.array([where], np.int32)], x.shape)
        shape = [d for i, d in enumerate(x.shape) if i != where]
        at = np.array(where, np.int32)
        y = n.build.op(code, [x, at], shape, np.int64, outputType=INT64)
        if last:
            y = n.build.ew("SUB", n.build.tensor(size - 1, np.int64), y)
        perm: Perm = without_axes(held.perm, [axis])
        if n.attr("keepdims", 1):
            perm = held.perm
            y = n.build.reshape(y, [n.out_shape()[a] for a in perm])
        n.put(y, perm)


def _arg_problem(node: ir.Node) -> str | None:
    x = node.inputs[0]
    assert x is not None
    return "int64 has no TFLite kernel for it" if dtype_of(x) == np.int64 else None


_arg("ArgMax", "ARG_MAX")
_arg("ArgMin", "ARG_MIN")


@lowers("CumSum", natively=NUMBERS, check=const_inputs(1))
def lower_cum_sum(n: Node) -> None:
    held, axes = n.held(), n.ints(1)
    assert axes is not None
    where = held.perm.index(axis_of(n, axes[0]))
    y = n.build.op(
        "CUMSUM",
        [held.tensor, np.array(where, np.int32)],
        held.tensor.shape,
        exclusive=bool(n.attr("exclusive", 0)),
        reverse=bool(n.attr("reverse", 0)),
    )
    n.put(y, held.perm)


def _flipped(build: Build, x: Tensor) -> Tensor:
    """Return −x, or −1 − x for integers: the lowest of those has no negative."""
    if x.dtype.kind == "i":
        return build.ew("SUB", build.tensor(-1, x.dtype), x)
    return build.ew("NEG", x)


@lowers("TopK", natively=NUMBERS, check=const_inputs(1))
def lower_top_k(n: Node) -> None:
    """TOPK_V2 gives the largest, the lower index first on ties; the smallest are those of −x."""
    axis = axis_of(n, n.attr("axis", -1))
    held = with_last(n, axis)
    x, smallest = held.tensor, not n.attr("largest", 1)
    k = n.out_shape()[axis]
    shape = (*x.shape[:-1], k)
    source = _flipped(n.build, x) if smallest else x
    values = Tensor("topk_v2", shape, x.dtype)
    indices = Tensor("topk_v2_indices", shape, np.dtype(np.int32))
    count = n.build.tensor(np.array(k, np.int32), np.int32)
    n.build.program.add("TOPK_V2", [source, count], [values, indices])
    n.put(_flipped(n.build, values) if smallest else values, held.perm, 0)
    if n.wants(1):
        n.put(n.build.cast(indices, np.int64), held.perm, 1)


def _one_hot_problem(node: ir.Node) -> str | None:
    reason = const_inputs(1, 2)(node)
    values = const_of(opt_input(node, 2))
    if reason is None and values is not None and values.dtype.name not in _ONE_HOT_TYPES:
        return f"{values.dtype} values"
    return reason


_ONE_HOT_TYPES = ("float32", "int32", "int64", "int8", "uint8", "bool", "int16")


@lowers(
    "OneHot",
    natively=frozenset({"float32", "int32", "int64", "int8", "uint8", "bool", "int16"}),
    check=first_of(_one_hot_problem),
)
def lower_one_hot(n: Node) -> None:
    """Indices count from the end when negative; out of range they match no position."""
    held, depth = n.held(), (n.ints(1) or (0,))[0]
    values = const_of(opt_input(n.node, 2))
    assert values is not None
    rank = len(shape_of(n.node.outputs[0]))
    axis = axis_of(n, n.attr("axis", -1), rank)
    indices = n.build.cast(held.tensor, np.int32)
    below = n.build.ew("LESS", indices, 0, dtype=np.bool_)
    wrapped = n.build.ew("ADD", indices, depth)
    indices = n.build.op("SELECT_V2", [below, wrapped, indices], indices.shape, np.int32)
    y = one_hot(n.build, indices, depth, values[1], values[0])
    # The new axis lies last, wherever ONNX counts it.
    perm = (*(a if a < axis else a + 1 for a in held.perm), axis)
    n.put(y, perm)
