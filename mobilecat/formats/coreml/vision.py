"""Vision's object-detector contract: the detector, then the NonMaximumSuppression model.

Vision turns outputs of these names and shapes into VNRecognizedObjectObservations:
https://apple.github.io/coremltools/mlmodel/Format/NonMaximumSuppression.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem, SpecError
from mobilecat.formats.coreml.convert import describe
from mobilecat.formats.coreml.fillers import FILLERS, fillers
from mobilecat.formats.coreml.lower import gaps
from mobilecat.formats.coreml.lower.lowering import Format
from mobilecat.formats.coreml.program import Precision
from mobilecat.formats.coreml.recipe import PLAIN, Measure, Recipe
from mobilecat.formats.coreml.write import (
    CoreMLArtifact,
    ImageInput,
    compile_spec,
    found_taps,
    require_image,
    require_target,
    save,
    take_image,
)
from mobilecat.graph import shape_of
from mobilecat.graph.builder import Builder, infer_shapes

_DETECTOR = "detector"
_DOUBLE, _FLOAT32 = 65600, 65568  # FeatureTypes.proto, ArrayFeatureType.ArrayDataType
_THRESHOLDS = {
    "iouThreshold": "Boxes that overlap a better one by more than this (IoU) are dropped",
    "confidenceThreshold": "Boxes with less confidence than this are dropped",
}
_OUTPUTS = {
    "confidence": "Boxes × class confidence",
    "coordinates": "Boxes × [x, y, width, height] of the centre, relative to the image",
}


def write_vision_pipeline(
    model: ir.Model,
    path: Path,
    *,
    confidence: str,
    coordinates: str,
    labels: Sequence[str],
    image: ImageInput,
    iou_threshold: float,
    score_threshold: float,
    per_class: bool = True,
    max_detections: int | None = None,
    format: Format = "mlpackage",
    precision: Precision = "float16",
    deployment_target: str | None = None,
    taps: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    float32_names: frozenset[str] = frozenset(),
    pad_classes: bool = True,
    recipe: Recipe = PLAIN,
    calibration: Measure | None = None,
) -> CoreMLArtifact:
    """Compile `model` with Core ML's NonMaximumSuppression behind it; `path` must not exist yet.

    confidence, coordinates: the graph's two outputs, [N, C] and [N, 4]; coordinates are centre x,
        centre y, width, height, 0–1 of the model's input with the origin at the top left.
    iou_threshold, score_threshold: defaults; the app may pass its own as optional inputs.
    pad_classes: whether an ML Program's classes are filled up to a multiple of 80 (`fillers`).
    Errors: as `write_coreml`; ModelError where the outputs are not of these shapes.
    """
    require_target(format, deployment_target)
    require_image(model, image)
    _require_outputs(model, confidence, coordinates, labels)
    extra = fillers(labels, format, pad_classes)
    scores = confidence
    if extra:
        model, scores, written = _padded(model, confidence, len(extra))
        # Half precision would round the scores on their way through.
        float32_names |= written
    gaps.require(model, format, image.name)
    spec, program = compile_spec(
        model,
        path,
        format,
        precision,
        deployment_target,
        taps,
        float32_names,
        rename={scores: "raw_confidence", coordinates: "raw_coordinates"},
        recipe=recipe,
        calibration=calibration,
    )
    take_image(spec, program, model, image)
    element = _FLOAT32 if format == "mlpackage" else _DOUBLE
    for feature in spec.description.output:
        feature.type.multiArrayType.dataType = element
    thresholds = {"iouThreshold": iou_threshold, "confidenceThreshold": score_threshold}
    nms = _suppression(spec, thresholds, per_class, max_detections, (*labels, *extra))
    pipeline = _pipeline(spec, nms, spec.specificationVersion)
    about = {FILLERS: str(len(extra))} if extra else {}
    describe(pipeline, {**(metadata or {}), **about}, labels)
    # A pipeline's inner values go by their stage.
    artifact_taps = {t: f"{_DETECTOR}/{v}" for t, v in found_taps(spec, program).items()}
    save(pipeline, path, format)
    return CoreMLArtifact(
        path=path,
        inputs=dict(program.inputs),
        outputs={confidence: "confidence", coordinates: "coordinates"},
        taps=artifact_taps,
        spec_version=pipeline.specificationVersion,
        lints=program.lints,
        ranges=program.ranges,
    )


def _padded(model: ir.Model, confidence: str, count: int) -> tuple[ir.Model, str, frozenset[str]]:
    """Return a copy whose output `confidence` [N, C] has `count` fillers more.

    Behind it: the output's new name, and the names of the nodes that were written.
    """
    copy = model.clone()
    outputs = copy.graph.outputs
    at = next(i for i, v in enumerate(outputs) if v.name == confidence)
    scores, end = outputs[at], Builder(copy, "fillers")
    best = end.op("ReduceMax", "best", scores, np.array([1]), keepdims=1)
    below = end.op("Min", "below", best, np.zeros((1, 1), np.float32))
    rows = end.op("Tile", "rows", below, np.array([1, count]))
    outputs[at] = end.op("Concat", "confidence", scores, rows, axis=1)
    return infer_shapes(copy), "fillers/confidence", frozenset(end.node_names)


def _require_outputs(
    model: ir.Model, confidence: str, coordinates: str, labels: Sequence[str]
) -> None:
    shapes = {v.name: shape_of(v) for v in model.graph.outputs}
    if set(shapes) != {confidence, coordinates}:
        have = f"the graph has {sorted(map(str, shapes))}, not {confidence!r} and {coordinates!r}"
        raise ModelError("The Vision contract takes exactly two outputs", [Problem(have)])
    boxes, classes = shapes[coordinates], shapes[confidence]
    if len(boxes) != 2 or boxes[1:] != (4,) or len(classes) != 2 or classes[0] != boxes[0]:
        raise ModelError(
            "The Vision contract needs confidence [N, C] and coordinates [N, 4]",
            [Problem(f"{confidence!r} is {list(classes)}, {coordinates!r} is {list(boxes)}")],
        )
    if len(labels) != classes[1]:
        raise SpecError(
            "The labels do not fit the model",
            [
                Problem(
                    f"{len(labels)} labels for {classes[1]} classes",
                    "labels",
                    "Vision names what it finds: give the spec one label a class",
                )
            ],
        )


def _suppression(
    detector: Any,
    thresholds: Mapping[str, float],
    per_class: bool,
    max_detections: int | None,
    labels: Sequence[str],
) -> Any:
    """Return the NonMaximumSuppression model that reads the detector's outputs as they are."""
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model(specificationVersion=detector.specificationVersion)
    for feature in detector.description.output:
        spec.description.input.add().CopyFrom(feature)
    _add_thresholds(spec.description)
    for raw in ("raw_confidence", "raw_coordinates"):
        source = next(f for f in detector.description.output if f.name == raw)
        name = raw.removeprefix("raw_")
        feature = spec.description.output.add(name=name, shortDescription=_OUTPUTS[name])
        array = feature.type.multiArrayType
        array.dataType = source.type.multiArrayType.dataType
        upper = -1 if max_detections is None else max_detections
        array.shapeRange.sizeRanges.add(lowerBound=0, upperBound=upper)
        width = source.type.multiArrayType.shape[1]
        array.shapeRange.sizeRanges.add(lowerBound=width, upperBound=width)
    nms = spec.nonMaximumSuppression
    nms.confidenceInputFeatureName = "raw_confidence"
    nms.coordinatesInputFeatureName = "raw_coordinates"
    nms.confidenceOutputFeatureName = "confidence"
    nms.coordinatesOutputFeatureName = "coordinates"
    nms.iouThresholdInputFeatureName = "iouThreshold"
    nms.confidenceThresholdInputFeatureName = "confidenceThreshold"
    nms.iouThreshold = thresholds["iouThreshold"]
    nms.confidenceThreshold = thresholds["confidenceThreshold"]
    nms.pickTop.perClass = per_class
    nms.stringClassLabels.vector.extend(labels)
    return spec


def _add_thresholds(description: Any) -> None:
    for name, text in _THRESHOLDS.items():
        feature = description.input.add(name=name, shortDescription=text)
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = True


def _pipeline(detector: Any, nms: Any, version: int) -> Any:
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model(specificationVersion=version)
    spec.pipeline.models.add().CopyFrom(detector)
    spec.pipeline.models.add().CopyFrom(nms)
    spec.pipeline.names.extend([_DETECTOR, "suppression"])
    for feature in detector.description.input:
        spec.description.input.add().CopyFrom(feature)
    _add_thresholds(spec.description)
    for feature in nms.description.output:
        spec.description.output.add().CopyFrom(feature)
    return spec
