"""Small .tflite files of single operators: those that our own emitter never writes, and forms of
others that it never uses. Each alone, and behind a convolution, where channels come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.program import Program, Tensor, constant
from tests.formats.tflite.lower.engines import Array, drawn


@dataclass(frozen=True)
class Made:
    """One operator on `x`, with constants before and behind it.

    shape, dtype: of x. outs: shape and type of each output. before, behind: constants, None where
    an input is left out. options: of the operator. conv: whether it is tried behind a convolution.
    """

    code: str
    shape: tuple[int, ...]
    outs: Sequence[tuple[tuple[int, ...], str]]
    behind: Sequence[Array | None] = ()
    before: Sequence[Array | None] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    name: str = ""
    conv: bool = True

    @property
    def behind_conv(self) -> bool:
        """Whether it can be tried behind a convolution."""
        return self.conv and self.dtype == "float32" and len(self.shape) == 4

    def __str__(self) -> str:
        return f"{self.code}{'_' if self.name else ''}{self.name}"


def built(case: Made, behind_conv: bool) -> bytes:
    program = Program()
    x = Tensor("x", case.shape, np.dtype(case.dtype))
    program.inputs.append(x)
    if behind_conv:
        c = case.shape[-1]
        weights = constant("w", drawn(f"w{case}", (c, 1, 1, c)))
        y = Tensor("c", case.shape, np.dtype("float32"))
        program.add(
            "CONV_2D", [x, weights, constant("b", drawn("b", (c,)))], [y], padding=1, strideH=1,
            strideW=1, dilationHFactor=1, dilationWFactor=1,
        )  # fmt: skip
        x = y
    sides = [[_given(a, f"{side}{i}") for i, a in enumerate(part)]
             for side, part in (("p", case.before), ("q", case.behind))]  # fmt: skip
    outs = [Tensor(f"y{i}", s, np.dtype(d)) for i, (s, d) in enumerate(case.outs)]
    program.add(case.code, [*sides[0], x, *sides[1]], outs, **case.options)
    program.outputs += outs
    return bytes_from_program(program)


def _given(array: Array | None, name: str) -> Tensor | None:
    return None if array is None else constant(name, array)


def i32(*values: Any) -> Array:
    one = len(values) == 1 and not isinstance(values[0], (int, float))
    return np.array(values[0] if one else values, np.int32)


def _one(value: float, dtype: str = "int32") -> Array:
    return np.array(value, dtype)


_X = (1, 4, 6, 3)
_SAME = [(_X, "float32")]
_W3 = drawn("w3", (1, 1, 3))
_DIVISORS = i32(3, -2, 4, -5, 1)
CASES = (
    *(Made(code, _X, _SAME) for code in
      ("SQUARE", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "ZEROS_LIKE", "L2_NORMALIZATION", "ELU",
       "LOGISTIC", "TANH", "ABS", "NEG", "FLOOR", "CEIL", "ROUND", "SIGN", "HARD_SWISH", "EXP")),
    Made("LEAKY_RELU", _X, _SAME, options={"alpha": 0.2}),
    Made("SQUARED_DIFFERENCE", _X, _SAME, [_W3]),
    Made("FLOOR_DIV", _X, _SAME, [drawn("fd", (3,))]),
    Made("FLOOR_MOD", _X, _SAME, [drawn("fm", (3,))]),
    Made("FLOOR_DIV", (4, 5), [((4, 5), "int32")], [_DIVISORS], dtype="int32",
         name="whole"),
    Made("FLOOR_MOD", (4, 5), [((4, 5), "int32")], [_DIVISORS], dtype="int32",
         name="whole"),
    Made("ADD_N", _X, _SAME, [drawn("an", _X), drawn("am", _X)]),
    Made("PRELU", _X, _SAME, [_W3], name="channels"),
    Made("ADD", _X, _SAME, [drawn("col", (4, 1, 1))], name="rows",
         options={"fusedActivationFunction": 1}),
    Made("MUL", _X, _SAME, [drawn("last", (3,))], name="channels",
         options={"fusedActivationFunction": 3}),
    Made("SUB", _X, _SAME, [_one(1.5, "float32")], name="number",
         options={"fusedActivationFunction": 2}),
    Made("L2_POOL_2D", _X, [((1, 2, 3, 3), "float32")],
         options={"padding": 0, "strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3}),
    *(Made(f"{kind}_POOL_2D", (1, 5, 7, 3), [((1, h, w, 3), "float32")], name=f"{pad}{act}",
           options={"padding": pad, "strideH": 2, "strideW": 2, "filterHeight": 3,
                    "filterWidth": 2, "fusedActivationFunction": act})
      for kind in ("MAX", "AVERAGE") for pad, act, h, w in ((0, 0, 3, 4), (1, 1, 2, 3))),
    *(Made("CONV_2D", (1, 5, 8, 3), [((1, h, w, 4), "float32")],
           [drawn(f"cw{d}", (4, 3, 2, 3)), drawn("cb", (4,))], name=f"{pad}{s}{d}",
           options={"padding": pad, "strideH": s, "strideW": s, "dilationHFactor": d,
                    "dilationWFactor": d, "fusedActivationFunction": 1})
      for pad, s, d, h, w in ((0, 1, 1, 5, 8), (0, 2, 1, 3, 4), (0, 1, 2, 5, 8), (1, 1, 2, 1, 6))),
    *(Made("DEPTHWISE_CONV_2D", (1, 5, 8, 3), [((1, h, w, 6), "float32")],
           [drawn("dw", (1, 3, 2, 6)), drawn("db", (6,))], name=f"{pad}{s}",
           options={"padding": pad, "strideH": s, "strideW": s, "dilationHFactor": 1,
                    "dilationWFactor": 1, "depthMultiplier": 2})
      for pad, s, h, w in ((0, 1, 5, 8), (0, 2, 3, 4), (1, 2, 2, 4))),
    *(Made("TRANSPOSE_CONV", (1, 3, 4, 3), [((1, h, w, 2), "float32")], before=[i32(1, h, w, 2),
           drawn(f"tw{k}", (2, k, k, 3))], name=f"{pad}{k}{h}",
           options={"padding": pad, "strideH": 2, "strideW": 2})
      for pad, k, h, w in ((0, 3, 6, 8), (0, 2, 6, 8), (0, 4, 5, 7), (1, 3, 7, 9), (1, 2, 6, 8))),
    Made("CONV_3D", (1, 3, 4, 5, 2), [((1, 3, 4, 5, 3), "float32")],
         [drawn("w3d", (2, 2, 3, 2, 3)), drawn("b3d", (3,))], conv=False,
         options={"padding": 0, "strideD": 1, "strideH": 1, "strideW": 1, "dilationDFactor": 1,
                  "dilationHFactor": 1, "dilationWFactor": 1}),
    Made("FULLY_CONNECTED", _X, [((12, 5), "float32")], [drawn("fc", (5, 6)), drawn("fb", (5,))],
         name="flattened", options={"fusedActivationFunction": 1}),
    Made("FULLY_CONNECTED", _X, [((1, 4, 6, 5), "float32")], [drawn("fk", (5, 3)), None],
         name="kept", options={"keepNumDims": True}),
    Made("BATCH_MATMUL", (2, 3, 4), [((2, 3, 5), "float32")], [drawn("bm", (2, 5, 4))], conv=False,
         options={"adjX": False, "adjY": True}),
    Made("BATCH_MATMUL", (2, 4, 3), [((2, 3, 5), "float32")], [drawn("bn", (2, 4, 5))], conv=False,
         name="turned", options={"adjX": True, "adjY": False}),
    Made("DEPTH_TO_SPACE", (1, 2, 3, 12), [((1, 4, 6, 3), "float32")], options={"blockSize": 2}),
    Made("SPACE_TO_DEPTH", (1, 4, 6, 3), [((1, 2, 3, 12), "float32")], options={"blockSize": 2}),
    Made("SPACE_TO_BATCH_ND", (1, 4, 5, 3), [((6, 2, 2, 3), "float32")],
         [i32(2, 3), i32([[0, 0], [0, 1]])]),
    Made("BATCH_TO_SPACE_ND", (6, 2, 2, 3), [((1, 3, 5, 3), "float32")],
         [i32(2, 3), i32([[0, 1], [1, 0]])]),
    Made("EXPAND_DIMS", (4, 6), [((4, 1, 6), "float32")], [_one(-2)], conv=False),
    Made("SQUEEZE", (1, 1, 1, 3), [((1, 3), "float32")], 
         options={"squeezeDims": i32(1, 2)}),
    Made("SQUEEZE", (1, 4, 1, 3), [((4, 3), "float32")], name="all"),
    Made("RESHAPE", (1, 1, 1, 6), [((1, 2, 3), "float32")], [i32(1, 2, -1)], name="one place"),
    Made("RESHAPE", (1, 4, 6, 1), [((4, 6), "float32")], [i32(4, 6)], name="one channel"),
    Made("RESHAPE", _X, [((6, 12), "float32")], options={"newShape": i32(6, 12)}, name="option"),
    *(Made("TRANSPOSE", _X, [(tuple(_X[a] for a in p), "float32")], [i32(*p)], name=str(p))
      for p in ((0, 3, 1, 2), (0, 2, 3, 1), (0, 2, 1, 3), (3, 0, 2, 1), (0, 1, 2, 3))),
    Made("CONCATENATION", _X, [((1, 4, 6, 5), "float32")], [drawn("cc", (1, 4, 6, 2))],
         options={"axis": -1}),
    Made("CONCATENATION", _X, [((1, 9, 6, 3), "float32")], [drawn("cr", (1, 5, 6, 3))],
         name="rows", options={"axis": 1}),
    Made("PACK", (4, 3), [((4, 2, 3), "float32")], [drawn("pk", (4, 3))], conv=False,
         options={"axis": 1, "valuesCount": 2}),
    Made("UNPACK", _X, [((1, 4, 6), "float32")] * 3, options={"axis": 3, "num": 3}),
    Made("SPLIT", _X, [((1, 2, 6, 3), "float32")] * 2, before=[_one(1)], options={"numSplits": 2}),
    Made("SPLIT", _X, [((1, 4, 6, 1), "float32")] * 3, before=[_one(3)], name="channels",
         options={"numSplits": 3}),
    Made("SPLIT_V", _X, [((1, 4, 2, 3), "float32"), ((1, 4, 4, 3), "float32")],
         [i32(2, -1), _one(2)], options={"numSplits": 2}),
    Made("SLICE", _X, [((1, 2, 6, 2), "float32")], [i32(0, 1, 0, 1), i32(1, 2, -1, 2)]),
    Made("STRIDED_SLICE", _X, [((1, 2, 6, 3), "float32")],
         [i32(0, 1, 0, 0), i32(1, 4, 6, 3), i32(1, 2, 1, 1)]),
    Made("STRIDED_SLICE", _X, [((1, 4, 6, 3), "float32")], name="back",
         behind=[i32(0, 3, 0, -1), i32(1, 0, 0, -4), i32(1, -1, 1, -1)],
         options={"beginMask": 0, "endMask": 2 | 4}),
    Made("STRIDED_SLICE", _X, [((1, 6, 3), "float32")], name="dropped",
         behind=[i32(0, -1, 0), i32(1, 0, 6), i32(1, 1, 1)], options={"shrinkAxisMask": 2}),
    Made("STRIDED_SLICE", _X, [((1, 4, 6), "float32")], name="one channel",
         behind=[i32(0, 0, 0, 1), i32(0, 0, 0, 2), i32(1, 1, 1, 1)],
         options={"shrinkAxisMask": 8, "beginMask": 7, "endMask": 7}),
    Made("REVERSE_V2", _X, _SAME, [i32(2)], options={}),
    Made("PAD", _X, [((1, 5, 9, 5), "float32")], [i32([[0, 0], [1, 0], [1, 2], [0, 2]])]),
    Made("PADV2", _X, [((1, 5, 6, 3), "float32")],
         [i32([[0, 0], [1, 0], [0, 0], [0, 0]]), _one(-1.5, "float32")]),
    Made("MIRROR_PAD", _X, [((1, 6, 9, 3), "float32")], [i32([[0, 0], [1, 1], [2, 1], [0, 0]])],
         options={"mode": 0}),
    Made("MIRROR_PAD", _X, [((1, 6, 9, 3), "float32")], [i32([[0, 0], [1, 1], [2, 1], [0, 0]])],
         options={"mode": 1}, name="symmetric"),
    Made("TILE", _X, [((1, 8, 6, 3), "float32")], [i32(1, 2, 1, 1)]),
    Made("BROADCAST_TO", (1, 1, 6, 3), [(_X, "float32")], [i32(*_X)]),
    Made("SELECT_V2", _X, _SAME, [drawn("sv", _X)], [drawn("sc", (1, 4, 1, 3), bool)]),
    Made("SELECT", (4, 5), [((4, 5), "float32")], [drawn("sb", (4, 5))],
         [np.array([True, False, False, True])], conv=False),
    *(Made("GATHER", _X, [(out, "float32")], [i32(2, 0)], options={"axis": axis}, name=str(axis))
      for axis, out in ((1, (1, 2, 6, 3)), (3, (1, 4, 6, 2)), (-2, (1, 4, 2, 3)))),
    Made("GATHER", (2, 4, 3), [((2, 2, 3), "float32")], [i32([[2, 0], [3, 1]])], name="batches",
         options={"axis": 1, "batchDims": 1}, conv=False),
    Made("GATHER_ND", (3, 4, 2), [((2, 2), "float32")], [i32([[2, 1], [0, 3]])], conv=False),
    Made("SCATTER_ND", (3, 2), [((4, 2), "float32")], [i32(4, 2)], [i32([[2], [0], [2]])],
         conv=False),
    Made("ONE_HOT", (4,), [((4, 3), "float32")],
         [_one(3), _one(2.0, "float32"), _one(-1, "float32")],
         dtype="int32", options={"axis": -1}, conv=False),
    Made("TOPK_V2", (3, 7), [((3, 4), "float32"), ((3, 4), "int32")], [_one(4)], conv=False),
    *(Made(code, _X, [((1, 4, 6), "int32")], [_one(3)], options={"outputType": 2})
      for code in ("ARG_MAX", "ARG_MIN")),
    Made("CUMSUM", _X, _SAME, [_one(2)], options={"exclusive": True, "reverse": False}),
    *(Made(code, _X, [(out, dtype)], [i32(*axes)], options={"keepDims": keep}, dtype=dtype,
           name=f"{axes}{keep}", conv=dtype == "float32")
      for code, dtype in (("MEAN", "float32"), ("SUM", "float32"), ("REDUCE_MAX", "float32"),
                          ("REDUCE_MIN", "float32"), ("REDUCE_PROD", "float32"),
                          ("REDUCE_ANY", "bool"), ("REDUCE_ALL", "bool"))
      for axes, keep, out in (((1, 2), True, (1, 1, 1, 3)), ((1, 2), False, (1, 3)),
                              ((-1,), False, (1, 4, 6)))),
    *(Made("RESIZE_BILINEAR", _X, [((1, 7, 9, 3), "float32")], [i32(7, 9)], name=f"{a}{h}",
           options={"alignCorners": a, "halfPixelCenters": h})
      for a, h in ((False, False), (True, False), (False, True))),
    *(Made("RESIZE_NEAREST_NEIGHBOR", _X, [((1, 7, 9, 3), "float32")], [i32(7, 9)], name=f"{a}{h}",
           options={"alignCorners": a, "halfPixelCenters": h})
      for a, h in ((False, False), (True, False), (False, True))),
    Made("SOFTMAX", _X, _SAME, options={"beta": 0.5}),
    Made("LOG_SOFTMAX", _X, _SAME),
    Made("LOCAL_RESPONSE_NORMALIZATION", _X, _SAME,
         options={"radius": 2, "bias": 1.0, "alpha": 0.3, "beta": 0.7}),
    Made("EMBEDDING_LOOKUP", (10, 2), [((3, 2), "float32")], before=[i32(7, 0, 7)], conv=False),
    Made("GELU", _X, _SAME, options={"approximate": True}),
    Made("CAST", _X, [(_X, "int32")], options={"inDataType": 0, "outDataType": 2}),
    Made("CAST", _X, [(_X, "bool")], options={"inDataType": 0, "outDataType": 6}, name="bool"),
    Made("SHAPE", _X, [((4,), "int32")], options={"outType": 2}),
    Made("RANK", _X, [((), "int32")]),
    Made("FILL", (), [((2, 3), "float32")], before=[i32(2, 3)], conv=False),
    Made("DYNAMIC_UPDATE_SLICE", (4, 5), [((4, 5), "float32")], [drawn("us", (2, 3)), i32(1, 4)],
         conv=False),
)  # fmt: skip
