"""One small network through import and every target, against onnxruntime on the file as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import spec_from_model_file

Arrays = Mapping[str, np.ndarray]
EVERY = {"mlpackage", "mlmodel", "tflite", "onnx"}
"""What a bare export makes on any machine; an .aimodel besides where its package is."""


def network(
    nodes: Sequence[onnx.NodeProto], weights: Arrays, inputs: Arrays, opset: int = 18
) -> onnx.ModelProto:
    """Return a model of these inputs with one output, `y`, whose shape it does not state."""

    def info(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )

    graph = helper.make_graph(
        nodes,
        "g",
        [info(n, a) for n, a in inputs.items()],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def right(proto: onnx.ModelProto, inputs: Arrays) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def assert_right_everywhere(
    proto: onnx.ModelProto, inputs: Arrays, tmp_path: Path, formats: set[str] = EVERY
) -> None:
    """Export the network bare, and hold `formats`, no more and no fewer, to onnxruntime."""
    want = right(proto, inputs)
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    done = export(spec_from_model_file(path), tmp_path / "b", leave_out=True)
    bundle = open_bundle(done.folder)
    assert {a.format for a in bundle.artifacts} & EVERY == formats, done.notes
    for lane in lanes_of(bundle):
        if lane.apples or lane.slow:
            continue
        got = open_lane(done.folder, bundle, lane).infer(inputs)
        assert set(got) == set(want), lane.name
        for name, array in want.items():
            assert got[name].shape == array.shape, (lane.name, name)
            scale = max(1.0, float(np.abs(array).max(initial=0.0)))
            np.testing.assert_allclose(
                got[name].astype(np.float64), array, rtol=0, atol=1e-4 * scale, err_msg=lane.name
            )
