"""What folds into what: operators counted, and values held against onnxruntime in test_ops."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.formats.tflite.program import RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Op
from mobilecat.formats.tflite.write import program_from_graph
from tests.formats.tflite.lower.engines import assert_lowers, drawn, graph

_W = {"w": drawn("w", (4, 3, 3, 3))}
_IN = "(float[1,5,7,3] i) => (float[1,5,7,4] y) { x = Transpose<perm=[0,3,1,2]>(i) "
_OUT = " y = Transpose<perm=[0,2,3,1]>(z) }"
_CONV = "c = Conv<pads=[1,1,1,1]>(x, w) "


def _ops(body: str, **constants: np.ndarray) -> list[Op]:
    model = graph(_IN + body + _OUT, **_W, **constants)
    assert_lowers(model)
    return program_from_graph(model).ops


def _scalar(value: float) -> np.ndarray:
    return np.asarray(value, np.float32)


@pytest.mark.parametrize(
    ("tail", "constants", "kind"),
    [
        ("z = Relu(c)", {}, RELU),
        ("z = Clip(c, a, b)", {"a": _scalar(0), "b": _scalar(6)}, RELU6),
        ("z = Clip(c, a, b)", {"a": _scalar(-1), "b": _scalar(1)}, RELU_N1_TO_1),
        ("n = BatchNormalization(c, s, t, m, v)  z = Relu(n)",
         {k: np.exp(drawn(k, (4,))) for k in "stmv"}, RELU),
        ("d = Mul(c, a)  e = Add(d, b)  z = Relu(e)",
         {"a": drawn("a", (4, 1, 1)), "b": drawn("b", (1, 4, 1, 1))}, RELU),
        ("d = Sub(c, a)  e = Div(d, b)  z = Relu(e)",
         {"a": drawn("a", (4, 1, 1)), "b": _scalar(0.3)}, RELU),
    ],
)  # fmt: skip
def test_one_convolution_is_left(tail: str, constants: dict[str, np.ndarray], kind: int) -> None:
    (op,) = _ops(_CONV + tail, **constants)
    assert op.code == "CONV_2D"
    assert op.options["padding"] == SAME
    assert op.options["fusedActivationFunction"] == kind


@pytest.mark.parametrize(
    ("body", "constants", "codes"),
    [
        # Two readers: the value before the activation is needed as well.
        (_CONV + "r = Relu(c)  z = Add(r, c)", {}, ["CONV_2D", "RELU", "ADD"]),
        # What comes after an activation stays after it.
        (_CONV + "r = Relu(c)  z = Mul(r, a)", {"a": _scalar(2)}, ["CONV_2D", "MUL"]),
        # A factor for each pixel is none for each channel.
        (_CONV + "z = Mul(c, a)", {"a": drawn("a", (5, 7))}, ["CONV_2D", "MUL"]),
        # Dividing by 0 gives infinities; weights of infinity would give NaN.
        (_CONV + "d = Div(c, a)  z = Clip(d, l, h)",
         {"a": _scalar(0), "l": _scalar(-2), "h": _scalar(3)},
         ["CONV_2D", "DIV", "MAXIMUM", "MINIMUM"]),
        (_CONV + "r = Add(c, c)  z = Relu(r)", {}, ["CONV_2D", "ADD"]),
        (_CONV + "z = LeakyRelu(c)", {}, ["CONV_2D", "LEAKY_RELU"]),
        ("p = Pad(x, q)  z = Conv(p, w)", {"q": np.array([0, 0, 1, 1, 0, 0, 1, 1])}, ["CONV_2D"]),
        ("p = Pad(x, q)  z = Conv<dilations=[2,1]>(p, w)",
         {"q": np.array([0, 0, 3, 1, 0, 0, 1, 1])}, ["PAD", "CONV_2D"]),
        ("p = Pad(x, q, v)  z = Conv(p, w)",
         {"q": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "v": _scalar(1)}, ["PADV2", "CONV_2D"]),
    ],
)  # fmt: skip
def test_what_is_left(body: str, constants: dict[str, np.ndarray], codes: list[str]) -> None:
    assert [op.code for op in _ops(body, **constants)] == codes


def test_a_graph_output_is_not_folded_away() -> None:
    model = graph(
        "(float[1,5,7,3] i) => (float[1,4,5,7] c, float[1,4,5,7] y)"
        " { x = Transpose<perm=[0,3,1,2]>(i) " + _CONV + " y = Relu(c) }",
        **_W,
    )
    assert_lowers(model)
    codes = [op.code for op in program_from_graph(model).ops]
    assert sorted(codes) == ["CONV_2D", "RELU", "TRANSPOSE", "TRANSPOSE"]


@pytest.mark.parametrize(
    ("size", "stride", "pads", "padding"),
    [
        (6, 2, (0, 1), SAME),  # TensorFlow's: out 3, total (3−1)·2+3−6 = 1, all of it behind
        (6, 2, (1, 1), VALID),  # PyTorch's: one in front, and the last row is never read
        (7, 2, (1, 1), SAME),  # out 4, total (4−1)·2+3−7 = 2
        (6, 1, (1, 1), SAME),
        (6, 1, (2, 0), VALID),
        (7, 1, (0, 2), VALID),
    ],
)
def test_same_exactly_where_tflite_pads_so(
    size: int, stride: int, pads: tuple[int, int], padding: int
) -> None:
    out = (size + sum(pads) - 3) // stride + 1
    model = graph(
        f"(float[1,2,{size},5] x) => (float[1,4,{out},5] y) {{ y = Conv<strides=[{stride},1],"
        f" pads=[{pads[0]},1,{pads[1]},1]>(x, w) }}",
        w=drawn("w", (4, 2, 3, 3)),
    )
    assert_lowers(model)
    ops = {op.code: op for op in program_from_graph(model).ops}
    assert ops["CONV_2D"].options["padding"] == padding
    assert ("PAD" in ops) == (padding == VALID)


_PART = "p{i} = Slice(x, a{i}, z, axes, two)  "
_FOCUS = "(float[2,3,8,6] x) => ({out}) {{ {parts} f = Concat<axis=1>(p0, p1, p2, p3) {tail} }}"


def _focus(places: list[tuple[int, int]], tail: str, out: str) -> ir.Model:
    parts = " ".join(_PART.format(i=i) for i in range(4))
    starts = {f"a{i}": np.array(place, np.int64) for i, place in enumerate(places)}
    return graph(
        _FOCUS.format(out=out, parts=parts, tail=tail),
        z=np.array([99, 99], np.int64),
        axes=np.array([2, 3], np.int64),
        two=np.array([2, 2], np.int64),
        w=drawn("w", (5, 12, 3, 1)),
        **starts,
    )


_ORDER = [(0, 0), (1, 0), (0, 1), (1, 1)]  # YOLOX's
_STEM = "y = Conv<pads=[1,0,1,0], strides=[{s},1]>(f, w)"


@pytest.mark.parametrize(
    ("places", "stride", "rows", "folded"),
    [
        (_ORDER, 1, 4, True),
        (_ORDER, 2, 2, True),
        ([(1, 1), (0, 0), (1, 0), (0, 1)], 1, 4, True),
        ([(0, 0), (0, 0), (0, 1), (1, 1)], 1, 4, False),  # a place twice, another never
    ],
)
def test_focus(places: list[tuple[int, int]], stride: int, rows: int, folded: bool) -> None:
    model = _focus(places, _STEM.format(s=stride), f"float[2,5,{rows},3] y")
    assert_lowers(model)
    codes = [op.code for op in program_from_graph(model).ops]
    assert ("STRIDED_SLICE" not in codes) == folded
    assert ("CONCATENATION" not in codes) == folded


def test_focus_with_another_reader_stays() -> None:
    model = _focus(
        _ORDER, _STEM.format(s=1) + " u = Relu(f)", "float[2,5,4,3] y, float[2,12,4,3] u"
    )
    assert_lowers(model)
    codes = [op.code for op in program_from_graph(model).ops]
    assert codes.count("CONCATENATION") == 1
