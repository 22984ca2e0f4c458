"""Operators that broadcast, over operands of every rank."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import drawn_f, ints, mixed
from tests.formats.tflite.lower.engines import drawn

BROADCAST = [
    mixed("per channel", "y = Mul(c, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed("per row", "y = Add(k, c)", "float[1,4,5,7]", k=drawn_f("k", 5, 1)),
    mixed("per column", "y = Sub(k, c)", "float[1,4,5,7]", k=drawn_f("k", 7)),
    mixed("a plane", "y = Div(c, k)", "float[1,4,5,7]", k=np.exp(drawn_f("k", 5, 7))),
    mixed("a computed plane", "y = Add(z, c)", "float[1,4,5,7]"),
    mixed("a scalar", "y = Sub(k, c)", "float[1,4,5,7]", k=np.float32(2)),
    mixed("one element", "y = Add(c, k)", "float[1,4,5,7]", k=drawn_f("k", 1, 1, 1, 1)),
    mixed("more axes", "y = Add(c, k)", "float[2,1,4,5,7]", k=drawn_f("k", 2, 1, 1, 1, 1)),
    mixed("grown batch", "y = Mul(c, k)", "float[3,4,5,7]", k=drawn_f("k", 3, 1, 5, 1)),
    mixed("twice the same", "y = Mul(c, c)", "float[1,4,5,7]"),
    mixed(
        "with the input",
        "d = Transpose<perm=[0,1,3,2]>(x)  e = ReduceSum<keepdims=1>(d, a)"
        "  f = Transpose<perm=[0,1,3,2]>(e)  y = Add(c, f)",
        "float[1,4,5,7]",
        a=ints(1),
    ),
    mixed("max of three", "y = Max(c, z, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed("min", "y = Min(c, k)", "float[1,4,5,7]", k=drawn_f("k", 7)),
    mixed("sum", "y = Sum(c, z, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed("sum of one", "y = Sum(c)", "float[1,4,5,7]"),
    mixed("mean", "y = Mean(c, z, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed(
        "where", "g = Greater(c, z)  y = Where(g, c, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)
    ),
    mixed(
        "where a constant decides",
        "y = Where(b, c, z)",
        "float[1,4,5,7]",
        b=drawn("b", (4, 1, 7), np.bool_),
    ),
    mixed("less", "y = Less(c, z)", "bool[1,4,5,7]"),
    mixed("less or equal", "y = LessOrEqual(c, c)", "bool[1,4,5,7]"),
    mixed("greater or equal", "y = GreaterOrEqual(z, c)", "bool[1,4,5,7]"),
    mixed("equal", "r = Round(c)  s = Round(z)  y = Equal(r, s)", "bool[1,4,5,7]"),
    mixed(
        "and or xor not",
        "p = Less(c, z)  q = Greater(c, k)  r = And(p, q)  s = Or(p, q)  t = Xor(r, s)  y = Not(t)",
        "bool[1,4,5,7]",
        k=np.float32(0.1),
    ),
    mixed("is nan", "r = Log(c)  y = IsNaN(r)", "bool[1,4,5,7]"),
    mixed("pow", "e = Exp(c)  y = Pow(e, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed("square", "y = Pow(c, k)", "float[1,4,5,7]", k=np.float32(2)),
    mixed("cube", "y = Pow(c, k)", "float[1,4,5,7]", k=drawn_f("k", 1) * 0 + 3),
    mixed("square root", "e = Exp(c)  y = Pow(e, k)", "float[1,4,5,7]", k=np.float32(0.5)),
    mixed(
        "square of few axes",
        "y = Pow(c, k)",
        "float[2,1,4,5,7]",
        k=np.full((2, 1, 1, 1, 1), 2, np.float32),
    ),
    mixed("prelu per channel", "y = PRelu(c, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 1, 1)),
    mixed("prelu of one slope", "y = PRelu(c, k)", "float[1,4,5,7]", k=drawn_f("k", 1)),
    mixed("prelu per element", "y = PRelu(c, k)", "float[1,4,5,7]", k=drawn_f("k", 4, 5, 7)),
    mixed("clip", "y = Clip(c, a, b)", "float[1,4,5,7]", a=np.float32(-0.2), b=np.float32(0.7)),
    mixed("clip to 6", "y = Clip(c, a, b)", "float[1,4,5,7]", a=np.float32(0), b=np.float32(6)),
    mixed("clip above", "y = Clip(c, , b)", "float[1,4,5,7]", b=np.float32(0.1)),
    mixed("clip nothing", "y = Clip(c)", "float[1,4,5,7]"),
    mixed(
        "batch norm",
        "y = BatchNormalization<epsilon=0.01>(c, s, b, m, v)",
        "float[1,4,5,7]",
        s=drawn_f("s", 4),
        b=drawn_f("b", 4),
        m=drawn_f("m", 4),
        v=np.exp(drawn_f("v", 4)),
    ),
    mixed("swish", "y = Swish<alpha=1.5>(c)", "float[1,4,5,7]", opset=24),
    mixed("dropout", "y = Dropout(c)", "float[1,4,5,7]"),
    mixed("fmod", "y = Mod<fmod=1>(c, z)", "float[1,4,5,7]", 13),
]
