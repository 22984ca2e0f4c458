"""Types other than float32."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import OpCase, ints
from tests.formats.tflite.lower.engines import Array


def typed(op: str, dtype: str, attrs: str = "", out: str = "") -> OpCase:
    inputs = f"({dtype}[2,3,5] a, {dtype}[3,1] b)"
    text = f"{inputs} => ({out or dtype}[2,3,5] y) {{ y = {op}{attrs}(a, b) }}"
    return OpCase(f"{op} {dtype}", text)


def _held(op: str, dtype: str, tail: str, shape: str, **constants: Array) -> OpCase:
    text = f"({dtype}[2,3,5] a) => ({shape} y) {{ {tail} }}"
    return OpCase(f"{op} {dtype}", text, constants)


TYPES = [
    *(typed("Add", t) for t in ("int32", "int64", "uint8", "int8")),
    *(typed("Sub", t) for t in ("int32", "int64", "uint8")),
    *(typed("Mul", t) for t in ("int32", "int64", "uint8")),
    *(typed("Max", t) for t in ("int32", "int64", "uint8", "int8")),
    *(typed(op, t, out="bool") for op in ("Less", "Equal") for t in ("int32", "int64", "uint8")),
    typed("Equal", "bool", out="bool"),
    _held("Div", "int32", "y = Div(a, k)", "int32[2,3,5]", k=np.array([-3, 2, 4, 5, -2], np.int32)),
    _held("Mod", "int64", "y = Mod(a, k)", "int64[2,3,5]", k=ints(-3, 2, 4, 5, -2)),
    _held(
        "Mod",
        "int32",
        "y = Mod<fmod=1>(a, k)",
        "int32[2,3,5]",
        k=np.array([-3, 2, 4, 5, -2], np.int32),
    ),
    *(
        _held(op, t, f"y = {op}(a)", f"{t}[2,3,5]")
        for op in ("Abs", "Neg", "Sign", "Relu")
        for t in ("int32", "int64")
        if (op, t) != ("Relu", "int64")
    ),
    _held("Clip", "int32", "y = Clip(a, k, l)", "int32[2,3,5]", k=np.int32(-3), l=np.int32(4)),
    *(
        _held(
            f"Cast to {t}",
            "float",
            f"b = Mul(a, k)  y = Cast<to={n}>(b)",
            f"{t}[2,3,5]",
            k=np.float32(40),
        )
        for t, n in (
            ("int32", 6),
            ("int64", 7),
            ("int8", 3),
            ("bool", 9),
            ("float16", 10),
            ("double", 11),
        )
    ),
    *(
        _held("Cast to float", t, "y = Cast<to=1>(a)", "float[2,3,5]")
        for t in ("uint8", "int8", "int32", "int64", "bool", "float16")
    ),
    _held("Cast to uint8", "int32", "y = Cast<to=2>(a)", "uint8[2,3,5]"),
    *(
        _held(
            "moves",
            t,
            "b = Transpose<perm=[2,0,1]>(a)  c = Slice(b, s, e, x)  d = Concat<axis=1>(c, c)"
            "  y = Reshape(d, r)",
            f"{t}[4,3,4]",
            s=ints(1),
            e=ints(5),
            x=ints(0),
            r=ints(4, 3, 4),
        )
        for t in ("uint8", "int8", "int32", "int64", "bool", "float16")
    ),
    *(
        _held(
            "Split",
            t,
            "p, q = Split<axis=2>(a, s)  y = Concat<axis=2>(q, p)",
            f"{t}[2,3,5]",
            s=ints(2, 3),
        )
        for t in ("uint8", "int64", "bool", "float16")
    ),
    _held("ReduceSum", "int32", "y = ReduceSum<keepdims=0>(a, x)", "int32[2,5]", x=ints(1)),
    _held("ReduceSum", "int64", "y = ReduceSum<keepdims=1>(a, x)", "int64[2,1,1]", x=ints(1, -1)),
    _held("ReduceMax", "int8", "y = ReduceMax<keepdims=0>(a, x)", "int8[3]", x=ints(0, 2)),
    _held("CumSum", "int64", "y = CumSum(a, x)", "int64[2,3,5]", x=np.array(1, np.int64)),
    _held("ArgMax", "uint8", "y = ArgMax<axis=1, keepdims=0>(a)", "int64[2,5]"),
    _held("Pow", "int32", "y = Pow(a, k)", "int32[2,3,5]", k=np.int32(3)),
    _held(
        "Where",
        "int64",
        "b = Greater(a, k)  y = Where(b, a, k)",
        "int64[2,3,5]",
        k=ints(1, 2, 3, 4, 0),
    ),
    _held(
        "BitwiseXor",
        "int32",
        "y = BitwiseXor(a, k)",
        "int32[2,3,5]",
        k=np.array([1, -2, 3, 4, 0], np.int32),
    ),
    _held(
        "DequantizeLinear",
        "uint8",
        "y = DequantizeLinear<axis=1>(a, s, z)",
        "float[2,3,5]",
        s=np.float32([0.5, 0.25, 2]),
        z=np.array([3, 0, 128], np.uint8),
    ),
    _held(
        "QuantizeLinear",
        "float",
        "y = QuantizeLinear<axis=2>(a, s, z)",
        "int8[2,3,5]",
        s=np.float32([0.5, 0.01, 2, 0.002, 1]),
        z=np.array([3, 0, -100, 1, 2], np.int8),
    ),
]
