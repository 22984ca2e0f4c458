"""Other tools' messages in our words: the fact and the place, none of their flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import MobileCatError
from mobilecat.foreign import (
    facts,
    problem_from_coremltools,
    problem_from_litert,
    problem_from_onnx,
    problem_from_onnxruntime,
    problem_from_tf2onnx,
)
from mobilecat.formats.onnx.ort import OrtModel


def test_tf2onnx_keeps_its_flags_to_itself() -> None:
    problem = problem_from_tf2onnx(
        "make_sure failure: non-const default value for PlaceholderWithDefault node 'p' is not "
        "supported. Use the --use_default or --ignore_default flags to convert this node."
    )
    assert problem.what == (
        "tf2onnx: non-const default value for PlaceholderWithDefault node 'p' is not supported"
    )
    assert "import.outputs" in problem.fix


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (
            "Requested the deserialization of a `Lambda` layer. You can override it by passing "
            "`safe_mode=False`.",
            "Requested the deserialization of a `Lambda` layer",
        ),
        (
            "Unknown layer: 'Mine'. Please ensure you are using a `keras.utils.custom_object_scope`"
            " and that this object is included in the scope. See https://keras.io/x for details.",
            "Unknown layer: 'Mine'",
        ),
        ("Use --verbose to see more.", "Use --verbose to see more"),  # better than nothing at all
        ("An operator is used by two nodes.", "An operator is used by two nodes"),
    ],
)
def test_advice_of_others_is_left_out(text: str, fact: str) -> None:
    assert facts(text) == fact


def test_litert_names_the_operator() -> None:
    error = RuntimeError(
        "Type 'INT64' is not supported by floor_div.Node number 2 (FLOOR_DIV) failed to prepare."
    )
    problem = problem_from_litert(error, "m.tflite")
    assert problem.what == "LiteRT: Type 'INT64' is not supported by floor_div"
    assert problem.where == "m.tflite: operator 2, FLOOR_DIV"


def test_coremltools_says_its_first_line() -> None:
    error = ValueError('\nop "prelu" got a bad shape.\nTry minimum_deployment_target=None.')
    problem = problem_from_coremltools(error, "PRelu 'p'")
    assert problem.what == 'coremltools refuses it: op "prelu" got a bad shape'


def test_onnx_names_node_and_reason() -> None:
    text = "(op_type:Conv, node name: c1): [ShapeInferenceError] W has inconsistent type"
    problem = problem_from_onnx(text)
    assert (problem.what, problem.where) == ("W has inconsistent type", "Conv 'c1'")


def broken(op: str, constant: np.ndarray, **attributes: object) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "s"], ["y"], "n1", **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(constant, "s")],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize(
    ("op", "constant", "says"),
    [
        ("Reshape", np.array([7, 11]), "The input tensor cannot be reshaped"),
        ("Gather", np.array([99]), "indices element out of data bounds"),
    ],
)
def test_onnxruntime_names_the_node_without_its_own_code(
    op: str, constant: np.ndarray, says: str
) -> None:
    with pytest.raises(MobileCatError) as caught:
        OrtModel(broken(op, constant)).run({"x": np.zeros((1, 3), np.float32)})
    (problem,) = caught.value.problems
    assert says in problem.what and problem.where == f"{op} 'n1'"
    assert not any(w in problem.what for w in ("/onnxruntime_src", ".h:", ".cc:", "Status"))


def test_an_odd_op_is_named() -> None:
    text = (
        '[ONNXRuntimeError] : 10 : INVALID_GRAPH : This is an invalid model. In Node, ("q", Nope, '
        '"", -1) : ("x": tensor(float),) -> ("y",) , Error No Op registered for Nope'
    )
    assert problem_from_onnxruntime(text).where == "Nope 'q'"


def test_a_failed_inference_is_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """onnx_ir logs one where a sequence is indexed by what only the input says."""
    from mobilecat.formats.onnx.read import import_onnx

    nodes = [
        helper.make_node("SplitToSequence", ["x", "n"], ["s"], "split", axis=1),
        helper.make_node("SequenceAt", ["s", "i"], ["y"], "at"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]),
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(2), "n")],
    )
    opsets = [helper.make_opsetid("", 18)]
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    import_onnx(path)
    assert "Traceback" not in capfd.readouterr().err and not caplog.records
