"""Functions of one value: activations, roots, rounding, casts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.broadcast import in_layout
from mobilecat.formats.tflite.lower.lowering import MOVABLE, NUMBERS, Build, Node, lowers
from mobilecat.formats.tflite.program import Tensor, constant
from mobilecat.graph import Array, const_of, opt_input

_UNARY = {
    "Ceil": "CEIL",
    "Cos": "COS",
    "Exp": "EXP",
    "Floor": "FLOOR",
    "HardSwish": "HARD_SWISH",
    "Log": "LOG",
    "Round": "ROUND",
    "Sigmoid": "LOGISTIC",
    "Sin": "SIN",
    "Sqrt": "SQRT",
    "Tanh": "TANH",
}


def _unary(name: str, code: str) -> None:
    @lowers(name)
    def lower(n: Node) -> None:
        held = n.held()
        n.put(n.build.ew(code, held.tensor), held.perm)


for _name, _code in _UNARY.items():
    _unary(_name, _code)


@lowers("Identity", "Cast", "CastLike", natively=MOVABLE - {"uint64"})
def lower_cast(n: Node) -> None:
    held = n.held()
    n.put(n.build.cast(held.tensor, n.out_dtype()), held.perm)


@lowers("Dropout", natively=MOVABLE, check=lambda node: _dropout_problem(node))
def lower_dropout(n: Node) -> None:
    held = n.held()
    n.put(held.tensor, held.perm)


def _dropout_problem(node: ir.Node) -> str | None:
    training = opt_input(node, 2)
    if training is not None and ((c := const_of(training)) is None or c.any()):
        return "training mode"
    if len(node.outputs) > 1 and node.outputs[1].name:
        return "the mask output belongs to training"
    return None


@lowers("Neg", natively=NUMBERS)
def lower_neg(n: Node) -> None:
    held = n.held()
    n.put(n.build.ew("NEG", held.tensor), held.perm)


@lowers("Abs", natively=NUMBERS)
def lower_abs(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x = held.tensor
    y = ew("ABS", x) if x.dtype != np.int64 else ew("MAXIMUM", x, ew("NEG", x))
    n.put(y, held.perm)


@lowers("Sign", natively=NUMBERS)
def lower_sign(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x = held.tensor
    y = ew("SIGN", x) if x.dtype == np.float32 else ew("MINIMUM", ew("MAXIMUM", x, -1), 1)
    n.put(y, held.perm)


@lowers("Relu", natively=NUMBERS)
def lower_relu(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x = held.tensor
    n.put(ew("RELU", x) if x.dtype == np.float32 else ew("MAXIMUM", x, 0), held.perm)


@lowers("Clip", natively=NUMBERS)
def lower_clip(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x = held.tensor
    bounds = [None if not n.has(i) else n.const(i) for i in (1, 2)]
    if x.dtype == np.float32 and (code := _CLIPS.get(tuple(_scalar(b) for b in bounds))):
        n.put(ew(code, x), held.perm)
        return
    for i, code in ((1, "MAXIMUM"), (2, "MINIMUM")):
        if not n.has(i) or (x.dtype == np.float32 and np.isinf(_scalar(bounds[i - 1]) or 0.0)):
            continue
        x = ew(code, x, in_layout(n.build, n.held(i), held.perm))
    n.put(n.build.ew("ADD", x, 0) if x.data is not None else x, held.perm)


_CLIPS: dict[tuple[float | None, ...], str] = {
    (0.0, None): "RELU",
    (0.0, math.inf): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}


def _scalar(array: Array | None) -> float | None:
    return None if array is None else float(array.reshape(()))


@lowers("LeakyRelu")
def lower_leaky_relu(n: Node) -> None:
    held = n.held()
    alpha = n.attr("alpha", 0.01)
    n.put(n.build.op("LEAKY_RELU", [held.tensor], held.tensor.shape, alpha=alpha), held.perm)


@lowers("ThresholdedRelu")
def lower_thresholded_relu(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x = held.tensor
    above = ew("GREATER", x, n.attr("alpha", 1.0), dtype=np.bool_)
    n.put(_select(n.build, above, x, 0.0), held.perm)


@lowers("Shrink")
def lower_shrink(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    x, bias, lambd = held.tensor, n.attr("bias", 0.0), n.attr("lambd", 0.5)
    low = _select(n.build, ew("LESS", x, -lambd, dtype=np.bool_), ew("ADD", x, bias), 0.0)
    high = ew("GREATER", x, lambd, dtype=np.bool_)
    n.put(_select(n.build, high, ew("SUB", x, bias), low), held.perm)


def _select(build: Build, condition: Tensor, a: Tensor, b: Tensor | float) -> Tensor:
    b = build.tensor(b, a.dtype)
    shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
    return build.op("SELECT_V2", [condition, a, b], shape, a.dtype)


def _elu(build: Build, x: Tensor, alpha: float, gamma: float = 1.0) -> Tensor:
    """gamma·(x where positive, else alpha·(eˣ − 1))."""
    ew = build.ew
    y = ew("ELU", x)
    if alpha != 1.0:
        y = ew("ADD", ew("RELU", x), ew("MUL", ew("MINIMUM", y, 0.0), alpha))
    return y if gamma == 1.0 else ew("MUL", y, gamma)


@lowers("Elu")
def lower_elu(n: Node) -> None:
    held = n.held()
    n.put(_elu(n.build, held.tensor, n.attr("alpha", 1.0)), held.perm)


@lowers("Selu")
def lower_selu(n: Node) -> None:
    held = n.held()
    alpha = n.attr("alpha", 1.67326319217681884765625)
    gamma = n.attr("gamma", 1.05070102214813232421875)
    n.put(_elu(n.build, held.tensor, alpha, gamma), held.perm)


@lowers("Celu")
def lower_celu(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    alpha = n.attr("alpha", 1.0)
    scaled = held.tensor if alpha == 1.0 else ew("MUL", held.tensor, 1.0 / alpha)
    n.put(_elu(n.build, scaled, 1.0, alpha), held.perm)


@lowers("HardSigmoid")
def lower_hard_sigmoid(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    y = ew("ADD", ew("MUL", held.tensor, n.attr("alpha", 0.2)), n.attr("beta", 0.5))
    n.put(ew("MINIMUM", ew("MAXIMUM", y, 0.0), 1.0), held.perm)


@lowers("Swish")
def lower_swish(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    alpha = n.attr("alpha", 1.0)
    x = held.tensor
    gate = ew("LOGISTIC", x if alpha == 1.0 else ew("MUL", x, alpha))
    n.put(ew("MUL", x, gate), held.perm)


@lowers("Softplus")
def lower_softplus(n: Node) -> None:
    """max(x,0) + log(1 + e^−|x|): e^x alone overflows from x = 89 on."""
    held, ew = n.held(), n.build.ew
    x = held.tensor
    small = ew("EXP", ew("NEG", ew("ABS", x)))
    n.put(ew("ADD", ew("RELU", x), ew("LOG", ew("ADD", small, 1.0))), held.perm)


@lowers("Mish")
def lower_mish(n: Node) -> None:
    """x·tanh(log(1+eˣ)) = x·m/(m+2) with m = eˣ(eˣ+2): exact where the logarithm would cancel."""
    held, ew = n.held(), n.build.ew
    x = held.tensor
    e = ew("EXP", ew("MINIMUM", x, 20.0))  # from there on the quotient is 1 in float32
    m = ew("MUL", e, ew("ADD", e, 2.0))
    n.put(ew("MUL", x, ew("DIV", m, ew("ADD", m, 2.0))), held.perm)


@lowers("Softsign")
def lower_softsign(n: Node) -> None:
    held, ew = n.held(), n.build.ew
    n.put(ew("DIV", held.tensor, ew("ADD", ew("ABS", held.tensor), 1.0)), held.perm)


@lowers("Reciprocal")
def lower_reciprocal(n: Node) -> None:
    held = n.held()
    one = n.build.tensor(1.0, held.tensor.dtype)
    n.put(n.build.op("DIV", [one, held.tensor], held.tensor.shape), held.perm)


@lowers("Gelu")
def lower_gelu(n: Node) -> None:
    held = n.held()
    approximate = n.attr("approximate", "none") == "tanh"
    y = n.build.op("GELU", [held.tensor], held.tensor.shape, approximate=approximate)
    n.put(y, held.perm)


# Least-squares fit of erf(x)/x in x² on |x| ≤ 3.9, of our own; in float32 4e-7 at most from erf.
_ERF_TOP = (1.12837915, 0.18966694, 0.052668101, 3.73835141e-3, 2.85062385e-4, 2.06647351e-6)
_ERF_BOTTOM = (1.0, 0.501420731, 0.113819008, 1.49142883e-2, 1.15737755e-3, 3.82700326e-5)


@lowers("Erf")
def lower_erf(n: Node) -> None:
    """TFLite has no erf: x·P(x²)/Q(x²), from |x| = 3.9 on as good as ±1."""
    held, ew = n.held(), n.build.ew
    x = ew("MINIMUM", ew("MAXIMUM", held.tensor, -3.9), 3.9)
    square = ew("MUL", x, x)

    def polynomial(coefficients: tuple[float, ...]) -> Tensor:
        y = ew("ADD", ew("MUL", square, coefficients[-1]), coefficients[-2])
        for c in coefficients[-3::-1]:
            y = ew("ADD", ew("MUL", y, square), c)
        return y

    top, bottom = polynomial(_ERF_TOP), polynomial(_ERF_BOTTOM)
    n.put(ew("DIV", ew("MUL", x, top), bottom), held.perm)


def _arc(build: Build, top: Tensor, bottom: Tensor) -> Tensor:
    return build.ew("ATAN2", top, bottom)


def _cofunction(build: Build, x: Tensor) -> Tensor:
    """√(1 − x²), as √((1 − x)(1 + x)): exact near ±1."""
    ew = build.ew
    one = build.tensor(1.0, np.float32)
    return ew("SQRT", ew("MUL", ew("SUB", one, x), ew("ADD", x, one)))


def _asinh(build: Build, x: Tensor) -> Tensor:
    """sign(x)·log(|x| + √(x² + 1)): for x < 0 the sum alone would cancel."""
    ew = build.ew
    size = ew("ABS", x)
    root = ew("SQRT", ew("ADD", ew("MUL", x, x), 1.0))
    return ew("MUL", ew("SIGN", x), ew("LOG", ew("ADD", size, root)))


def _half_sum(build: Build, x: Tensor, code: str) -> Tensor:
    """(eˣ ± e⁻ˣ)/2."""
    ew = build.ew
    return ew("MUL", ew(code, ew("EXP", x), ew("EXP", ew("NEG", x))), 0.5)


_COMPOSED: dict[str, Callable[[Build, Tensor], Tensor]] = {
    "Acos": lambda b, x: _arc(b, _cofunction(b, x), x),
    "Acosh": lambda b, x: b.ew(
        "LOG", b.ew("ADD", x, b.ew("SQRT", b.ew("SUB", b.ew("MUL", x, x), 1.0)))
    ),
    "Asin": lambda b, x: _arc(b, x, _cofunction(b, x)),
    "Asinh": _asinh,
    "Atan": lambda b, x: _arc(b, x, constant("const", np.ones(x.shape, np.float32))),
    "Atanh": lambda b, x: b.ew(
        "MUL",
        b.ew("LOG", b.ew("DIV", b.ew("ADD", x, 1.0), b.ew("SUB", b.tensor(1.0, np.float32), x))),
        0.5,
    ),
    "Cosh": lambda b, x: _half_sum(b, x, "ADD"),
    "Sinh": lambda b, x: _half_sum(b, x, "SUB"),
    "Tan": lambda b, x: b.ew("DIV", b.ew("SIN", x), b.ew("COS", x)),
}


def _composed(name: str, make: Callable[[Build, Tensor], Tensor]) -> None:
    @lowers(name)
    def lower(n: Node) -> None:
        held = n.held()
        n.put(make(n.build, held.tensor), held.perm)


for _name, _make in _COMPOSED.items():
    _composed(_name, _make)
