"""The ops of a Core ML file, as `base.operations` has them; a pipeline's models in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.formats.base.operations import Operand, Operation
from mobilecat.formats.coreml.runtime.mil.program import Block, Literal, parse_function
from mobilecat.formats.coreml.runtime.mil.program import Operation as MilOperation
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.values import literal
from mobilecat.formats.coreml.runtime.weights import WeightFiles

_NAMES = {"fp16": "float16", "fp32": "float32", "fp64": "float64", "bf16": "bfloat16"}
_DECOMPRESSED = ("constexpr_",)
FLEXIBLE = "flexible input"
"""An option of every op of a model that takes a range of shapes."""


def operations(path: Path) -> tuple[Operation, ...]:
    """Return what runs, constants apart. A NeuralNetwork has no shapes between its layers."""
    package = read_package(path)
    files = WeightFiles(package.model_dir)
    found: list[Operation] = []
    for spec in _models(package.spec):
        kind = spec.WhichOneof("Type")
        options = {FLEXIBLE: True} if _ranges(spec) else {}
        if kind == "mlProgram":
            functions = spec.mlProgram.functions
            name = "main" if "main" in functions else next(iter(functions), None)
            if name is not None:
                parsed = parse_function(name, functions[name])
                types = {i.name: _operand(i.name, i.type) for i in parsed.inputs}
                found += _program(parsed.body, types, files, options)
        elif kind.startswith("neuralNetwork"):
            layers = getattr(spec, kind).layers
            found += [_layer(layer, options) for layer in layers]
        elif kind == "nonMaximumSuppression":
            found.append(Operation("nonMaximumSuppression", "", (), (), options))
    return tuple(found)


def _models(spec: Any) -> Iterator[Any]:
    kind = spec.WhichOneof("Type")
    if not kind.startswith("pipeline"):
        yield spec
        return
    pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
    for model in pipeline.models:
        yield from _models(model)


def _ranges(spec: Any) -> bool:
    """Return whether an input takes a range of shapes; a list of shapes is no range."""
    types = [feature.type for feature in spec.description.input]
    arrays = (t.multiArrayType.WhichOneof("ShapeFlexibility") == "shapeRange" for t in types)
    images = (t.imageType.WhichOneof("SizeFlexibility") == "imageSizeRange" for t in types)
    return any(arrays) or any(images)


def _operand(name: str, kind: Any, constant: bool = False) -> Operand:
    dtype, shape = kind.dtype, kind.shape
    known = shape is not None and all(isinstance(d, int) and d >= 0 for d in shape)
    return Operand(name, _NAMES.get(dtype, dtype), tuple(shape) if known else None, constant)


def _program(
    block: Block, types: Mapping[str, Operand], files: WeightFiles, options: Mapping[str, Any]
) -> Iterator[Operation]:
    known = dict(types)
    values: dict[str, Any] = {}
    for op in block.operations:
        made = [
            _operand(n, t, op.type == "const" or op.type.startswith(_DECOMPRESSED))
            for n, t in zip(op.outputs, op.types, strict=True)
            if t is not None
        ]
        known.update((o.name, o) for o in made)
        if op.type == "const" or op.type.startswith(_DECOMPRESSED):
            if op.type == "const" and made and made[0].elements <= 16:
                values[op.name] = _small(op.attributes.get("val"), files)
            continue
        for inner in op.blocks:
            yield from _program(inner, known, files, options)
        yield _mil(op, tuple(made), known, values, files, options)


def _small(value: Literal | None, files: WeightFiles) -> Any:
    return None if value is None else np.asarray(literal(value.proto, files)).tolist()


def _mil(
    op: MilOperation,
    made: tuple[Operand, ...],
    known: Mapping[str, Operand],
    values: Mapping[str, Any],
    files: WeightFiles,
    options: Mapping[str, Any],
) -> Operation:
    bound: dict[str, Operand] = {}
    said = dict(options)
    for key, arguments in op.inputs.items():
        for k, argument in enumerate(arguments):
            if isinstance(argument, str):
                if argument in known and not _is_setting(known[argument]):
                    bound[f"{key}{k or ''}"] = known[argument]
                if argument in values:
                    said[key] = values[argument]
            elif argument.proto.WhichOneof("value") == "immediateValue":
                said[key] = _small(argument, files)
    return Operation(
        op.type, op.name, tuple(bound.values()), made, said, _macs(op.type, bound, made)
    )


def _is_setting(operand: Operand) -> bool:
    """Whether it says how the op works, as strides and axes do, and is no value that moves."""
    return operand.constant and not operand.dtype.startswith("float")


def _macs(kind: str, bound: Mapping[str, Operand], made: tuple[Operand, ...]) -> int:
    """Filters are [out, in / groups, rows, columns], a transposed one's [in, out / groups, …]."""
    count = made[0].elements if made else 0
    weight, x, y = bound.get("weight"), bound.get("x"), bound.get("y")
    if kind == "conv" and weight is not None and weight.shape:
        return count * weight.elements // weight.shape[0]
    if kind == "conv_transpose" and weight is not None and weight.shape and x is not None:
        return x.elements * weight.elements // weight.shape[0]
    if kind == "linear" and weight is not None and weight.shape:
        return count * weight.shape[-1]
    if kind == "matmul" and x is not None and y is not None and x.shape:
        return count * x.shape[-1]
    return 0


def _layer(layer: Any, options: Mapping[str, Any]) -> Operation:
    inputs = tuple(Operand(n, "", None) for n in layer.input)
    outputs = tuple(Operand(n, "", None) for n in layer.output)
    kind = layer.WhichOneof("layer")
    said = {**options, "network": True}
    return Operation(kind, layer.output[0] if layer.output else "", inputs, outputs, said)
