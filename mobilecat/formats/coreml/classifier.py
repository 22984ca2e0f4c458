"""Vision's classifier contract: a label and the probability of each, as a dictionary.

Vision turns a model that predicts a class into VNClassificationObservations, best first:
developer.apple.com/documentation/vision/vnclassificationobservation. The labels lie in the file:
https://apple.github.io/coremltools/mlmodel/Format/NeuralNetwork.html (NeuralNetworkClassifier), and
`classify` of an ML Program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from mobilecat.errors import Problem, SpecError
from mobilecat.formats.coreml.convert import describe
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

LABEL, PROBABILITIES = "classLabel", "classLabel_probs"
"""What coremltools calls them, and so what apps know."""


def write_classifier(
    model: ir.Model,
    path: Path,
    *,
    probabilities: str,
    labels: Sequence[str],
    image: ImageInput,
    format: Format = "mlpackage",
    precision: Precision = "float16",
    deployment_target: str | None = None,
    taps: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    float32_names: frozenset[str] = frozenset(),
    recipe: Recipe = PLAIN,
    calibration: Measure | None = None,
) -> CoreMLArtifact:
    """Compile `model`, whose one output is `probabilities` [1,C]; `path` must not exist yet.

    Errors: as `write_coreml`; SpecError where labels are not one a class, or one is there twice.
    """
    require_target(format, deployment_target)
    require_image(model, image)
    _require_labels(model, probabilities, labels)
    gaps.require(model, format, image.name)
    spec, program = compile_spec(
        model,
        path,
        format,
        precision,
        deployment_target,
        taps,
        float32_names,
        labels=labels if format == "mlpackage" else (),
        recipe=recipe,
        calibration=calibration,
    )
    take_image(spec, program, model, image)
    artifact_taps = found_taps(spec, program)
    if format == "mlmodel":
        spec = _as_classifier(spec, program.outputs[probabilities], labels)
    describe(spec, metadata or {}, labels)
    save(spec, path, format)
    return CoreMLArtifact(
        path=path,
        inputs=dict(program.inputs),
        outputs={"class_label": LABEL, "class_probabilities": PROBABILITIES},
        taps=artifact_taps,
        spec_version=spec.specificationVersion,
        lints=program.lints,
        ranges=program.ranges,
    )


def _require_labels(model: ir.Model, probabilities: str, labels: Sequence[str]) -> None:
    shapes = {v.name: shape_of(v) for v in model.graph.outputs}
    count = shapes[probabilities][-1]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    fix = "Vision names what it sees: give the spec one label a class, no two alike"
    if len(labels) != count or twice:
        what = f"{len(labels)} labels for {count} classes"
        what = f"{twice[0]!r} is there twice" if twice else what
        raise SpecError("The labels do not fit the model", [Problem(what, "labels", fix)])


def _as_classifier(spec: Any, blob: str, labels: Sequence[str]) -> Any:
    """Return a NeuralNetwork as the classifier that it is: the same layers, with labels."""
    from coremltools.proto import Model_pb2

    made = Model_pb2.Model(specificationVersion=spec.specificationVersion)
    network, found = made.neuralNetworkClassifier, spec.neuralNetwork
    network.layers.extend(found.layers)
    network.preprocessing.extend(found.preprocessing)
    network.arrayInputShapeMapping = found.arrayInputShapeMapping
    network.imageInputShapeMapping = found.imageInputShapeMapping
    network.stringClassLabels.vector.extend(labels)
    network.labelProbabilityLayerName = blob
    made.description.input.extend(spec.description.input)
    made.description.output.add(name=LABEL).type.stringType.SetInParent()
    table = made.description.output.add(name=PROBABILITIES).type.dictionaryType
    table.stringKeyType.SetInParent()
    made.description.predictedFeatureName = LABEL
    made.description.predictedProbabilitiesName = PROBABILITIES
    return made
