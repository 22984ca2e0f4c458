"""Along axes: sums, extremes, sorting, running sums. A reduced side stays, with 1 element."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreai.read.op import Call, Reader, is_float, reads
from mobilecat.formats.coreai.read.writer import BOOL, DOUBLE, Refused, carried

_INT32 = 6  # TensorProto.INT32


def _reduction(onnx_op: str) -> Reader:
    def read(c: Call) -> str:
        axes = c.axes(1)
        if not axes:
            return c[0]
        if is_float(c.inputs[0]):
            return c.g(onnx_op, c[0], c.g.ints(axes), keepdims=1)
        return c.narrowed(c.g(onnx_op, c.wide(0), c.g.ints(axes), keepdims=1))

    return read


for _name, _onnx in (
    ("sum", "ReduceSum"), ("mean", "ReduceMean"), ("product", "ReduceProd"),
):  # fmt: skip
    reads(f"coreai.reduce_{_name}")(_reduction(_onnx))


def _extreme(onnx_op: str) -> Reader:
    plain = _reduction(onnx_op)

    def read(c: Call) -> str:
        """NaN goes through; onnxruntime's own kernels lose it."""
        made = str(plain(c))
        axes = c.axes(1)
        if not axes or not is_float(c.inputs[0]):
            return made
        strange = c.g.cast(c.g("IsNaN", c[0]), _INT32)
        any_ = c.g.cast(c.g("ReduceMax", strange, c.g.ints(axes), keepdims=1), BOOL)
        return c.g("Where", any_, c.g.const(np.nan, np.float32), made)

    return read


reads("coreai.reduce_max")(_extreme("ReduceMax"))
reads("coreai.reduce_min")(_extreme("ReduceMin"))


@reads("coreai.all", "coreai.any")
def all_any(c: Call) -> str:
    axes = c.axes(1)
    if not axes:
        return c[0]
    onnx_op = "ReduceMin" if c.op.name == "coreai.all" else "ReduceMax"
    return c.g.cast(c.g(onnx_op, c.g.cast(c[0], _INT32), c.g.ints(axes), keepdims=1), BOOL)


@reads("coreai.argmax")
def argmax(c: Call) -> str:
    """The lowest index of the largest number; NaN is none."""
    if is_float(c.inputs[0]):
        low = c.g.const(-np.inf, np.float32)
        x = c.g("Where", c.g("IsNaN", c[0]), low, c[0])
    else:
        x = c.wide(0)
    return c.g.cast(c.g("ArgMax", x, axis=c.axis(1), keepdims=1), carried(c.result.element))


@reads("coreai.argsort")
def argsort(c: Call) -> str:
    return c.g.cast(_order(c), carried(c.result.element))


@reads("coreai.sort", moves=True)
def sort(c: Call) -> str:
    return c.g("GatherElements", c[0], _order(c), axis=c.axis(1, "dim"))


def _order(c: Call) -> str:
    """Return the int64 indices that sort, equal ones in their order; NaN comes last both ways.

    In float64 there is room behind both infinities for NaN, so one TopK is enough.
    """
    axis = c.axis(1, "dim")
    down = c.flag(2, "direction")
    side = c.inputs[0].tensor.dims[axis]
    if side is None:
        raise Refused("along a side that is only known when it runs")
    if is_float(c.inputs[0]):
        edge = c.g.const(-1e300 if down else 1e300, np.float64)
        number = c.g("Max" if down else "Min", c.g.cast(c[0], DOUBLE), edge)
        last = c.g.const(-2e300 if down else 2e300, np.float64)
        key = c.g("Where", c.g("IsNaN", c[0]), last, number)
    else:
        key = c.wide(0)
    return c.g.several(2, "TopK", key, c.g.ints([side]), axis=axis, largest=int(down), sorted=1)[1]


@reads("coreai.scan")
def scan(c: Call) -> str:
    """An inclusive running sum, product, minimum or maximum."""
    kind = int(c.op.attributes.get("scan_op", "0").split(":")[0])
    axis, back = c.axis(1), c.flag(2, "direction")
    floats = is_float(c.inputs[0])
    x = c[0] if floats else c.wide(0)
    if kind == 0:
        made = c.g("CumSum", x, c.g.const(axis, np.int64), reverse=int(back))
    elif kind in (1, 2, 3):
        made = _steps(c, x, ("Mul", "Min", "Max")[kind - 1], axis, back)
    else:
        raise Refused(f"of kind {kind}")
    return made if floats else c.narrowed(made)


def _steps(c: Call, x: str, onnx_op: str, axis: int, back: bool) -> str:
    """Combine with what lies 1, 2, 4, … places before, which ONNX has no op for."""
    side = c.inputs[0].shape[axis]
    step, at = 1, c.g.ints([axis])

    def part(name: str, start: int, end: int) -> str:
        return c.g("Slice", name, c.g.ints([start]), c.g.ints([end]), at)

    while step < side:
        rest = part(x, step, side), part(x, 0, side - step)
        kept = part(x, side - step, side) if back else part(x, 0, step)
        both = c.g(onnx_op, *rest)
        x = c.g("Concat", *((both, kept) if back else (kept, both)), axis=axis)
        step *= 2
    return x
