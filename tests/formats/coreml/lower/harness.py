"""One op in, one Core ML artifact out, run by `mobilecat.runtime`; onnxruntime is the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from mobilecat.formats.coreml import CoreMLArtifact, write_coreml
from mobilecat.formats.onnx.read import import_onnx

Array = np.ndarray
FORMATS = {"mlpackage": "iOS15", "mlmodel": "iOS14"}
RTOL, ATOL = 1e-5, 1e-5  # float32; the same arithmetic in another order


@dataclass(frozen=True)
class OpCase:
    """One node. `inputs` holds None for what is left out; `constants` lists initializer inputs."""

    op: str
    inputs: Sequence[Array | None]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    constants: frozenset[int] = frozenset()
    outputs: int = 1
    opset: int = 18
    note: str = ""

    def __str__(self) -> str:
        shapes = "×".join("-" if x is None else str(list(x.shape)) for x in self.inputs)
        return f"{self.op}{self.note and ' ' + self.note} {shapes}"


def case(op: str, *inputs: Array | None, const: Sequence[int] = (), **attrs: Any) -> OpCase:
    special = {k: attrs.pop(k) for k in ("outputs", "opset", "note") if k in attrs}
    arrays = [None if x is None else np.asarray(x) for x in inputs]
    return OpCase(op, arrays, attrs, frozenset(const), **special)


def tensor(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Array:
    """Return seeded values, uniform in [low, high)."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def proto_of(c: OpCase) -> onnx.ModelProto:
    names = ["" if x is None else f"in{i}" for i, x in enumerate(c.inputs)]
    out = [f"out{k}" for k in range(c.outputs)]
    node = helper.make_node(c.op, names, out, name="node", **c.attrs)
    given = {n: x for n, x in zip(names, c.inputs, strict=True) if x is not None}
    fixed = {names[i] for i in c.constants if c.inputs[i] is not None}
    graph = helper.make_graph(
        [node],
        "case",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for n, x in given.items()
            if n not in fixed
        ],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in out],
        [numpy_helper.from_array(given[n], n) for n in sorted(fixed)],
    )
    for value in graph.output:
        value.ClearField("type")
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", c.opset)], ir_version=10)


def runtime_inputs(c: OpCase) -> dict[str, Array]:
    return {f"in{i}": x for i, x in enumerate(c.inputs) if x is not None and i not in c.constants}


def reference(proto: onnx.ModelProto, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what onnxruntime makes of it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    results = session.run(names, dict(inputs))
    return {n: np.asarray(x) for n, x in zip(names, results, strict=True)}


def frozen(proto: onnx.ModelProto, results: Mapping[str, Array], tmp_path: Path) -> ir.Model:
    """Import through a file; the outputs are declared as onnxruntime's results are."""
    declared = onnx.ModelProto()
    declared.CopyFrom(proto)
    del declared.graph.output[:]
    for name, x in results.items():
        dtype = helper.np_dtype_to_tensor_dtype(x.dtype)
        declared.graph.output.append(helper.make_tensor_value_info(name, dtype, x.shape))
    path = tmp_path / "case.onnx"
    path.write_bytes(declared.SerializeToString())
    return import_onnx(path)


def at_boundary(x: Array) -> Array:
    """Return `x` as Core ML takes it: int32 or float32, a scalar as one element."""
    x = x.reshape(1) if x.ndim == 0 else x
    return x.astype(np.int32 if x.dtype.kind in "iu" else np.float32)


def compiled(model: ir.Model, tmp_path: Path, format: str, **options: Any) -> CoreMLArtifact:
    options.setdefault("precision", "float32")
    options.setdefault("deployment_target", FORMATS[format])
    return write_coreml(model, tmp_path / f"model.{format}", format=format, **options)


def run_artifact(
    artifact: CoreMLArtifact, inputs: Mapping[str, Array], precision: str | None = None
) -> dict[str, Array]:
    """Return graph output name → what the artifact computes, and the same for its taps."""
    from mobilecat.formats.coreml import runtime

    model = runtime.load(artifact.path, precision=precision, threads=1)
    named = {artifact.inputs[k]: at_boundary(v) for k, v in inputs.items()}
    got = model.predict(named, taps=list(artifact.taps.values()))
    return {k: got[v] for k, v in (artifact.outputs | artifact.taps).items()}


def assert_same(
    got: Array, want: Array, rtol: float = RTOL, atol: float = ATOL, where: str = ""
) -> None:
    want = at_boundary(np.asarray(want))
    assert got.shape == want.shape, where
    np.testing.assert_allclose(got.astype(want.dtype), want, rtol=rtol, atol=atol, err_msg=where)
