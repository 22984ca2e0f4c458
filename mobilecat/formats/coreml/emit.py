"""The frozen graph as a Core ML artifact: a program, a NeuralNetwork, or a Vision pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx_ir as ir

from mobilecat.bake import Baked
from mobilecat.bake.endings import CONFIDENCE, COORDINATES, PROBABILITIES, Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.coreml.classifier import write_classifier
from mobilecat.formats.coreml.lower import gaps
from mobilecat.formats.coreml.recipe import Measure
from mobilecat.formats.coreml.target import CoreMLTarget
from mobilecat.formats.coreml.vision import write_vision_pipeline
from mobilecat.formats.coreml.write import CoreMLArtifact, ImageInput, write_coreml
from mobilecat.spec import Spec


def variant(target: CoreMLTarget, plain: Baked, spec: Spec) -> tuple[Form, Ending]:
    return "planar", target.contract


def require(target: CoreMLTarget, baked: Baked) -> None:
    gaps.require(baked.model, target.format, baked.image)


def emit(
    target: CoreMLTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> Emitted:
    made = _written(target, baked, spec, path, taps)
    image = "pixels" if baked.image else None
    # A label and a dictionary have no element type to differ in.
    dtypes: dict[str, str] | None = {} if target.contract == "classifier" else None
    return Emitted(
        made.inputs, made.outputs, made.taps, image, dtypes, made.lints, ranges=made.ranges
    )


def _measure(baked: Baked) -> Measure | None:
    """Return what measures a graph's values on the calibration's pictures; None without them.

    The picture itself is bytes, whatever pictures there are.
    """
    calibration, image = baked.calibration, baked.image
    if calibration is None:
        return None

    def measure(model: ir.Model) -> Mapping[str, tuple[float, float]]:
        found = {n: (s.range.low, s.range.high) for n, s in calibration.ranges(model).items()}
        return found | ({image: (0.0, 255.0)} if image else {})

    return measure


def _written(
    target: CoreMLTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> CoreMLArtifact:
    image = None
    if baked.image and spec.input:
        image = ImageInput(baked.image, spec.input.color)
    common: dict[str, Any] = {
        "format": target.format,
        "precision": target.precision,
        "deployment_target": target.deployment_target,
        "image": image,
        "taps": taps,
        "labels": spec.labels,
        "metadata": {"mobilecat": version("mobilecat"), "name": spec.name},
        "float32_names": baked.exact_nodes,
        "recipe": target.recipe,
        "calibration": _measure(baked),
    }
    if target.contract == "classifier":
        return write_classifier(baked.model, path, probabilities=PROBABILITIES, **common)
    if target.contract != "vision":
        return write_coreml(baked.model, path, **common)
    nms = spec.effective_nms
    assert nms is not None
    return write_vision_pipeline(
        baked.model,
        path,
        confidence=CONFIDENCE,
        coordinates=COORDINATES,
        iou_threshold=nms.iou_threshold,
        score_threshold=nms.score_threshold,
        # At an IoU of 1 nothing goes; and where two rows are one box, their classes differ.
        per_class=nms.per_class or nms.selection != "nms",
        max_detections=nms.max_detections,
        pad_classes=target.pad_classes,
        **common,
    )
