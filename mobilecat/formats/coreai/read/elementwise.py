"""Arithmetic, comparison and activation, element by element.

Each op has a plain form, for equal shapes, and a broadcasting one; ONNX broadcasts in both.
Integers wrap (docstrings of coreai-core's dialect); they are computed in int64, since onnxruntime
has few kernels for narrower ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mobilecat.formats.coreai.read.op import READERS, Call, Reader, is_float, larger, reads
from mobilecat.formats.coreai.read.writer import INT64, Refused

_NATIVE = ("f32", "f16", "bf16", "si32", "si64")
_CALLS = {
    "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh", "atan": "Atan",
    "atanh": "Atanh", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "log": "Log",
    "round": "Round", "sigmoid": "Sigmoid", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt",
    "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip


def _both(name: str) -> tuple[str, str]:
    return f"coreai.{name}", f"coreai.decomposable.broadcasting_{name}"


def _function(onnx_op: str) -> Reader:
    def read(c: Call) -> str:
        c.floats()
        return c.g(onnx_op, c[0])

    return read


for _name, _onnx in _CALLS.items():
    READERS[f"coreai.{_name}"] = _function(_onnx)


def _arithmetic(onnx_op: str, on_bool: str) -> Reader:
    def read(c: Call) -> str:
        element = c.inputs[0].element
        if element == "i1" and on_bool:
            return c.g(on_bool, c[0], c[1])
        if element in _NATIVE:
            return c.g(onnx_op, c[0], c[1])
        if element == "ui64":  # two's complement: the same bits
            made = c.g(onnx_op, c.g.cast(c[0], INT64), c.g.cast(c[1], INT64))
        else:
            made = c.g(onnx_op, c.wide(0), c.wide(1))
        return c.narrowed(made)

    return read


for _name, _onnx, _bool in (("add", "Add", "Or"), ("sub", "Sub", ""), ("mul", "Mul", "And")):
    reads(*_both(_name))(_arithmetic(_onnx, _bool))


def _extreme(onnx_op: str, on_bool: str) -> Reader:
    def read(c: Call) -> str:
        element = c.inputs[0].element
        if element == "i1":
            return c.g(on_bool, c[0], c[1])
        if is_float(c.inputs[0]):
            return c.g(onnx_op, c[0], c[1])
        return c.narrowed(larger(c.g, c.wide(0), c.wide(1), swapped=onnx_op == "Min"))

    return read


reads(*_both("maximum"))(_extreme("Max", "Or"))
reads(*_both("minimum"))(_extreme("Min", "And"))


def _comparison(onnx_op: str) -> Reader:
    def read(c: Call) -> str:
        plain = c.inputs[0].element in (*_NATIVE, "i1")
        return c.g(onnx_op, c[0], c[1]) if plain else c.g(onnx_op, c.wide(0), c.wide(1))

    return read


@reads(*_both("greater"))
def greater(c: Call) -> str:
    if c.inputs[0].element == "i1":
        return c.g("Greater", c.wide(0), c.wide(1))
    return _comparison("Greater")(c)  # type: ignore[return-value]


reads(*_both("equal"))(_comparison("Equal"))


@reads(*_both("not_equal"))
def not_equal(c: Call) -> str:
    return c.g("Not", str(_comparison("Equal")(c)))


def _logic(onnx_op: str) -> Reader:
    def read(c: Call) -> str:
        if c.inputs[0].element != "i1":
            raise Refused(f"on {c.inputs[0].element}")
        return c.g(onnx_op, c[0], c[1])

    return read


def _bits(onnx_op: str) -> Reader:
    def read(c: Call) -> str:
        if c.inputs[0].element == "i1":
            return c.g(onnx_op, c[0], c[1])
        if is_float(c.inputs[0]):
            raise Refused(f"on {c.inputs[0].element}")
        return c.g(f"Bitwise{onnx_op}", c[0], c[1])

    return read


for _name, _onnx in (("and", "And"), ("or", "Or"), ("xor", "Xor")):
    reads(*_both(_name))(_logic(_onnx))
    reads(*_both(f"bitwise_{_name}"))(_bits(_onnx))


@reads("coreai.not")
def not_(c: Call) -> str:
    return c.g("Not", c[0])


@reads("coreai.abs")
def abs_(c: Call) -> str:
    if is_float(c.inputs[0]):
        return c.g("Abs", c[0])
    return c[0] if c.inputs[0].element.startswith("ui") else c.narrowed(c.g("Abs", c.wide(0)))


@reads("coreai.relu")
def relu(c: Call) -> str:
    if is_float(c.inputs[0]):
        return c.g("Relu", c[0])
    return c.narrowed(larger(c.g, c.wide(0), c.g.const(0, np.int64)))


@reads("coreai.rsqrt")
def rsqrt(c: Call) -> str:
    c.floats()
    return c.g("Reciprocal", c.g("Sqrt", c[0]))


@reads("coreai.silu")
def silu(c: Call) -> str:
    c.floats()
    return c.g("Mul", c[0], c.g("Sigmoid", c[0]))


@reads("coreai.gelu")
def gelu(c: Call) -> str:
    c.floats()
    return _GELU[c.attribute("approximate", "none")](c)


def _gelu_exact(c: Call) -> str:
    inner = c.g("Erf", _times(c, c[0], 1 / math.sqrt(2)))
    return c.g("Mul", _times(c, c[0], 0.5), _plus(c, inner, 1))


def _gelu_tanh(c: Call) -> str:
    cube = c.g("Mul", c.g("Mul", c[0], c[0]), c[0])
    inner = _times(c, c.g("Add", c[0], _times(c, cube, 0.044715)), math.sqrt(2 / math.pi))
    return c.g("Mul", _times(c, c[0], 0.5), _plus(c, c.g("Tanh", inner), 1))


def _gelu_sigmoid(c: Call) -> str:
    return c.g("Mul", c[0], c.g("Sigmoid", _times(c, c[0], 1.702)))


_GELU: dict[str, Callable[[Call], str]] = {
    "none": _gelu_exact,
    "tanh": _gelu_tanh,
    "sigmoid": _gelu_sigmoid,
}


def _times(c: Call, name: str, by: float) -> str:
    return c.g("Mul", name, c.g.const(by, np.float32))


def _plus(c: Call, name: str, what: float) -> str:
    return c.g("Add", name, c.g.const(what, np.float32))


@reads(*_both("divide"))
def divide(c: Call) -> str:
    """Integers: towards zero, as C."""
    if is_float(c.inputs[0]):
        return c.g("Div", c[0], c[1])
    return c.narrowed(c.g("Div", c.wide(0), _divisor(c)))


@reads(*_both("floor_divide"))
def floor_divide(c: Call) -> str:
    if is_float(c.inputs[0]):
        return c.g("Floor", c.g("Div", c[0], c[1]))
    x, y = c.wide(0), _divisor(c)
    quotient = c.g("Div", x, y)
    rest = c.g("Sub", x, c.g("Mul", quotient, y))
    zero = c.g.const(0, np.int64)
    apart = c.g("Xor", c.g("Less", rest, zero), c.g("Less", y, zero))
    down = c.g("And", apart, c.g("Not", c.g("Equal", rest, zero)))
    return c.narrowed(c.g("Sub", quotient, c.g.cast(down, INT64)))


@reads(*_both("modulo"))
def modulo(c: Call) -> str:
    """C's fmod and %: the sign is the dividend's."""
    if is_float(c.inputs[0]):
        return c.g("Mod", c[0], c[1], fmod=1)
    x, y = c.wide(0), _divisor(c)
    return c.narrowed(c.g("Sub", x, c.g("Mul", c.g("Div", x, y), y)))


def _divisor(c: Call) -> str:
    """Return the int64 divisor. Where it may be 0 or, on si64, −1, the processor would end us."""
    y = c.wide(1)
    known = c.const(1)
    risky = (0, -1) if c.inputs[0].element == "si64" else (0,)
    if known is not None and not np.isin(known, risky).any():
        return y
    if known is None and c.inputs[0].element != "si64":
        return c.g("Where", c.g("Equal", y, c.g.const(0, np.int64)), c.g.const(1, np.int64), y)
    raise Refused("a divisor that may be 0, or −1 on si64")


@reads(*_both("pow"))
def pow_(c: Call) -> str:
    if is_float(c.inputs[0]):
        return c.g("Pow", c[0], c[1])
    power = c.integer(1, "exponent")
    if not 0 <= power <= 16:
        raise Refused(f"the power {power} of {c.inputs[0].element}")
    x = c.wide(0)
    made = c.g("Sub", x, x)
    made = c.g("Add", made, c.g.const(1, np.int64))
    for _ in range(power):
        made = c.g("Mul", made, x)
    return c.narrowed(made)


@reads("coreai.where", "coreai.decomposable.broadcasting_where", moves=True)
def where(c: Call) -> str:
    element = c.inputs[1].element
    if (slope := _leak(c)) is not None:
        return c.g("LeakyRelu", c[2], alpha=slope)
    if element in (*_NATIVE, "ui8"):
        return c.g("Where", c[0], c[1], c[2])
    if element == "i1":
        return c.g("Or", c.g("And", c[0], c[1]), c.g("And", c.g("Not", c[0]), c[2]))
    return c.narrowed(c.g("Where", c[0], c.wide(1), c.wide(2)))


def _leak(c: Call) -> float | None:
    """Return the slope where this is `0 > x ? slope · x : x`, which onnxruntime has as one op that
    it fuses; as three they take a quarter of a network's time."""
    below, scaled = c.maker(0), c.maker(1)
    if below is None or scaled is None or c.inputs[2].element != "f32":
        return None
    kinds = (below.op.name.rpartition("_")[2], scaled.op.name.rpartition("_")[2])
    if kinds != ("greater", "mul") or below[1] != c[2] or scaled[0] != c[2]:
        return None
    zero, slope = below.const(0), scaled.const(1)
    if zero is None or slope is None or zero.size != 1 or slope.size != 1 or zero.reshape(-1)[0]:
        return None
    return float(slope.reshape(-1)[0]) if c.inputs[2].shape == c.shape else None


@reads("coreai.softmax")
def softmax(c: Call) -> str:
    c.floats()
    return c.g("Softmax", c[0], axis=c.axis(1))
