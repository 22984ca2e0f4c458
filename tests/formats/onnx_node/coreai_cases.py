"""ONNX's backend node cases through the Core AI target and Apple's interpreter."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.errors import Problem, UnsupportedError
from mobilecat.formats.base.lowering import TAKEN_APART
from tests.formats.coreai.apple import Apple, Refused
from tests.formats.onnx_node.cases import Arrays, NodeRow, run_node_cases


def coreai_rows(step: int = 1) -> list[NodeRow]:
    """Return one row an op of the lowering table."""
    from mobilecat.formats.coreai import LOWERINGS

    with Apple() as apple:
        return run_node_cases(
            lambda model, inputs: compile_and_run(apple, model, inputs),
            [*LOWERINGS, *TAKEN_APART],
            step,
        )


def compile_and_run(apple: Apple, model: ir.Model, inputs: Arrays) -> Arrays:
    """Run the written bytes; where Apple's engine refuses them, or ends, that is a refusal."""
    from mobilecat.formats.coreai import write_coreai

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.aimodel"
        write_coreai(model, path)
        try:
            return apple.run(path, {k: np.asarray(x) for k, x in inputs.items()})
        except Refused as e:
            raise UnsupportedError("Apple's engine", [Problem(f"Apple's engine: {e}")]) from e
