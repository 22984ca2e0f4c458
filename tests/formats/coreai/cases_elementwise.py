"""Arithmetic, comparison, activation and casts, with the values that engines part on."""

from __future__ import annotations

import math

import numpy as np

from tests.formats.coreai.build import I32, F, case, d

X = np.array([-3.5, -1, -0.25, -0.0, 0, 0.25, 0.9, 2, 7.5, 80], F)
NANS = np.array([1, np.nan, 3, -np.inf, np.inf, 0, -0.0, 5], F)
PAIR = NANS[::-1].copy()
inside = np.array([-1, -0.5, 0, 0.3, 1, 1.5], F)
above = np.array([1, 1.5, 4, 0.5, np.inf], F)


def unary(name, x, function, **tolerance):
    with np.errstate(all="ignore"):
        expected = function(x.astype(np.float64)).astype(F)
    op = getattr(d, name)
    case(name.rstrip("_"), {"x": x}, lambda v: op(v), expected, **tolerance)


def erf(x):
    return np.array([math.erf(v) for v in x])


unary("abs_", NANS, np.abs)
unary("acos", inside, np.arccos)
unary("acosh", above, np.arccosh)
unary("asin", inside, np.arcsin)
unary("asinh", X, np.arcsinh, atol=2e-6)
unary("atan", NANS, np.arctan)
unary("atanh", inside[:-1], np.arctanh)
unary("cos", X, np.cos)
unary("cosh", X[:-1], np.cosh, rtol=2e-6)
unary("erf", X, erf)
unary("exp", NANS, np.exp)
unary("log", np.array([1, 2.5, 0, -1, np.inf, np.nan], F), np.log)
unary("round_", np.array([0.5, 1.5, 2.5, -0.5, -1.5, 4.7, np.nan, np.inf], F), np.round)
unary("rsqrt", np.array([1, 4, 0, -1, np.inf, 0.3], F), lambda x: 1 / np.sqrt(x))
unary(
    "sigmoid",
    np.array([-200, -3, 0, 3, 200, np.inf, -np.inf, np.nan], F),
    lambda x: 1 / (1 + np.exp(-x)),
)
unary("silu", np.array([-20, -1, 0, 1, 30], F), lambda x: x / (1 + np.exp(-x)))
unary("sin", X, np.sin)
unary("sinh", X[:-1], np.sinh, rtol=2e-6)
unary("sqrt", np.array([0, 1, 2, -1, np.inf, np.nan], F), np.sqrt)
unary("tan", inside, np.tan)
unary("tanh", NANS, np.tanh)
unary("relu", NANS, lambda x: np.maximum(x, 0))
case(
    "relu of integers",
    {"x": np.array([-3, 4], np.int8)},
    lambda v: d.relu(v),
    np.array([0, 4], np.int8),
)
case(
    "abs of the lowest integer",
    {"x": np.array([-128, 5, -7], np.int8)},
    lambda v: d.abs_(v),
    np.array([-128, 5, 7], np.int8),
)
G = np.array([-3, -1, 0, 0.5, 2, 6], np.float64)
case(
    "gelu",
    {"x": G.astype(F)},
    lambda v: d.gelu(v),
    (G * 0.5 * (1 + erf(G / math.sqrt(2)))).astype(F),
)
case(
    "gelu by tanh",
    {"x": G.astype(F)},
    lambda v: d.gelu(v, approximate="tanh"),
    (G * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (G + 0.044715 * G**3)))).astype(F),
)
case(
    "gelu by sigmoid",
    {"x": G.astype(F)},
    lambda v: d.gelu(v, approximate="sigmoid"),
    (G / (1 + np.exp(-1.702 * G))).astype(F),
)


def binary(name, x, y, function, label=""):
    """The plain op on equal shapes and the broadcasting one on a column and a row."""
    with np.errstate(all="ignore"):
        same, wide = function(x, y), function(x[:, None], y[None, :])
    title = f"{name.rstrip('_')}{label}"
    if hasattr(d, name):
        case(title, {"x": x, "y": y}, lambda v, w: getattr(d, name)(v, w), same)
    case(
        f"broadcasting {title}",
        {"x": x[:, None].copy(), "y": y[None, :].copy()},
        lambda v, w: getattr(d, f"broadcasting_{name.rstrip('_')}")(v, w),
        wide,
    )


