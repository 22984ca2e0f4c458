"""The float constants of a model's file, each in the type in which it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.mil.interpret import walk
from mobilecat.formats.coreml.runtime.mil.program import parse_function
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.values import literal
from mobilecat.formats.coreml.runtime.weights import WeightFiles

Array = npt.NDArray[Any]
_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")


def constants_of(path: Path) -> Iterator[tuple[str, Array]]:
    """Yield name and values of each float constant, in the type in which it is stored."""
    package = read_package(path)
    yield from _constants(package.spec, WeightFiles(package.model_dir), 0)


def _constants(spec: Any, weights: WeightFiles, depth: int) -> Iterator[tuple[str, Array]]:
    kind = spec.WhichOneof("Type")
    if kind in _PIPELINES and depth < 4:
        pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
        for stage in pipeline.models:
            yield from _constants(stage, weights, depth + 1)
    elif kind == "mlProgram":
        for name, proto in spec.mlProgram.functions.items():
            for op in walk(parse_function(name, proto).body):
                at = op.attributes.get("val") if op.type == "const" else None
                value = literal(at.proto, weights, op.name) if at is not None else None
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    yield op.name, value
    elif kind in _NETWORKS:
        for layer in getattr(spec, kind).layers:
            params = getattr(layer, layer.WhichOneof("layer") or "")
            for _, field in params.ListFields():
                if getattr(field, "DESCRIPTOR", None) is None:
                    continue
                if field.DESCRIPTOR.name == "WeightParams" and field.float16Value:
                    yield layer.name, np.frombuffer(field.float16Value, np.float16)
                elif field.DESCRIPTOR.name == "WeightParams" and field.floatValue:
                    yield layer.name, np.asarray(field.floatValue, np.float32)
