"""Arithmetic and casts."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.activation import leaky
from mobilecat.formats.coreai.lower.build import Build, Var
from mobilecat.formats.coreai.lower.node import ANY, BOOL, INTEGERS, NUMBERS, Node, lowers, used
from mobilecat.graph import dtype_of

_UNARY = {
    "Acos": "acos",
    "Acosh": "acosh",
    "Asin": "asin",
    "Asinh": "asinh",
    "Atan": "atan",
    "Atanh": "atanh",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Log": "log",
    "Round": "round_",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
for _onnx, _op in _UNARY.items():

    @lowers(_onnx)
    def lower_unary(n: Node, _op: str = _op) -> Var:
        return n.build.op(_op, n.x())


@lowers("Identity", types=ANY)
def lower_identity(n: Node) -> Var:
    return n.x()


@lowers("Dropout", types=ANY)
def lower_dropout(n: Node) -> list[Var]:
    """Drops nothing when it infers, so the mask is all true."""
    mask = [n.build.const(np.ones(n.shape(), bool))] if used(n.node, 1) else []
    return [n.x(), *mask]


@lowers("Abs", types=NUMBERS)
def lower_abs(n: Node) -> Var:
    return n.x() if n.dtype().kind == "u" else n.build.op("abs_", n.x())


@lowers("Floor")
def lower_floor(n: Node) -> Var:
    return _floor(n.build, n.x())


@lowers("Ceil")
def lower_ceil(n: Node) -> Var:
    b, x = n.build, n.x()
    near = b.op("round_", x)
    return b.add(near, b.cast(b.less(near, x), np.float32))


def _floor(b: Build, x: Var) -> Var:
    """round(x), less 1 where that went up. The dialect's x // 1 makes NaN of an infinity."""
    near = b.op("round_", x)
    return b.sub(near, b.cast(b.greater(near, x), np.float32))


@lowers("Sign", types=NUMBERS)
def lower_sign(n: Node) -> Var:
    b, x = n.build, n.x()
    positive = b.greater(x, n.num(0))
    if n.dtype().kind == "u":
        return b.cast(positive, n.dtype())
    return b.where(positive, n.num(1), b.where(b.less(x, n.num(0)), n.num(-1), x))


@lowers("Neg", types=NUMBERS)
def lower_neg(n: Node) -> Var:
    return n.build.mul(n.x(), n.num(-1))


@lowers("Reciprocal")
def lower_reciprocal(n: Node) -> Var:
    return n.build.div(n.num(1), n.x())


@lowers("IsNaN", types=ANY)
def lower_is_nan(n: Node) -> Var:
    return n.build.op("broadcasting_not_equal", n.x(), n.x())


@lowers("IsInf", types=ANY)
def lower_is_inf(n: Node) -> Var:
    b, x = n.build, n.x()
    above, below = (b.equal(x, n.num(v)) for v in (np.inf, -np.inf))
    if not n.attr("detect_negative", 1):
        return above
    return b.either(above, below) if n.attr("detect_positive", 1) else below


# Two inputs and more.


def _variadic(n: Node, op: Callable[[Var, Var], Var]) -> Var:
    return reduce(op, n.xs())


@lowers("Add", "Sum", types=NUMBERS)
def lower_add(n: Node) -> Var:
    return _variadic(n, n.build.add)


@lowers("Mean")
def lower_mean(n: Node) -> Var:
    return n.build.div(_variadic(n, n.build.add), n.num(len(n.node.inputs)))


@lowers("Max", types=NUMBERS)
def lower_max(n: Node) -> Var:
    return _variadic(n, n.build.maximum)


@lowers("Min", types=NUMBERS)
def lower_min(n: Node) -> Var:
    return _variadic(n, n.build.minimum)


@lowers("Sub", types=NUMBERS)
def lower_sub(n: Node) -> Var:
    return n.build.sub(n.x(0), n.x(1))


@lowers("Mul", types=NUMBERS)
def lower_mul(n: Node) -> Var:
    return n.build.mul(n.x(0), n.x(1))


@lowers("Div", types=NUMBERS)
def lower_div(n: Node) -> Var:
    """Integers truncate towards zero, in ONNX as in the dialect."""
    return n.build.div(n.x(0), n.x(1))


@lowers("Mod", types=NUMBERS)
def lower_mod(n: Node) -> Var:
    """fmod=1 has the dividend's sign, as C and the dialect's modulo; fmod=0 the divisor's."""
    b, x, y = n.build, n.x(0), n.x(1)
    rest = b.op("broadcasting_modulo", x, y)
    if n.attr("fmod", 0) or n.dtype().kind == "u":
        return rest
    zero = n.num(0)
    apart = b.op("broadcasting_xor", b.less(rest, zero), b.less(y, zero))
    nonzero = b.op("broadcasting_not_equal", rest, zero)
    return b.where(b.both(apart, nonzero), b.add(rest, y), rest)


