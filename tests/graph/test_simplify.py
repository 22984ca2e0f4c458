"""Nodes that do nothing go; one that only looks as if it did nothing stays."""

from __future__ import annotations

import onnx_ir as ir

from mobilecat.graph.passes.simplify import drop_no_ops


def ops_after(body: str, signature: str = "(float[3,5] x) => (float[3,5] y)") -> list[str]:
    return [n.op_type for n in simplified(body, signature)]


def simplified(body: str, signature: str) -> list[ir.Node]:
    text = f'<ir_version: 10, opset_import: ["" : 18]> g {signature} {{ {body} }}'
    model = ir.from_onnx_text(text)
    from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

    ShapeInferencePass()(model)
    drop_no_ops(model)
    RemoveUnusedNodesPass()(model)
    return list(model.graph)


def test_a_cast_to_another_type_cuts_digits_off_and_stays() -> None:
    body = "i = Cast<to=6>(x)  f = Cast<to=1>(i)  y = Relu(f)"  # 6: int32, 1: float
    assert ops_after(body) == ["Cast", "Cast", "Relu"]


def test_a_cast_to_its_own_type_goes() -> None:
    assert ops_after("f = Cast<to=1>(x)  y = Relu(f)") == ["Relu"]


def test_identity_goes_but_not_an_outputs_name() -> None:
    assert ops_after("a = Identity(x)  y = Relu(a)") == ["Relu"]
    assert ops_after("a = Relu(x)  y = Identity(a)") == ["Relu", "Identity"]


def test_a_dropout_whose_mask_is_read_stays() -> None:
    both = "(float[3,5] x) => (float[3,5] y, bool[3,5] n)"
    body = "d, m = Dropout(x)  y = Relu(d)  n = Not(m)"
    dropout, relu, _ = simplified(body, both)
    assert dropout.op_type == "Dropout" and relu.inputs[0] is dropout.outputs[0]
    assert ops_after("d, m = Dropout(x)  y = Relu(d)") == ["Relu"]
