"""What goes element by element: arithmetic, comparisons, activations, types."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.formats.tflite.read.op import ELEMENT, Call, Given, Refused, clip, lain, reads
from mobilecat.formats.tflite.read.writer import BOOL, FLOAT

_BINARY = {
    "ADD": "Add",
    "SUB": "Sub",
    "MUL": "Mul",
    "DIV": "Div",
    "MAXIMUM": "Max",
    "MINIMUM": "Min",
    "POW": "Pow",
    "EQUAL": "Equal",
    "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterOrEqual",
    "LOGICAL_AND": "And",
    "LOGICAL_OR": "Or",
    "PRELU": "PRelu",
}
_UNARY = {
    "ABS": "Abs",
    "NEG": "Neg",
    "EXP": "Exp",
    "LOG": "Log",
    "SQRT": "Sqrt",
    "SIN": "Sin",
    "COS": "Cos",
    "CEIL": "Ceil",
    "FLOOR": "Floor",
    "ROUND": "Round",
    "SIGN": "Sign",
    "LOGISTIC": "Sigmoid",
    "TANH": "Tanh",
    "RELU": "Relu",
    "ELU": "Elu",
    "HARD_SWISH": "HardSwish",
    "LOGICAL_NOT": "Not",
}


@reads(*_BINARY)
def read_binary(call: Call) -> Given:
    names, first = call.alike(0, 1)
    return lain(call.activated(call.g.op(_BINARY[call.op.code], *names)), first)


@reads(*_UNARY)
def read_unary(call: Call) -> Given:
    x, first = call.kept()
    return lain(call.g.op(_UNARY[call.op.code], x), first)


@reads("NOT_EQUAL")
def read_not_equal(call: Call) -> Given:
    names, first = call.alike(0, 1)
    return lain(call.g.op("Not", call.g.op("Equal", *names)), first)


@reads("SQUARED_DIFFERENCE")
def read_squared_difference(call: Call) -> Given:
    names, first = call.alike(0, 1)
    d = call.g.op("Sub", *names)
    return lain(call.g.op("Mul", d, d), first)


@reads("SQUARE")
def read_square(call: Call) -> Given:
    x, first = call.kept()
    return lain(call.g.op("Mul", x, x), first)


@reads("RSQRT")
def read_rsqrt(call: Call) -> Given:
    x, first = call.kept()
    return lain(call.g.op("Reciprocal", call.g.op("Sqrt", x)), first)


@reads("ADD_N")
def read_add_n(call: Call) -> Given:
    names, first = call.alike(*range(len(call.op.inputs)))
    total = names[0]
    for name in names[1:]:
        total = call.g.op("Add", total, name)
    return lain(total, first)


@reads("FLOOR_DIV")
def read_floor_div(call: Call) -> Given:
    (a, b), first = call.alike(0, 1)
    if call.tensor(0).dtype.startswith("float") or call.tensor(0).quantised:
        return lain(call.g.op("Floor", call.g.op("Div", a, b)), first)
    # ONNX cuts whole numbers off towards 0; without the remainder nothing is left to cut.
    rest = call.g.op("Mod", a, b)
    return lain(call.g.op("Div", call.g.op("Sub", a, rest), b), first)


@reads("FLOOR_MOD")
def read_floor_mod(call: Call) -> Given:
    (a, b), first = call.alike(0, 1)
    g = call.g
    if not call.tensor(0).dtype.startswith("float"):
        return lain(g.op("Mod", a, b), first)
    rest = g.op("Mod", a, b, fmod=1)  # of the sign of `a`
    zero = np.array(0, np.float32)
    apart = g.op("Xor", g.op("Less", rest, zero), g.op("Less", b, zero))
    moves = g.op("And", apart, g.op("Not", g.op("Equal", rest, zero)))
    return lain(g.op("Where", moves, g.op("Add", rest, b), rest), first)


@reads("ATAN2")
def read_atan2(call: Call) -> Given:
    """Return the angle of (x, y): atan(y / x), half a turn on where x is negative."""
    (y, x), first = call.alike(0, 1)
    g = call.g
    zero, one, pi, half = (np.array(v, np.float32) for v in (0, 1, math.pi, math.pi / 2))
    less_pi, less_half = np.array(-math.pi, np.float32), np.array(-math.pi / 2, np.float32)
    on_axis, left, below = g.op("Equal", x, zero), g.op("Less", x, zero), g.op("Less", y, zero)
    slope = g.op("Atan", g.op("Div", y, g.op("Where", on_axis, one, x)))
    turn = g.op("Where", below, less_pi, pi)
    angle = g.op("Where", left, g.op("Add", slope, turn), slope)
    above = g.op("Where", g.op("Greater", y, zero), half, zero)
    straight = g.op("Where", below, less_half, above)
    return lain(g.op("Where", on_axis, straight, angle), first)


@reads("RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def read_clipped(call: Call) -> Given:
    x, first = call.kept()
    low, high = {"RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1)}[call.op.code]
    return lain(clip(call, x, low, high), first)


@reads("LEAKY_RELU")
def read_leaky(call: Call) -> Given:
    x, first = call.kept()
    return lain(call.g.op("LeakyRelu", x, alpha=float(call.option("alpha", 0.0))), first)


@reads("GELU")
def read_gelu(call: Call) -> Given:
    x, first = call.kept()
    form = "tanh" if call.option("approximate") else "none"
    return lain(call.g.op("Gelu", x, approximate=form), first)


@reads("SELECT", "SELECT_V2")
def read_select(call: Call) -> Given:
    if call.op.code == "SELECT" and call.rank(0) == 1 and call.rank(1) > 1:
        rows = [-1] + [1] * (call.rank(1) - 1)  # one condition for each row
        condition = call.g.op("Reshape", call.x(0), np.array(rows, np.int64))
        return call.g.op("Where", condition, call.x(1), call.x(2))
    names, first = call.alike(0, 1, 2)
    return lain(call.g.op("Where", *names), first)


@reads("BITWISE_XOR")
def read_xor(call: Call) -> Given:
    names, first = call.alike(0, 1)
    op = "Xor" if call.tensor(0).dtype == "bool" else "BitwiseXor"
    return lain(call.g.op(op, *names), first)


@reads("CAST")
def read_cast(call: Call) -> Given:
    x, first = call.kept()
    to = FLOAT if call.out().quantised else ELEMENT[call.out().dtype]
    if call.tensor(0).dtype.startswith("float") and to == BOOL:
        return lain(call.g.op("Not", call.g.op("Equal", x, np.array(0, np.float32))), first)
    return lain(call.g.op("Cast", x, to=to), first)


@reads("DEQUANTIZE", "QUANTIZE")
def read_quantised(call: Call) -> Given:
    """Whole numbers are what they stand for already: half floats become floats, and no more."""
    found = call.const(0)
    if found is not None:
        return found.astype(np.float32)
    x, first = call.kept()
    if call.tensor(0).dtype == "float16":
        return lain(call.g.op("Cast", x, to=FLOAT), first)
    return lain(x, first)


@reads("DENSIFY")
def read_densify(call: Call) -> Given:
    return call.needs(0, "sparse tensor")


@reads("FAKE_QUANT")
def read_fake_quant(call: Call) -> Given:
    x, first = call.kept()
    low, high = float(call.option("min", 0.0)), float(call.option("max", 0.0))
    if not low < high:
        raise Refused(f"a range from {low} to {high}")
    return lain(clip(call, x, low, high), first)


@reads("ZEROS_LIKE")
def read_zeros(call: Call) -> Given:
    x, first = call.kept()
    zero = np.zeros((), "float32" if call.tensor(0).quantised else call.tensor(0).dtype)
    return lain(call.g.op("Expand", zero, call.g.op("Shape", x)), first)