binary("add", NANS, PAIR, np.add)
binary("sub", NANS, PAIR, np.subtract)
binary("mul", NANS, PAIR, np.multiply)
binary("divide", NANS, PAIR, np.divide)
binary("maximum", NANS, PAIR, np.maximum)
binary("minimum", NANS, PAIR, np.minimum)
binary("greater", NANS, PAIR, np.greater)
binary("equal", NANS, PAIR, np.equal)
binary("not_equal", NANS, PAIR, np.not_equal)
A = np.array([5.5, -5.5, 5.5, -5.5, 1, 7], F)
B = np.array([2, 2, -2, -2, 0.3, np.inf], F)
binary("modulo", A, B, np.fmod)
binary("floor_divide", A[:5], B[:5], lambda x, y: np.floor(x / y))
binary("pow_", np.array([2, 1, 0, -2, 9], F), np.array([3, -2, 0, 2, 0.5], F), np.power)
for _type in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64):
    _info = np.iinfo(_type)
    _x = np.array([_info.max, _info.min, 3, 100], _type)
    _y = np.array([5, 1, 7, 100], _type)
    _label = f" of {np.dtype(_type).name}"
    binary("add", _x, _y, np.add, _label)
    binary("sub", _x, _y, np.subtract, _label)
    binary("mul", _x, _y, np.multiply, _label)
    binary("maximum", _x, _y, np.maximum, _label)
    binary("greater", _x, _y, np.greater, _label)
    binary("equal", _x, _y, np.equal, _label)
P = np.array([7, -7, 7, -7, 100], I32)
Q = np.array([3, 3, -3, -3, 7], I32)
binary("divide", P, Q, lambda x, y: np.trunc(x / y).astype(I32), " of integers")
binary("floor_divide", P, Q, np.floor_divide, " of integers")
binary("modulo", P, Q, np.fmod, " of integers")
case(
    "power of integers",
    {"x": np.array([2, -3, 7, 10], I32)},
    lambda v: d.broadcasting_pow(v, np.array(5, I32)),
    np.array([32, -243, 16807, 100000], I32),
)
case(
    "power of integers that wraps",
    {"x": np.array([7, 10], I32)},
    lambda v: d.broadcasting_pow(v, np.array(12, I32)),
    np.array([7**12 & 0xFFFFFFFF, 10**12 & 0xFFFFFFFF], np.uint32).astype(I32),
    apple="its process ends: Double value cannot be converted to Int32",
)

T = np.array([True, True, False, False])
U = np.array([True, False, True, False])
for _name, _numpy in (("and", np.logical_and), ("or", np.logical_or), ("xor", np.logical_xor)):
    binary(f"{_name}_", T, U, _numpy)
    binary(f"bitwise_{_name}", T, U, _numpy, " of truth")
    _bits = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[_name]
    binary(f"bitwise_{_name}", np.array([12, -1, 7], I32), np.array([10, 5, 0], I32), _bits)
case("not", {"x": T}, lambda v: d.not_(v), ~T)
case("add of truth", {"x": T, "y": U}, lambda v, w: d.add(v, w), T | U)
case("mul of truth", {"x": T, "y": U}, lambda v, w: d.mul(v, w), T & U)
case(
    "where",
    {"x": T, "a": A[:4], "b": B[:4]},
    lambda c, a, b: d.where(c, a, b),
    np.where(T, A[:4], B[:4]),
)
case(
    "broadcasting where",
    {"x": T, "a": A[:4], "b": np.full((2, 1), 9, F)},
    lambda c, a, b: d.broadcasting_where(c, a, b),
    np.where(T, A[:4], np.full((2, 1), 9, F)),
)
case(
    "where of truth",
    {"x": T, "a": U, "b": ~U},
    lambda c, a, b: d.where(c, a, b),
    np.where(T, U, ~U),
)
case(
    "where of int8",
    {"x": T, "a": np.arange(4, dtype=np.int8)},
    lambda c, a: d.broadcasting_where(c, a, np.array(-5, np.int8)),
    np.array([0, 1, -5, -5], np.int8),
)
S = np.array([[1, 2, 3], [1000, 1000, 999]], F)
_e = np.exp(S - S.max(1, keepdims=True))
case("softmax", {"x": S}, lambda v: d.softmax(v, I32(-1)), _e / _e.sum(1, keepdims=True))
_e = np.exp(S - S.max(0))
case("softmax over rows", {"x": S}, lambda v: d.softmax(v, I32(0)), _e / _e.sum(0))

