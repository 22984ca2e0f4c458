"""Small Core ML models for the tests, written with coremltools or straight as protobuf."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.proto import model_pb2

DOUBLE, FLOAT, INT32 = 65600, 65568, 131104

Shape = Sequence[int]


def program(
    path: Path,
    body: Callable[..., Any],
    shapes: dict[str, Shape],
    *,
    target: str = "iOS15",
    half: bool = False,
    **convert: Any,
) -> Path:
    """Write `body` (a function of Vars, through coremltools' builder) as an ML Program."""
    logging.getLogger("coremltools").setLevel(logging.CRITICAL)
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    opset = getattr(ct.target, target)
    specs = [mb.TensorSpec(shape=tuple(s)) for s in shapes.values()]
    names = ", ".join(shapes)
    scope: dict[str, Any] = {"body": body}
    exec(f"def function({names}):\n    return body({names})", scope)
    built = mb.program(input_specs=specs, opset_version=opset)(scope["function"])
    precision = ct.precision.FLOAT16 if half else ct.precision.FLOAT32
    model = ct.convert(
        built,
        convert_to="mlprogram",
        compute_precision=precision,
        minimum_deployment_target=opset,
        skip_model_load=True,
        **convert,
    )
    model.save(str(path))
    return path


def multi_array(feature: Any, name: str, shape: Shape, dtype: int = FLOAT) -> Any:
    """Describe `feature` as a multiarray; return its type for more."""
    feature.name = name
    array = feature.type.multiArrayType
    array.shape.extend(shape)
    array.dataType = dtype
    return array


def model(version: int = 5) -> Any:
    """Return an empty specification."""
    spec = model_pb2().Model()
    spec.specificationVersion = version
    return spec


def network(
    inputs: dict[str, Shape], outputs: dict[str, Shape], *, exact: bool = True, spec: Any = None
) -> Any:
    """Return a NeuralNetwork without layers; `exact`: arrays keep the rank they have."""
    spec = spec if spec is not None else model()
    for name, shape in inputs.items():
        multi_array(spec.description.input.add(), name, shape)
    for name, shape in outputs.items():
        multi_array(spec.description.output.add(), name, shape)
    spec.neuralNetwork.arrayInputShapeMapping = 1 if exact else 0
    return spec


def layer(owner: Any, kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Add a layer of `kind`; return its parameters."""
    made = owner.layers.add()
    made.name = outputs[0] if outputs else kind
    made.input.extend(inputs)
    made.output.extend(outputs)
    getattr(made, kind).SetInParent()
    return getattr(made, kind)


def nms_model(
    rows: int,
    classes: Sequence[str],
    *,
    out_rows: int | tuple[int, int],
    per_class: bool = True,
    iou: float = 0.5,
    confidence: float = 0.25,
    spec: Any = None,
) -> Any:
    """Return a NonMaximumSuppression model; `out_rows` a fixed count, or (least, most, −1: any)."""
    spec = spec if spec is not None else model(4)
    n = len(classes)
    multi_array(spec.description.input.add(), "raw_confidence", (rows, n), DOUBLE)
    multi_array(spec.description.input.add(), "raw_coordinates", (rows, 4), DOUBLE)
    for name in ("iou", "threshold"):
        feature = spec.description.input.add()
        feature.name = name
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = True
    for name, width in (("confidence", n), ("coordinates", 4)):
        if isinstance(out_rows, int):
            multi_array(spec.description.output.add(), name, (out_rows, width), DOUBLE)
            continue
        array = multi_array(spec.description.output.add(), name, (), DOUBLE)
        for low, high in (out_rows, (width, width)):
            size = array.shapeRange.sizeRanges.add()
            size.lowerBound, size.upperBound = low, high
    nms = spec.nonMaximumSuppression
    nms.pickTop.perClass = per_class
    nms.stringClassLabels.vector.extend(classes)
    nms.iouThreshold, nms.confidenceThreshold = iou, confidence
    nms.confidenceInputFeatureName = "raw_confidence"
    nms.coordinatesInputFeatureName = "raw_coordinates"
    nms.iouThresholdInputFeatureName = "iou"
    nms.confidenceThresholdInputFeatureName = "threshold"
    nms.confidenceOutputFeatureName = "confidence"
    nms.coordinatesOutputFeatureName = "coordinates"
    return spec


def save(spec: Any, path: Path) -> Path:
    path.write_bytes(spec.SerializeToString())
    return path


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
