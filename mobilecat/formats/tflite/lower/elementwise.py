"""Arithmetic, comparisons, logic: operators that broadcast."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.broadcast import aligned
from mobilecat.formats.tflite.lower.lowering import BOOL, FLOAT, MOVABLE, NUMBERS, Node, lowers
from mobilecat.formats.tflite.lower.whole_numbers import fits_int32
from mobilecat.formats.tflite.program import Tensor
from mobilecat.graph import const_of, dtype_of, opt_input


def _binary(code: str, *names: str, natively: frozenset[str] = NUMBERS, dtype: Any = None) -> None:
    @lowers(*names, natively=natively)
    def lower(n: Node) -> None:
        (a, b), perm = aligned(n)
        n.put(_full(n, n.build.ew(code, a, b, dtype=dtype), perm), perm)


def _full(n: Node, y: Tensor, perm: tuple[int, ...]) -> Tensor:
    """Return `y` in the node's full rank: operands lose leading axes of size 1."""
    shape = n.out_shape()
    return n.build.reshape(y, [shape[axis] for axis in perm])


_binary("ADD", "Add")
_binary("SUB", "Sub")
_binary("MUL", "Mul")
_binary("LESS", "Less", dtype=np.bool_)
_binary("LESS_EQUAL", "LessOrEqual", dtype=np.bool_)
_binary("GREATER", "Greater", dtype=np.bool_)
_binary("GREATER_EQUAL", "GreaterOrEqual", dtype=np.bool_)
_binary("EQUAL", "Equal", natively=NUMBERS | BOOL, dtype=np.bool_)
_binary("LOGICAL_AND", "And", natively=BOOL)
_binary("LOGICAL_OR", "Or", natively=BOOL)
_binary("NOT_EQUAL", "Xor", natively=BOOL)
_binary("BITWISE_XOR", "BitwiseXor", natively=frozenset({"int32"}))


def _div_problem(node: ir.Node) -> str | None:
    first = node.inputs[0]
    assert first is not None
    if dtype_of(first).name != "int64" or all(map(fits_int32, node.inputs)):
        return None
    return "int64 that may not fit int32, in which TFLite divides; cast to int32 before it"


@lowers("Div", natively=NUMBERS, check=_div_problem)
def lower_div(n: Node) -> None:
    (a, b), perm = aligned(n)
    kind = n.dtype()
    if kind == np.int64:
        a, b = (n.build.cast(x, np.int32) for x in (a, b))
    y = n.build.cast(n.build.ew("DIV", a, b), kind)
    n.put(_full(n, y, perm), perm)


def _variadic(code: str, name: str) -> None:
    @lowers(name, natively=NUMBERS)
    def lower(n: Node) -> None:
        tensors, perm = aligned(n)
        y = reduce(lambda a, b: n.build.ew(code, a, b), tensors)
        n.put(_full(n, _computed(n, y), perm), perm)


def _computed(n: Node, y: Tensor) -> Tensor:
    """Return a tensor that an operator makes: one input alone may be a constant."""
    return n.build.ew("ADD", n.build.tensor(y, y.dtype), 0) if y.data is not None else y


_variadic("MAXIMUM", "Max")
_variadic("MINIMUM", "Min")
_variadic("ADD", "Sum")


@lowers("Mean")
def lower_mean(n: Node) -> None:
    tensors, perm = aligned(n)
    total = reduce(lambda a, b: n.build.ew("ADD", a, b), tensors)
    n.put(_full(n, n.build.ew("MUL", total, 1.0 / len(tensors)), perm), perm)


@lowers("Where", natively=MOVABLE)
def lower_where(n: Node) -> None:
    tensors, perm = aligned(n)
    y = n.build.op(
        "SELECT_V2", tensors, np.broadcast_shapes(*(t.shape for t in tensors)), n.out_dtype()
    )
    n.put(_full(n, y, perm), perm)


