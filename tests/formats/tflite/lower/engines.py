"""Graphs written as text, and the two engines that they are held against each other in."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.formats.tflite import tflite_from_graph
from mobilecat.graph.passes import freeze

Array = np.ndarray[Any, Any]
OPSET = 18


def graph(text: str, opset: int = OPSET, **constants: Array) -> ir.Model:
    """Return the frozen graph of ONNX's textual form, `(float[1,3] x) => (float[3] y) { … }`.

    Arrays given by name become initializers.
    """
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> g {text}')
    for name, array in constants.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return freeze(ir.from_proto(proto))


def drawn(name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Return values that depend on `name` only: normal, small integers, or booleans."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    kind = np.dtype(dtype)
    if kind == np.bool_:
        return rng.integers(0, 2, shape).astype(kind)
    if kind.kind in "iu":
        return rng.integers(0 if kind.kind == "u" else -9, 10, shape).astype(kind)
    return rng.standard_normal(shape).astype(kind)


def inputs_of(model: ir.Model, seed: str = "") -> dict[str, Array]:
    return {
        v.name or "": drawn(f"{seed}/{v.name}", tuple(v.shape.numpy()), v.dtype.numpy())  # type: ignore[union-attr]
        for v in model.graph.inputs
    }


def run_ort(model: ir.Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = ir.to_proto(model).SerializeToString()
    session = ort.InferenceSession(data, options, ["CPUExecutionProvider"])
    names = [v.name for v in session.get_outputs()]
    return dict(zip(names, session.run(None, dict(inputs)), strict=True))


def run_lite(data: bytes, inputs: Mapping[str, Array], xnnpack: bool = True) -> dict[str, Array]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    engine = Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=kind)
    engine.allocate_tensors()
    for detail in engine.get_input_details():
        assert tuple(detail["shape"]) == np.shape(inputs[detail["name"]])
        engine.set_tensor(detail["index"], np.asarray(inputs[detail["name"]]))
    engine.invoke()
    return {
        d["name"]: np.asarray(engine.get_tensor(d["index"])) for d in engine.get_output_details()
    }


def assert_agrees(
    have: Mapping[str, Array], want: Mapping[str, Array], relative: float = 1e-4
) -> None:
    """Compare names, shapes, types, then values: integers exactly, floats to the largest."""
    assert set(have) == set(want)
    for name, expected in want.items():
        assert have[name].shape == expected.shape, name
        assert have[name].dtype == expected.dtype, name
        if expected.dtype.kind != "f":
            np.testing.assert_array_equal(have[name], expected, err_msg=name)
            continue
        finite = np.abs(expected[np.isfinite(expected)])
        atol = relative * float(finite.max()) if finite.size else 0.0
        np.testing.assert_allclose(have[name], expected, rtol=0, atol=atol, err_msg=name)


def assert_lowers(model: ir.Model, seed: str = "", relative: float = 1e-4) -> None:
    """Assert that LiteRT, with XNNPACK and without, gives what onnxruntime gives."""
    inputs = inputs_of(model, seed)
    want = run_ort(model, inputs)
    data = tflite_from_graph(model)
    for xnnpack in (True, False):
        assert_agrees(run_lite(data, inputs, xnnpack), want, relative)
