"""ONNX's backend node cases through the TFLite target and LiteRT."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import TAKEN_APART
from tests.formats.onnx_node.cases import Arrays, NodeRow, run_node_cases


def tflite_rows() -> list[NodeRow]:
    """Return one row an op of the lowering table."""
    from mobilecat.formats.tflite import LOWERINGS

    return run_node_cases(compile_and_run, [*LOWERINGS, *TAKEN_APART])


def compile_and_run(model: ir.Model, inputs: Arrays) -> Arrays:
    from ai_edge_litert.interpreter import Interpreter

    from mobilecat.formats.tflite import tflite_from_graph

    engine = Interpreter(model_content=tflite_from_graph(model), num_threads=1)
    engine.allocate_tensors()
    for detail in engine.get_input_details():
        engine.set_tensor(detail["index"], np.asarray(inputs[detail["name"]]))
    engine.invoke()
    details = engine.get_output_details()
    return {d["name"]: np.asarray(engine.get_tensor(d["index"])) for d in details}