# casts: every one that narrows saturates, NaN is 0
FLOATS = np.array(
    [
        0,
        1.5,
        -1.5,
        300,
        -300,
        7e4,
        -7e4,
        3e9,
        -3e9,
        1e20,
        -1e20,
        np.inf,
        -np.inf,
        np.nan,
        255.9,
        -0.9,
    ],
    F,
)
WHOLE = (
    0,
    1,
    127,
    128,
    255,
    256,
    32768,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32 + 5,
    2**63 - 1,
    2**64 - 1,
    -1,
    -128,
    -129,
    -32769,
    -(2**31),
    -(2**31) - 1,
    -(2**40),
    -(2**63),
)
INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)


def saturated(values, to):
    info = np.iinfo(to)

    def one(v):
        if v != v:
            return 0
        return info.min if v < info.min else info.max if v > info.max else int(v)

    return np.array([one(v) for v in values], dtype=object).astype(to)


def cast_case(name, x, to, expected):
    case(f"cast {name} to {np.dtype(to).name}", {"x": x}, lambda v: d.cast(v, to), expected)


for _to in INTEGERS:
    cast_case("float32", FLOATS, _to, saturated(FLOATS.tolist(), _to))
    cast_case("truth", T, _to, T.astype(_to))
    for _from in INTEGERS:
        if _from is not _to:
            _i = np.iinfo(_from)
            _v = np.array([v for v in WHOLE if _i.min <= v <= _i.max], _from)
            cast_case(np.dtype(_from).name, _v, _to, saturated(_v.tolist(), _to))
for _from in INTEGERS:
    _i = np.iinfo(_from)
    _v = np.array([v for v in WHOLE if _i.min <= v <= _i.max], _from)
    cast_case(np.dtype(_from).name, _v, F, _v.astype(F))
    cast_case(np.dtype(_from).name, _v, np.bool_, _v != 0)
cast_case("float32", FLOATS, np.bool_, FLOATS != 0)
with np.errstate(over="ignore"):
    cast_case("float32", FLOATS, np.float16, FLOATS.astype(np.float16))
cast_case(
    "float16", np.array([1.5, 60000, np.inf], np.float16), F, np.array([1.5, 60000, np.inf], F)
)
H = np.array([1, 0.3, 1000, 60000], np.float16)
R = np.full(4, 2048, np.float16)
case(
    "float16 rounds after each op",
    {"x": H, "y": R},
    lambda v, w: d.broadcasting_mul(d.broadcasting_add(v, w), np.float16(0.5)),
    (H + R) * np.float16(0.5),
)
with np.errstate(over="ignore"):
    case(
        "float16 overflows", {"x": H}, lambda v: d.broadcasting_mul(v, H[::-1].copy()), H * H[::-1]
    )


def leaky(v, zero, slope):
    return d.broadcasting_where(d.broadcasting_greater(zero, v), d.broadcasting_mul(v, slope), v)


LEAKY = np.where(NANS < 0, NANS * F(0.1), NANS)
case("leaky ReLU in three ops", {"x": NANS}, lambda v: leaky(v, F(0), F(0.1)), LEAKY)
case(
    "what only looks like a leaky ReLU",
    {"x": X, "s": np.array([0.1], F)},
    lambda v, s: [
        leaky(v, F(1), F(0.1)),
        leaky(v, F(0), s),
        leaky(v, F(0), np.full((2, 1), 0.1, F)),
    ],
    np.where(X < 1, X * F(0.1), X),
    np.where(X < 0, X * F(0.1), X),
    np.broadcast_to(np.where(X < 0, X * F(0.1), X), (2, X.size)),
)