@lowers("Pow", types=NUMBERS)
def lower_pow(n: Node) -> Var:
    """Squares and cubes as products; an integer base with a float exponent goes through float32."""
    b, exponent = n.build, n.const(1)
    if exponent is not None and exponent.size == 1 and n.shape() == n.out_shape():
        power, x = float(exponent.reshape(-1)[0]), n.x(0)
        if power in (2.0, 3.0):
            square = b.mul(x, x)
            return square if power == 2.0 else b.mul(square, x)
    wide = n.dtype() if n.dtype(1).kind != "f" else np.dtype(np.float32)
    return b.cast(b.op("broadcasting_pow", n.x(0, wide), n.x(1, wide)), n.out_dtype())


@lowers("PRelu", types=NUMBERS)
def lower_prelu(n: Node) -> Var:
    return leaky(n.build, n.x(0), n.x(1))


def _check_clip(node: ir.Node) -> str | None:
    dtypes = {dtype_of(v) for v in node.inputs if v is not None}
    return "Clip of mixed types" if len(dtypes) > 1 else None


@lowers("Clip", types=NUMBERS, check=_check_clip)
def lower_clip(n: Node) -> Var:
    """max, then min; a limit that limits nothing (absent, ±inf, the type's extreme) is left out."""
    x = n.x()
    if _limits(n, 1):
        x = n.build.maximum(x, n.x(1))
    return n.build.minimum(x, n.x(2)) if _limits(n, 2) else x


def _limits(n: Node, i: int) -> bool:
    limit = n.const(i)
    if limit is None:
        return n.has(i)
    value = float(limit.reshape(-1)[0])
    extreme = np.finfo(limit.dtype) if limit.dtype.kind == "f" else np.iinfo(limit.dtype)
    return value > float(extreme.min) if i == 1 else value < float(extreme.max)


# Types.


def _check_cast(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    have, to = dtype_of(source), dtype_of(node.outputs[0])
    if have.kind in "iu" and to.name in ("uint32", "uint64") and not np.can_cast(have, to):
        return f"Cast from {have} to {to}, which wraps around; cast to {to.name[1:]} instead"
    return None


@lowers("Cast", "CastLike", types=ANY, check=_check_cast)
def lower_cast(n: Node) -> Var:
    """NaN is true in ONNX, and a half is not zero. Bytes and shorts keep the low bits of what does
    not fit; the dialect's cast would saturate, as it does from int64 to int32: indices, counts."""
    b, x, have, to = n.build, n.x(), n.dtype(), n.out_dtype()
    if to == np.bool_ and have != np.bool_:
        return b.op("broadcasting_not_equal", x, n.num(0))
    if have.kind in "iu" and to.kind in "iu" and to.itemsize < 4 and not np.can_cast(have, to):
        half = 0 if to.kind == "u" else -np.iinfo(to).min
        wide = np.promote_types(have, np.int32)
        mask = np.asarray(np.iinfo(to).max - np.iinfo(to).min, wide)
        moved = b.add(b.cast(x, wide), np.asarray(half, wide))
        x = b.sub(b.op("broadcasting_bitwise_and", moved, mask), np.asarray(half, wide))
    return b.cast(x, to)


# Comparisons and logic. The dialect has `greater` and `equal`; NaN is neither.


@lowers("Equal", types=ANY)
def lower_equal(n: Node) -> Var:
    return n.build.equal(n.x(0), n.x(1))


@lowers("Greater", types=ANY)
def lower_greater(n: Node) -> Var:
    return n.build.greater(n.x(0), n.x(1))


@lowers("Less", types=ANY)
def lower_less(n: Node) -> Var:
    return n.build.less(n.x(0), n.x(1))


@lowers("GreaterOrEqual", types=ANY)
def lower_greater_or_equal(n: Node) -> Var:
    b, x, y = n.build, n.x(0), n.x(1)
    return b.either(b.greater(x, y), b.equal(x, y))


@lowers("LessOrEqual", types=ANY)
def lower_less_or_equal(n: Node) -> Var:
    b, x, y = n.build, n.x(0), n.x(1)
    return b.either(b.less(x, y), b.equal(x, y))


_LOGIC = {"And": "broadcasting_and", "Or": "broadcasting_or", "Xor": "broadcasting_xor"}
_BITS = {f"Bitwise{k}": f"broadcasting_bitwise_{k.lower()}" for k in _LOGIC}
for _names, _types in ((_LOGIC, BOOL), (_BITS, INTEGERS)):
    for _onnx, _op in _names.items():

        @lowers(_onnx, types=_types)
        def lower_logical(n: Node, _op: str = _op) -> Var:
            return n.build.op(_op, n.x(0), n.x(1))


@lowers("Not", types=BOOL)
def lower_not(n: Node) -> Var:
    return n.build.op("not_", n.x())


@lowers("BitwiseNot", types=INTEGERS)
def lower_bitwise_not(n: Node) -> Var:
    """All bits flipped: ¬x = x xor −1."""
    ones = np.asarray(-1 if n.dtype().kind == "i" else np.iinfo(n.dtype()).max, n.dtype())
    return n.build.op("broadcasting_bitwise_xor", n.x(), ones)


@lowers("Where", types=ANY)
def lower_where(n: Node) -> Var:
    out = n.build.where(n.x(0), n.x(1), n.x(2))
    return n.build.broadcast_to(out, n.out_shape())
