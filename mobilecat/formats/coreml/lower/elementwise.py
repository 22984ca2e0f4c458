"""Arithmetic, comparisons, logic and casts."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node, kind_of_dtype, used
from mobilecat.formats.coreml.lower.mil import Var, cast, mb, shape_of_var
from mobilecat.graph import dtype_of

_UNARY = {
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Acos": "acos",
    "Asin": "asin",
    "Atan": "atan",
    "Atanh": "atanh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Round": "round",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
for _onnx, _mil in _UNARY.items():

    @LOWERINGS.op(_onnx)
    def lower_unary(n: Node, _mil: str = _mil) -> Var:
        return getattr(mb, _mil)(x=n.x())


@LOWERINGS.op("Identity")
def lower_identity(n: Node) -> Var:
    return n.x()


@LOWERINGS.op("Dropout")
def lower_dropout(n: Node) -> list[Var]:
    """Drops nothing when it infers, so the mask is all true."""
    mask = [mb.const(val=np.ones(n.shape(), bool))] if used(n.node, 1) else []
    return [n.x(), *mask]


@LOWERINGS.op("Abs")
def lower_abs(n: Node) -> Var:
    return mb.abs(x=n.x())


@LOWERINGS.op("Sign")
def lower_sign(n: Node) -> Var:
    return mb.sign(x=n.x())


@LOWERINGS.op("Neg")
def lower_neg(n: Node) -> Var:
    return mb.mul(x=n.x(), y=n.num(-1, n.kind()))


@LOWERINGS.op("Log")
def lower_log(n: Node) -> Var:
    return mb.log(x=n.x(), epsilon=n.num(0.0))  # MIL adds 1e-45 by default


@LOWERINGS.op("Reciprocal")
def lower_reciprocal(n: Node) -> Var:
    return mb.real_div(x=n.num(1.0), y=n.x())  # MIL's inverse adds an epsilon


@LOWERINGS.op("Asinh")
def lower_asinh(n: Node) -> Var:
    """sign(x)·log(|x| + √(x²+1)): the form without the sign cancels for negative x."""
    x = n.x()
    size = mb.abs(x=x)
    root = mb.sqrt(x=mb.add(x=mb.mul(x=x, y=x), y=n.num(1.0)))
    return mb.mul(x=mb.sign(x=x), y=mb.log(x=mb.add(x=size, y=root), epsilon=n.num(0.0)))


@LOWERINGS.op("Acosh")
def lower_acosh(n: Node) -> Var:
    x = n.x()
    root = mb.sqrt(x=mb.sub(x=mb.mul(x=x, y=x), y=n.num(1.0)))
    return mb.log(x=mb.add(x=x, y=root), epsilon=n.num(0.0))


@LOWERINGS.op("IsNaN")
def lower_is_nan(n: Node) -> Var:
    x = n.x()
    return mb.not_equal(x=x, y=x)


@LOWERINGS.op("IsInf")
def lower_is_inf(n: Node) -> Var:
    x = n.x()
    above = mb.equal(x=x, y=n.num(np.inf))
    below = mb.equal(x=x, y=n.num(-np.inf))
    if not n.attr("detect_negative", 1):
        return above
    return mb.logical_or(x=above, y=below) if n.attr("detect_positive", 1) else below


# Two inputs.


def _variadic(op: Callable[[Var, Var], Var], n: Node) -> Var:
    return reduce(op, n.xs())


@LOWERINGS.op("Add", "Sum")
def lower_add(n: Node) -> Var:
    return _variadic(lambda a, b: mb.add(x=a, y=b), n)


@LOWERINGS.op("Mean")
def lower_mean(n: Node) -> Var:
    return mb.mul(x=lower_add(n), y=n.num(1.0 / len(n.node.inputs)))


@LOWERINGS.op("Max")
def lower_max(n: Node) -> Var:
    return _variadic(lambda a, b: mb.maximum(x=a, y=b), n)


@LOWERINGS.op("Min")
def lower_min(n: Node) -> Var:
    return _variadic(lambda a, b: mb.minimum(x=a, y=b), n)


@LOWERINGS.op("Sub")
def lower_sub(n: Node) -> Var:
    return mb.sub(x=n.x(0), y=n.x(1))


@LOWERINGS.op("Mul")
def lower_mul(n: Node) -> Var:
    return mb.mul(x=n.x(0), y=n.x(1))


@LOWERINGS.op("Div")
def lower_div(n: Node) -> Var:
    """Divide; integers truncate towards zero as in C, where MIL's floor_div rounds down."""
    a, b = n.x(0), n.x(1)
    if n.kind() == "float":
        return mb.real_div(x=a, y=b)
    sign = mb.mul(x=mb.sign(x=a), y=mb.sign(x=b))
    return mb.mul(x=mb.floor_div(x=mb.abs(x=a), y=mb.abs(x=b)), y=sign)


