"""Functions of one value, after a convolution."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import OpCase, drawn_f


def unary(op: str, attrs: str = "", prefix: str = "", opset: int = 18) -> OpCase:
    """One function of one value, after a convolution, so that it meets NHWC."""
    chain = prefix or "d = Identity(c)"
    text = f"""(float[1,3,5,7] x) => (float[1,4,5,7] y)
        {{ c = Conv<kernel_shape=[1,1]>(x, w)  {chain}  y = {op}{attrs}(d) }}"""
    return OpCase(f"{op}{attrs}", text, {"w": drawn_f("w", 4, 3, 1, 1)}, opset)


UNARY = [
    unary("Abs"),
    unary("Acos", prefix="d = Tanh(c)"),
    unary("Acosh", prefix="e = Abs(c)  d = Add(e, one)"),
    unary("Asin", prefix="d = Tanh(c)"),
    unary("Asinh"),
    unary("Atan"),
    unary("Atanh", prefix="e = Tanh(c)  d = Mul(e, half)"),
    unary("Ceil"),
    unary("Celu", "<alpha=2.5>"),
    unary("Cos"),
    unary("Cosh"),
    unary("Elu"),
    unary("Elu", "<alpha=0.3>"),
    unary("Erf"),
    unary("Exp"),
    unary("Floor"),
    unary("Gelu", opset=20),
    unary("Gelu", '<approximate="tanh">', opset=20),
    unary("HardSigmoid", "<alpha=0.3, beta=0.4>"),
    unary("HardSwish"),
    unary("Identity"),
    unary("IsInf", prefix="e = Relu(c)  d = Log(e)", opset=20),
    unary("LeakyRelu", "<alpha=0.2>"),
    unary("Log", prefix="d = Exp(c)"),
    unary("Mish"),
    unary("Neg"),
    unary("Reciprocal", prefix="d = Exp(c)"),
    unary("Relu"),
    unary("Round"),
    unary("Selu"),
    unary("Shrink", "<lambd=0.4, bias=0.2>"),
    unary("Sigmoid"),
    unary("Sign"),
    unary("Sin"),
    unary("Sinh"),
    unary("Softplus"),
    unary("Softsign"),
    unary("Sqrt", prefix="d = Exp(c)"),
    unary("Tan"),
    unary("Tanh"),
    unary("ThresholdedRelu", "<alpha=0.4>"),
]
_SCALARS = {name: np.float32(v) for name, v in (("one", 1.0), ("half", 0.5))}
UNARY = [
    OpCase(
        c.name,
        c.text.replace("float[1,4,5,7] y", "bool[1,4,5,7] y") if c.name == "IsInf" else c.text,
        {**c.constants, **{k: np.asarray(v) for k, v in _SCALARS.items() if f" {k})" in c.text}},
        c.opset,
    )
    for c in UNARY
]
