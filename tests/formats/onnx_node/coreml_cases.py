"""ONNX's backend node cases through the Core ML target and `mobilecat.runtime`."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import TAKEN_APART
from tests.formats.onnx_node.cases import Arrays, NodeRow, run_node_cases

TARGETS = {"mlpackage": "iOS15", "mlmodel": "iOS14"}


def coreml_rows(format: str, step: int = 1) -> list[NodeRow]:
    """Return one row an op of the lowering table, in float32."""
    from mobilecat.formats.coreml import LOWERINGS

    run = partial(compile_and_run, format=format)
    return run_node_cases(run, [*LOWERINGS, *TAKEN_APART], step)


def compile_and_run(model: ir.Model, inputs: Arrays, format: str = "mlpackage") -> Arrays:
    """Compile, run, and bring the outputs back to the types and ranks that the graph declares."""
    from mobilecat.formats.coreml import runtime, write_coreml

    with tempfile.TemporaryDirectory() as folder:
        artifact = write_coreml(
            model,
            Path(folder) / f"case.{format}",
            format=format,  # type: ignore[arg-type]
            precision="float32",
            deployment_target=TARGETS[format],
        )
        loaded = runtime.load(artifact.path, threads=1)
        got = loaded.predict({artifact.inputs[k]: _given(x) for k, x in inputs.items()})
    return {
        v.name or "": _returned(got[artifact.outputs[v.name or ""]], v) for v in model.graph.outputs
    }


def _given(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    return x.reshape(x.shape or (1,)).astype(np.int32 if x.dtype.kind in "iu" else np.float32)


def _returned(x: np.ndarray, value: ir.Value) -> np.ndarray:
    """Undo what the lints tell: int64 as int32, bool as float32, a scalar as one element."""
    assert value.dtype is not None and value.shape is not None
    dtype = np.dtype(value.dtype.numpy())
    if dtype.kind in "iub" and not np.array_equal(x, np.rint(x)):
        raise AssertionError(f"{value.name} should be whole numbers")
    shape = tuple(int(d) for d in value.shape)
    return (x.reshape(()) if shape == () else x).astype(dtype)