@lowers("Mod", natively=NUMBERS)
def lower_mod(n: Node) -> None:
    (a, b), perm = aligned(n)
    ew = n.build.ew
    if not n.attr("fmod", 0):
        n.put(_full(n, ew("FLOOR_MOD", a, b), perm), perm)
        return
    # FLOOR_MOD takes the divisor's sign, C's fmod the dividend's.
    size = ew("FLOOR_MOD", _absolute(n, a), _absolute(n, b))
    y = n.build.op(
        "SELECT_V2",
        [ew("LESS", a, 0, dtype=np.bool_), ew("NEG", size), size],
        size.shape,
        size.dtype,
    )
    n.put(_full(n, y, perm), perm)


def _absolute(n: Node, x: Tensor) -> Tensor:
    if x.data is not None:
        return n.build.tensor(np.abs(x.data), x.dtype)
    return n.build.ew("MAXIMUM", x, n.build.ew("NEG", x))


def _pow_problem(node: ir.Node) -> str | None:
    base, power = node.inputs[0], node.inputs[1]
    assert base is not None and power is not None
    kinds = {dtype_of(base).name, dtype_of(power).name}
    if "uint64" in kinds or "float64" in kinds:
        return f"{' and '.join(sorted(kinds))} have no TFLite kernel for it"
    if dtype_of(base).name == "int64" and _small_power(node) is None:
        return "int64 to a power other than a constant 1, 2 or 3"
    return None


def _small_power(node: ir.Node) -> int | None:
    power = const_of(opt_input(node, 1))
    if power is None or power.size != 1 or float(power.reshape(())) not in (1.0, 2.0, 3.0):
        return None
    return int(power.reshape(()))


@lowers("Pow", natively=NUMBERS | {"uint32"}, check=_pow_problem)
def lower_pow(n: Node) -> None:
    build, kind = n.build, n.dtype(0)
    exponent = _small_power(n.node)
    if exponent is not None and n.shape(0) == n.out_shape():
        held = n.held(0)
        y = reduce(lambda a, b: build.ew("MUL", a, b), [held.tensor] * exponent)
        n.put(y, held.perm)
        return
    (a, b), perm = aligned(n)
    power = n.const(1)
    if (
        power is not None
        and power.size == 1
        and float(power.reshape(())) == 0.5
        and kind == "float32"
    ):
        n.put(_full(n, build.ew("SQRT", a), perm), perm)
        return
    same_kind = kind.name in ("float32", "int32") and n.dtype(1).kind != "f"
    compute = kind if same_kind else np.dtype(np.float32)
    y = build.ew("POW", build.cast(a, compute), build.cast(b, compute))
    n.put(_full(n, build.cast(y, kind), perm), perm)


@lowers("PRelu")
def lower_prelu(n: Node) -> None:
    (x, slope), perm = aligned(n)
    build = n.build
    if slope.data is not None:
        # PRELU wants one slope a channel, or as many as one picture has values.
        y = build.op("PRELU", [x, slope], x.shape)
    else:
        below = build.ew("MUL", build.ew("MINIMUM", x, 0.0), slope)
        y = build.ew("ADD", build.ew("MAXIMUM", x, 0.0), below)
    n.put(_full(n, y, perm), perm)


@lowers("Not", natively=BOOL)
def lower_not(n: Node) -> None:
    held = n.held()
    n.put(n.build.ew("LOGICAL_NOT", held.tensor), held.perm)


@lowers("IsNaN", natively=FLOAT)
def lower_is_nan(n: Node) -> None:
    held = n.held()
    n.put(n.build.ew("NOT_EQUAL", held.tensor, held.tensor, dtype=np.bool_), held.perm)


@lowers("IsInf", natively=FLOAT)
def lower_is_inf(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    signs = (n.attr("detect_negative", 1), n.attr("detect_positive", 1))
    x = ew("ABS", held.tensor) if all(signs) else held.tensor
    bound = np.float32(np.inf if signs[1] else -np.inf)
    y = ew("EQUAL", x, bound, dtype=np.bool_)
    if not any(signs):
        y = ew("LOGICAL_AND", y, ew("NOT_EQUAL", x, x, dtype=np.bool_))  # never
    n.put(y, held.perm)
