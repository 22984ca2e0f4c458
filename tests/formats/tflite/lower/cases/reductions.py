"""Reductions, arg max, softmax, normalisations."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import OpCase, drawn_f, ints, mixed

REDUCTIONS = [
    *(
        mixed(
            f"{op} {axes} {keep}",
            f"y = {op}<keepdims={keep}>(c, a)",
            f"float[{out}]",
            a=ints(*axes),
        )
        for op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum")
        for axes, keep, out in (
            ((2, 3), 1, "1,4,1,1"),
            ((1,), 0, "1,5,7"),
            ((-1,), 0, "1,4,5"),
            ((1, 2), 0, "1,7"),
            ((0, 1, 2, 3), 1, "1,1,1,1"),
        )
    ),
    *(
        mixed(op, f"y = {op}<keepdims=0>(c, a)", "float[1,4,7]", a=ints(2))
        for op in ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceProd")
    ),
    mixed(
        "ReduceLogSum",
        "e = Exp(c)  y = ReduceLogSum<keepdims=1>(e, a)",
        "float[1,1,5,7]",
        a=ints(1),
    ),
    mixed("ReduceLogSumExp kept", "y = ReduceLogSumExp(c, a)", "float[1,1,5,1]", a=ints(1, 3)),
    mixed("ReduceMean of all", "y = ReduceMean<keepdims=0>(c)", "float"),
    mixed("ReduceSum of nothing", "y = ReduceSum<noop_with_empty_axes=1>(c)", "float[1,4,5,7]"),
    *(
        mixed(f"{op} {axis}", f"y = {op}<axis={axis}>(c)", "float[1,4,5,7]")
        for op in ("Softmax", "LogSoftmax", "Hardmax")
        for axis in (1, 2, -1)
    ),
    *(
        mixed(f"{op} {axis}", f"y = {op}<axis={axis}, keepdims=0>(c)", f"int64[{out}]")
        for op in ("ArgMax", "ArgMin")
        for axis, out in ((1, "1,5,7"), (-1, "1,4,5"))
    ),
    mixed(
        "ArgMax last of equals",
        "r = Round(c)  y = ArgMax<axis=1, select_last_index=1>(r)",
        "int64[1,1,5,7]",
    ),
    mixed(
        "CumSum",
        "y = CumSum<exclusive=1, reverse=1>(c, a)",
        "float[1,4,5,7]",
        a=np.array(1, np.int64),
    ),
    mixed("TopK", "y, i = TopK<axis=1>(c, k)", "float[1,2,5,7] y, int64[1,2,5,7] i", k=ints(2)),
    mixed(
        "TopK smallest of equals",
        "r = Round(c)  y, i = TopK<axis=2, largest=0>(r, k)",
        "float[1,4,3,7] y, int64[1,4,3,7] i",
        k=ints(3),
    ),
    OpCase(
        "TopK int32",
        "(int32[3,9] x) => (int32[3,4] y, int64[3,4] i) { y, i = TopK(x, k) }",
        {"k": ints(4)},
    ),
    mixed("GlobalAveragePool", "y = GlobalAveragePool(c)", "float[1,4,1,1]"),
    mixed("GlobalMaxPool", "y = GlobalMaxPool(c)", "float[1,4,1,1]"),
    *(
        mixed(f"GlobalLpPool {p}", f"y = GlobalLpPool<p={p}>(c)", "float[1,4,1,1]")
        for p in (1, 2, 3)
    ),
    mixed(
        "InstanceNormalization",
        "y = InstanceNormalization(c, s, b)",
        "float[1,4,5,7]",
        s=drawn_f("s", 4),
        b=drawn_f("b", 4),
    ),
    mixed(
        "GroupNormalization",
        "y = GroupNormalization<num_groups=2>(c, s, b)",
        "float[1,4,5,7]",
        21,
        s=drawn_f("s", 4),
        b=drawn_f("b", 4),
    ),
    mixed(
        "LayerNormalization",
        "y = LayerNormalization<axis=-2>(c, s, b)",
        "float[1,4,5,7]",
        s=drawn_f("s", 5, 7),
        b=drawn_f("b", 5, 7),
    ),
    mixed(
        "LayerNormalization's moments",
        "y, m, i = LayerNormalization<axis=1>(c, s)",
        "float[1,4,5,7] y, float[1,1,1,1] m, float[1,1,1,1] i",
        s=drawn_f("s", 4, 5, 7),
    ),
    mixed(
        "RMSNormalization",
        "y = RMSNormalization<axis=-1>(c, s)",
        "float[1,4,5,7]",
        23,
        s=drawn_f("s", 7),
    ),
    mixed(
        "MeanVarianceNormalization",
        "y = MeanVarianceNormalization<axes=[0,2,3]>(c)",
        "float[1,4,5,7]",
    ),
    mixed("LpNormalization 2", "y = LpNormalization<axis=1>(c)", "float[1,4,5,7]"),
    mixed("LpNormalization 1", "y = LpNormalization<axis=3, p=1>(c)", "float[1,4,5,7]"),
    mixed("LRN", "y = LRN<size=3, alpha=0.2, beta=0.6, bias=1.5>(c)", "float[1,4,5,7]"),
]
