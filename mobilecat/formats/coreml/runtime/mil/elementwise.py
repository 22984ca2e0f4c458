"""Elementwise ops: arithmetic, comparisons, logic, unary mathematics, casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import BOOL, FLOAT, FLOAT16, INT32, Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.values import FLOATS


def as_type(op: Op, v: Val, dtype: Any) -> Val:
    """Return `v` cast to numpy type `dtype`, or itself."""
    to = {"f": FLOAT, "i": INT32, "b": BOOL}[np.dtype(dtype).kind]
    return v if v.dtype == np.dtype(dtype) else op.g("Cast", v, to=to)


def pair(op: Op, *, numeric: bool = True) -> tuple[Val, Val]:
    """Return x and y in one type; booleans as int32 where `numeric`."""
    x, y = op["x"], op["y"]
    kinds = {x.dtype.kind, y.dtype.kind}
    if "f" in kinds:
        return as_type(op, x, np.float32), as_type(op, y, np.float32)
    if numeric or kinds != {"b"}:
        return as_type(op, x, np.int32), as_type(op, y, np.int32)
    return x, y


def _binary(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        return op.g(onnx_op, *pair(op))

    return translate


for _mil, _onnx in {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
}.items():
    mil_op(_mil)(_binary(_onnx))
for _mil, _onnx in {"maximum": "Max", "minimum": "Min"}.items():
    mil_op(_mil, moves=True)(_binary(_onnx))


@mil_op("not_equal")
def onnx_from_not_equal(op: Op) -> Val:
    return op.g("Not", op.g("Equal", *pair(op)))


@mil_op("real_div")
def onnx_from_real_div(op: Op) -> Val:
    """Integers divide towards zero, as in C."""
    return op.g("Div", *pair(op))


@mil_op("floor_div")
def onnx_from_floor_div(op: Op) -> Val:
    x, y = pair(op)
    if x.is_float:
        return op.g("Floor", op.g("Div", x, y))
    # (x − mod(x, y)) / y is exact: ONNX Mod takes the divisor's sign
    return op.g("Div", op.g("Sub", x, op.g("Mod", x, y)), y)


@mil_op("mod")
def onnx_from_mod(op: Op) -> Val:
    """The result has the divisor's sign."""
    x, y = pair(op)
    if not x.is_float:
        return op.g("Mod", x, y)
    floored = op.g("Floor", op.g("Div", x, y))
    return op.g("Sub", x, op.g("Mul", floored, y))


@mil_op("pow")
def onnx_from_pow(op: Op) -> Val:
    return op.g("Pow", *pair(op))


def _logical(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        return op.g(onnx_op, as_type(op, op["x"], np.bool_), as_type(op, op["y"], np.bool_))

    return translate


for _mil, _onnx in {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}.items():
    mil_op(_mil)(_logical(_onnx))


@mil_op("logical_not")
def onnx_from_logical_not(op: Op) -> Val:
    return op.g("Not", as_type(op, op["x"], np.bool_))


def _unary(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        return op.g(onnx_op, as_type(op, op["x"], np.float32))

    return translate


for _mil, _onnx in {
    "acos": "Acos",
    "asin": "Asin",
    "atan": "Atan",
    "atanh": "Atanh",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "tan": "Tan",
}.items():
    mil_op(_mil)(_unary(_onnx))


@mil_op("abs", moves=True)
def onnx_from_abs(op: Op) -> Val:
    return op.g("Abs", op["x"])


@mil_op("sign", moves=True)
def onnx_from_sign(op: Op) -> Val:
    return op.g("Sign", op["x"])


def _rounding(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        x = op["x"]
        return op.g(onnx_op, x) if x.is_float else x

    return translate


for _mil, _onnx in {"ceil": "Ceil", "floor": "Floor", "round": "Round"}.items():
    mil_op(_mil)(_rounding(_onnx))


@mil_op("exp2")
def onnx_from_exp2(op: Op) -> Val:
    return op.g("Pow", op.g.const(np.float32(2)), op["x"])


@mil_op("square")
def onnx_from_square(op: Op) -> Val:
    return op.g("Mul", op["x"], op["x"])


def shifted(op: Op, default: float) -> Val:
    """Return x + epsilon."""
    epsilon = op.number("epsilon", default)
    return op.g("Add", op["x"], op.g.const(np.float32(epsilon))) if epsilon else op["x"]


@mil_op("log")
def onnx_from_log(op: Op) -> Val:
    return op.g("Log", shifted(op, 1e-45))


@mil_op("inverse")
def onnx_from_inverse(op: Op) -> Val:
    return op.g("Reciprocal", shifted(op, 1e-4))


@mil_op("rsqrt")
def onnx_from_rsqrt(op: Op) -> Val:
    return op.g("Reciprocal", op.g("Sqrt", shifted(op, 1e-12)))


@mil_op("clip")
def onnx_from_clip(op: Op) -> Val:
    x = op["x"]
    low, high = op.number("alpha"), op.number("beta")
    return op.g("Clip", x, op.g.const(np.float32(low)), op.g.const(np.float32(high)))


@mil_op("threshold", moves=True)
def onnx_from_threshold(op: Op) -> Val:
    x = op["x"]
    return op.g("Max", x, op.g.const(np.asarray(op.array("alpha"), x.dtype)))


# casts ----------------------------------------------------------------------------------------

_NARROW = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535)}


@mil_op("cast", moves=True)
def onnx_from_cast(op: Op) -> Val:
    return cast(op, op["x"], op.text("dtype"))


def cast(op: Op, x: Val, to: str) -> Val:
    """Return `x` as MIL type `to`; a float is cut towards zero, a narrow integer wraps as in C."""
    if to == "bool":
        return as_type(op, x, np.bool_)
    if to == "fp16":
        if x.mil == "fp16" or not (x.is_float and op.rounds):
            return as_type(op, x, np.float32)
        return op.g("Cast", op.g("Cast", x, to=FLOAT16), to=FLOAT)
    if to in FLOATS:
        return as_type(op, x, np.float32)
    y = as_type(op, x, np.int32)
    if to in _NARROW and x.mil != to:
        low, high = _NARROW[to]
        span = np.asarray(high - low + 1, np.int32)
        lowest = np.asarray(low, np.int32)
        y = op.g("Add", op.g("Mod", op.g("Sub", y, lowest), span), lowest)
    return y
