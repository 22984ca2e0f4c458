"""Core ML files: .mlmodel and .mlpackage, with the stages of a pipeline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mobilecat.disk import size_of
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.coreml.lints import lints
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.proto import feature_types_pb2

_KINDS = {
    "mlProgram": "ML Program",
    "neuralNetwork": "NeuralNetwork",
    "neuralNetworkClassifier": "NeuralNetwork classifier",
    "neuralNetworkRegressor": "NeuralNetwork regressor",
    "pipeline": "Pipeline",
    "pipelineClassifier": "Pipeline classifier",
    "nonMaximumSuppression": "NonMaximumSuppression",
}


def inspect_model(path: Path, kind: str = "") -> Inspection:
    package = read_package(path)
    found = lints(package.spec, package.model_dir)
    return _inspect(package.spec, str(path), size_of(path), found)


def _inspect(spec: Any, name: str, size: int, lints: tuple[str, ...] = ()) -> Inspection:
    kind = spec.WhichOneof("Type")
    ops: Counter[str] = Counter()
    parts: list[Inspection] = []
    parameters = 0
    if kind == "mlProgram":
        for function in spec.mlProgram.functions.values():
            for block in function.block_specializations.values():
                parameters += _count_block(block, ops)
    elif kind.startswith("neuralNetwork"):
        network = getattr(spec, kind)
        ops.update(layer.WhichOneof("layer") for layer in network.layers)
        parameters = sum(_floats(layer) for layer in network.layers)
    elif kind.startswith("pipeline"):
        pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
        names = list(pipeline.names) + ["stage"] * len(pipeline.models)
        parts = [
            _inspect(m, f"{name} › {n}", m.ByteSize())
            for m, n in zip(pipeline.models, names, strict=False)
        ]
    about = spec.description.metadata
    metadata = {
        "specification": str(spec.specificationVersion),
        "description": about.shortDescription,
        "author": about.author,
        **dict(sorted(about.userDefined.items())),
    }
    return Inspection(
        file=name,
        format=f"Core ML {_KINDS.get(kind, kind)}",
        bytes=size,
        inputs=tuple(_port(f) for f in spec.description.input),
        outputs=tuple(_port(f) for f in spec.description.output),
        ops=dict(ops.most_common()),
        parameters=parameters,
        metadata={k: v for k, v in metadata.items() if v},
        parts=tuple(parts),
        lints=lints,
    )


def _count_block(block: Any, ops: Counter[str]) -> int:
    """Count the block's ops into `ops`, constants apart; return how many weights it names."""
    parameters = 0
    for op in block.operations:
        if op.type != "const":
            ops[op.type] += 1
        for inner in op.blocks:
            parameters += _count_block(inner, ops)
        if "val" in op.attributes:
            kind = op.attributes["val"].type.tensorType
            count = 1
            for d in kind.dimensions:
                count *= int(d.constant.size)
            parameters += count if count > 1 else 0
    return parameters


def _floats(message: Any) -> int:
    """Return how many weights a layer holds: every WeightParams below it."""
    total = 0
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        values = value if field.is_repeated else [value]
        for v in values:
            if field.message_type.name == "WeightParams":
                total += len(v.floatValue) or len(v.float16Value) // 2 or len(v.rawValue)
            elif hasattr(v, "ListFields"):
                total += _floats(v)
    return total


def _port(feature: Any) -> Port:
    types = feature_types_pb2()
    kind = feature.type.WhichOneof("Type")
    optional = "optional" if feature.type.isOptional else ""
    if kind == "imageType":
        image = feature.type.imageType
        color = types.ImageFeatureType.ColorSpace.Name(image.colorSpace)
        details = ", ".join(d for d in (f"{color} {image.width}×{image.height}", optional) if d)
        return Port(feature.name, "image", (image.height, image.width), details)
    if kind == "multiArrayType":
        array = feature.type.multiArrayType
        dtype = types.ArrayFeatureType.ArrayDataType.Name(array.dataType).lower()
        flexible = array.WhichOneof("ShapeFlexibility") or ""
        details = ", ".join(d for d in (flexible, optional) if d)
        dtype = {"double": "float64"}.get(dtype, dtype)
        return Port(feature.name, dtype, tuple(array.shape) or None, details)
    return Port(feature.name, (kind or "?").removesuffix("Type"), None, optional)
