"""Tiny models of one op: a flatbuffer written by hand, a program by coremltools' builder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Sides = tuple[int, ...]
T = tuple[Sides, str] | tuple[Sides, str, bool]
"""shape, type, and whether it is a constant."""


def tflite(
    path: Path, kind: str, inputs: list[T], outputs: list[T], options: Any = None, **settings: Any
) -> Path:
    """Write a model of one op. options: its table in the schema; settings: its fields. A name that
    is no built-in op's is a custom op's."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph, op, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), None
    code = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, kind, schema.BuiltinOperator.CUSTOM)
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
    if number == schema.BuiltinOperator.CUSTOM:
        code.customCode = kind
    model.buffers, graph.tensors = [schema.BufferT()], []
    for k, (shape, dtype, *constant) in enumerate([*inputs, *outputs]):
        tensor = schema.TensorT()
        tensor.name, tensor.shape = f"t{k}", list(shape)
        tensor.type, tensor.buffer = getattr(schema.TensorType, dtype.upper()), 0
        if constant and constant[0]:
            buffer = schema.BufferT()
            buffer.data = np.zeros(max(1, int(np.prod(shape)) * 4), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
    op.inputs, op.outputs = (
        list(range(len(inputs))),
        list(range(len(inputs), len(inputs) + len(outputs))),
    )
    if options is not None:
        op.builtinOptions = options()
        name = type(op.builtinOptions).__name__.removesuffix("T")
        op.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        for key, value in settings.items():
            assert hasattr(op.builtinOptions, key), key
            setattr(op.builtinOptions, key, value)
    graph.inputs = [k for k, t in enumerate(inputs) if len(t) < 3]
    graph.outputs, graph.operators = op.outputs, [op]
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def program(
    path: Path, shape: Sides, body: Callable[[Any, Any], Any], *, half: bool = True
) -> Path:
    """Save an ML Program of one input. half: in float16, inputs and outputs too."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    dtype = types.fp16 if half else types.fp32

    @mb.program(input_specs=[mb.TensorSpec(shape, dtype=dtype)], opset_version=ct.target.iOS17)
    def made(x: Any) -> Any:
        return body(mb, x)

    model = ct.convert(
        made,
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT16 if half else ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS17,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def with_sides(path: Path, of: Path, said: Callable[[Any], None]) -> Path:
    """Save a copy of a program whose input's sides are as `said` writes them."""
    from coremltools.models import MLModel

    model = MLModel(str(of), skip_model_load=True)
    spec = model.get_spec()
    said(spec.description.input[0].type.multiArrayType)
    MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True).save(str(path))
    return path