@LOWERINGS.op("Mod")
def lower_mod(n: Node) -> Var:
    """fmod=0: the divisor's sign, as MIL's mod; fmod=1: the dividend's sign, as C's fmod."""
    a, b = n.x(0), n.x(1)
    if n.attr("fmod", 0):
        return mb.mul(x=mb.mod(x=mb.abs(x=a), y=mb.abs(x=b)), y=mb.sign(x=a))
    divisor = n.const(1)
    if n.kind() != "float" or (divisor is not None and np.isfinite(divisor).all()):
        return mb.mod(x=a, y=b)
    # MIL's x − ⌊x/y⌋·y is NaN for an infinite y, where Python's answer is x, or y to get its sign.
    infinite, zero = mb.equal(x=mb.abs(x=b), y=n.num(np.inf)), n.num(0.0)
    apart = mb.less(x=mb.mul(x=mb.sign(x=a), y=mb.sign(x=b)), y=zero)
    whole = select(apart, b, a, n.out_shape())
    return select(infinite, whole, mb.mod(x=a, y=b), n.out_shape())


@LOWERINGS.op("Pow")
def lower_pow(n: Node) -> Var:
    """Raise to a power; integers go through the float type and come back rounded."""
    base, power = n.as_kind(n.x(0), "float"), n.as_kind(n.x(1), "float")
    if n.kind(0) == "float":
        exponent = n.const(1)
        if exponent is not None and exponent.size == 1:
            return _constant_power(n, base, float(exponent.reshape(-1)[0]))
        return mb.pow(x=base, y=power)
    return cast(mb.round(x=mb.pow(x=base, y=power)), "int32")


def _constant_power(n: Node, x: Var, p: float) -> Var:
    """x², √x and x by their own ops: pow of a negative base is not dependable off the CPU."""
    if shape_of_var(x) != n.out_shape():
        return mb.pow(x=x, y=n.x(1))
    if p == 1.0:
        return mb.identity(x=x)
    if p == 2.0:
        return mb.mul(x=x, y=x)
    if p == 3.0:
        return mb.mul(x=mb.mul(x=x, y=x), y=x)
    return mb.sqrt(x=x) if p == 0.5 else mb.pow(x=x, y=n.num(p))


@LOWERINGS.op("PRelu")
def lower_prelu(n: Node) -> Var:
    """A slope per channel is MIL's prelu; any other broadcast becomes max(x,0) + slope·min(x,0)."""
    x, slope = n.x(0), n.const(1)
    rank, channels = len(n.shape(0)), n.shape(0)[1] if len(n.shape(0)) > 1 else 0
    if slope is not None and n.kind() == "float":
        if slope.size == 1:
            return mb.leaky_relu(x=x, alpha=n.num(slope.reshape(-1)[0]))
        if rank == 4 and slope.shape in {  # MIL's own text says 3 to 5; its inference takes 4 alone
            (channels,) + (1,) * (rank - 2),
            (1, channels) + (1,) * (rank - 2),
        }:
            return mb.prelu(x=x, alpha=n.num(slope.reshape(-1)))
    zero = n.num(0, n.kind())
    below = mb.mul(x=n.x(1), y=mb.minimum(x=x, y=zero))
    return mb.add(x=mb.maximum(x=x, y=zero), y=below)


# Comparisons and logic. MIL compares numbers only, so bool goes through int32.

