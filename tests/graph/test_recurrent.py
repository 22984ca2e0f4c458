"""LSTM, GRU and RNN step by step, against onnxruntime's own kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import UnsupportedError
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.tflite import tflite_from_graph
from mobilecat.graph.passes import freeze
from mobilecat.graph.passes.recurrent import GATES, without_recurrence

T, B, DEPTH, H = 5, 3, 4, 6
OUTPUTS = {"LSTM": ("Y", "Y_h", "Y_c"), "GRU": ("Y", "Y_h"), "RNN": ("Y", "Y_h")}


def made(
    op: str, directions: int, *, states: bool = True, lengths: list[int] | None = None,
    peepholes: bool = False, weights_given: bool = False, **attributes: Any,
) -> onnx.ModelProto:  # fmt: skip
    rng = np.random.default_rng(3)
    g, d = GATES[op], directions
    arrays = {
        "W": rng.normal(0, 0.5, (d, g * H, DEPTH)),
        "R": rng.normal(0, 0.5, (d, g * H, H)),
        "bias": rng.normal(0, 0.5, (d, 2 * g * H)),
    }
    names = ["x", "W", "R", "bias", "lengths" if lengths else ""]
    names += ["h"] if states else [""]
    names += (["c"] if states else [""]) if op == "LSTM" else []
    if peepholes:
        arrays["P"] = rng.normal(0, 0.5, (d, 3 * H))
        names.append("P")
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in arrays.items()]
    if lengths:
        weights.append(numpy_helper.from_array(np.array(lengths, np.int32), "lengths"))
    given = {"x": [T, B, DEPTH], **({n: [d, B, H] for n in ("h", "c") if n in names})}
    if weights_given:
        given["W"] = [d, g * H, DEPTH]
        weights = [w for w in weights if w.name != "W"]
    node = helper.make_node(op, names, OUTPUTS[op], "cell", hidden_size=H, **attributes)
    if d == 2:
        node.attribute.append(helper.make_attribute("direction", "bidirectional"))
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in given.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in OUTPUTS[op]],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "LSTM": ("LSTM", 1, {}),
    "LSTM both ways": ("LSTM", 2, {}),
    "LSTM from zero": ("LSTM", 2, {"states": False}),
    "LSTM backwards": ("LSTM", 1, {"direction": "reverse"}),
    "LSTM with peepholes": ("LSTM", 2, {"peepholes": True}),
    "LSTM of full lengths": ("LSTM", 1, {"lengths": [T] * B}),
    "LSTM clipped": ("LSTM", 1, {"clip": 0.4}),
    "LSTM of other activations": (
        "LSTM",
        2,
        {
            "activations": ["HardSigmoid", "Relu", "Tanh", "Sigmoid", "Tanh", "Relu"],
            "activation_alpha": [0.3],
            "activation_beta": [0.4],
        },
    ),
    "GRU": ("GRU", 1, {}),
    "GRU both ways": ("GRU", 2, {}),
    "GRU, linear before reset": ("GRU", 2, {"linear_before_reset": 1}),
    "RNN": ("RNN", 2, {}),
    "RNN of Relu": ("RNN", 1, {"activations": ["Relu"]}),
}


@pytest.mark.parametrize(("op", "directions", "more"), CASES.values(), ids=CASES)
def test_step_by_step(op: str, directions: int, more: dict[str, Any]) -> None:
    proto = made(op, directions, **more)
    rng = np.random.default_rng(7)
    feeds = {
        i.name: rng.normal(0, 1, [d.dim_value for d in i.type.tensor_type.shape.dim])
        for i in proto.graph.input
    }
    feeds = {k: v.astype(np.float32) for k, v in feeds.items()}
    apart = without_recurrence(freeze(ir.from_proto(proto), "case"), lambda _: False)
    assert not {n.op_type for n in apart.graph} & set(GATES)
    want, got = OrtModel(proto).run(feeds), OrtModel(ir.to_proto(apart)).run(feeds)
    assert set(got) == set(OUTPUTS[op])
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, atol=2e-6, err_msg=name)


@pytest.mark.parametrize(
    ("proto", "said"),
    [
        (made("LSTM", 1, lengths=[T, T - 1, T]), "sequence_lens: lengths of their own for 3"),
        (made("GRU", 1, weights_given=True), "its weights must be constants"),
        (made("RNN", 1, activations=["Affine"]), "activation 'Affine'; Sigmoid, Tanh"),
    ],
)
def test_what_has_no_form_says_why(proto: onnx.ModelProto, said: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        tflite_from_graph(freeze(ir.from_proto(proto), "case"))
    assert said in str(caught.value)


def test_too_many_steps() -> None:
    proto = made("LSTM", 1, states=False)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2000
    with pytest.raises(UnsupportedError) as caught:
        tflite_from_graph(freeze(ir.from_proto(proto), "case"))
    assert "2000 steps, written one by one, are more than 1024" in str(caught.value)
