"""Values of six and seven dimensions brought to five, each op against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.graph import shape_of
from mobilecat.graph.passes import freeze
from mobilecat.graph.passes.ranks import within_rank

X = "float[2,3,4,60] x"
SIX = "six = Constant <value_ints = [2, 3, 2, 2, 5, 12]> () s = Reshape (x, six)"
BACK = "back = Constant <value_ints = [2, -1]> ()"
CASES = {
    "slice of two axes": (
        "a = Constant <value_ints = [1, 4]> () b = Constant <value_ints = [3, 11]> () "
        "c = Constant <value_ints = [1, -1]> () d = Constant <value_ints = [1, 3]> () "
        "t = Slice (s, a, b, c, d)"
    ),
    "slice backwards": (
        "a = Constant <value_ints = [4]> () b = Constant <value_ints = [-9]> () "
        "c = Constant <value_ints = [4]> () d = Constant <value_ints = [-2]> () "
        "t = Slice (s, a, b, c, d)"
    ),
    "split": (
        "n = Constant <value_ints = [4, 8]> () u, v = Split <axis = 5> (s, n) "
        "t = Concat <axis = -1> (v, u)"
    ),
    "gather of one": "k = Constant <value_int = 1> () t = Gather <axis = 3> (s, k)",
    "gather of several": "k = Constant <value_ints = [4, 0, 4]> () t = Gather <axis = 4> (s, k)",
    "sum over two axes": "a = Constant <value_ints = [2, 3]> () t = ReduceSum (s, a)",
    "mean over apart axes": (
        "a = Constant <value_ints = [1, 4]> () t = ReduceMean <keepdims = 0> (s, a)"
    ),
    "softmax": "t = Softmax <axis = 4> (s)",
    "concat": "t = Concat <axis = 2> (s, s)",
    "expand": (
        "a = Constant <value_ints = [2, 3, 2, 2, 1, 12]> () b = Constant <value_ints = [0]> () "
        "c = Constant <value_ints = [1]> () e = Constant <value_ints = [4]> () "
        "u = Slice (s, b, c, e) f = Constant <value_ints = [2, 3, 2, 2, 7, 12]> () "
        "t = Expand (u, f)"
    ),
    "seven dimensions at once": (
        "a = Constant <value_ints = [2]> () u = Unsqueeze (s, a) v = Mul (u, u) "
        "t = Transpose <perm = [0, 4, 2, 1, 3, 6, 5]> (v)"
    ),
}


@pytest.mark.parametrize("body", CASES.values(), ids=CASES)
def test_same_values_in_five_dimensions(body: str, tmp_path: Path) -> None:
    text = f"""<ir_version: 8, opset_import: ["" : 18]>
    g ({X}) => (float[a,b] y) {{ {SIX} {body} {BACK} y = Reshape (t, back) }}"""
    proto = onnx.parser.parse_model(text)
    model = freeze(ir.from_proto(proto), "case")
    made = within_rank(model, 5)
    assert made is not model
    sizes = [len(shape_of(v)) for n in made.graph for v in n.outputs]
    assert max(sizes) <= 5
    x = np.random.default_rng(4).normal(0, 1, (2, 3, 4, 60)).astype(np.float32)
    want = OrtModel(proto).run({"x": x})["y"]
    got = OrtModel(ir.to_proto(made)).run({"x": x})["y"]
    np.testing.assert_allclose(got, want, atol=1e-6)