_COMPARISONS = {
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
}
for _onnx, _mil in _COMPARISONS.items():

    @LOWERINGS.op(_onnx)
    def lower_comparison(n: Node, _mil: str = _mil) -> Var:
        a, b = n.x(0), n.x(1)
        if n.kind() == "bool":
            a, b = cast(a, "int32"), cast(b, "int32")
        return getattr(mb, _mil)(x=a, y=b)


for _onnx, _mil in {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}.items():

    @LOWERINGS.op(_onnx)
    def lower_logical(n: Node, _mil: str = _mil) -> Var:
        return getattr(mb, _mil)(x=n.x(0), y=n.x(1))


@LOWERINGS.op("Not")
def lower_not(n: Node) -> Var:
    return mb.logical_not(x=n.x())


@LOWERINGS.op("Where")
def lower_where(n: Node) -> Var:
    return select(n.x(0), n.x(1), n.x(2), n.out_shape())


def select(cond: Var, a: Var, b: Var, shape: tuple[int, ...]) -> Var:
    """Return a where `cond` else b. MIL takes the shape from a and b alone, so `a` gets it."""
    if np.broadcast_shapes(tuple(a.shape), tuple(b.shape)) != shape:
        is_literal = isinstance(a, np.generic | np.ndarray)
        a = np.full(shape, a) if is_literal else broadcast_to(a, shape)
    return mb.select(cond=cond, a=a, b=b)


def broadcast_to(x: Var, shape: tuple[int, ...]) -> Var:
    """Repeat `x` to `shape` by numpy's rules."""
    have = shape_of_var(x)
    if have == shape:
        return x
    missing = len(shape) - len(have)
    if missing:
        x = mb.expand_dims(x=x, axes=list(range(missing)))
    have = (1,) * missing + have
    reps = [want // got for want, got in zip(shape, have, strict=True)]
    return x if set(reps) <= {1} else mb.tile(x=x, reps=reps)


# Types.


def _check_cast(node: ir.Node) -> str | None:
    """A cast to a narrower integer wraps around in ONNX; Core ML has int32 only."""
    to, source = dtype_of(node.outputs[0]), node.inputs[0]
    assert source is not None
    have = dtype_of(source)
    if kind_of_dtype(to) != "int" or have == np.bool_ or to.itemsize >= 4:
        return None
    if kind_of_dtype(have) == "int" and np.can_cast(have, to):
        return None
    return f"Cast to {to}: Core ML computes integers as int32 only; cast to int32 instead"


@LOWERINGS.op("Cast", "CastLike", check=_check_cast)
def lower_cast(n: Node) -> Var:
    have, want = n.kind(), n.out_kind()
    if have == "float" and want == "bool":  # NaN is true in ONNX, and a half is not zero
        return mb.not_equal(x=n.x(), y=n.num(0.0))
    return n.as_kind(n.x(), want)


def _check_clip(node: ir.Node) -> str | None:
    dtypes = {dtype_of(v) for v in node.inputs if v is not None}
    return "Clip of mixed types" if len(dtypes) > 1 else None


@LOWERINGS.op("Clip", check=_check_clip)
def lower_clip(n: Node) -> Var:
    """max, then min; a limit that limits nothing (absent, ±inf, the type's extreme) is left out."""
    x = n.x()
    low, high = _limit(n, 1), _limit(n, 2)
    if n.kind() == "float" and isinstance(low, float) and isinstance(high, float) and low <= high:
        return mb.clip(x=x, alpha=n.num(low), beta=n.num(high))
    if low is not None:
        x = mb.maximum(x=x, y=n.num(low, n.kind()) if isinstance(low, float) else low)
    if high is not None:
        x = mb.minimum(x=x, y=n.num(high, n.kind()) if isinstance(high, float) else high)
    return x


def _limit(n: Node, i: int) -> float | Var | None:
    if not n.has(i):
        return None
    limit = n.const(i)
    if limit is None:
        return n.x(i)
    value = float(limit.reshape(-1)[0])
    dtype = dtype_of(n.value(i))
    if kind_of_dtype(dtype) == "float":
        extreme = float(np.finfo(dtype).max)
        return None if abs(value) >= extreme and (value < 0) == (i == 1) else value
    info = np.iinfo(dtype)
    return None if value == (info.min if i == 1 else info.max) else value
