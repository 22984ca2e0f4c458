"""A whole .tflite of contract `classifier`: network, metadata, labels.

MediaPipe Tasks' image classifier reads one output of a probability each, its labels those of the
output's axis: ai.google.dev/edge/mediapipe/solutions/vision/image_classifier.
"""

from __future__ import annotations

from dataclasses import replace

from mobilecat.bake import Baked
from mobilecat.errors import Problem, SpecError
from mobilecat.formats.tflite.metadata import ModelInfo, classifier_metadata, with_labels
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.read.metadata import BUFFER
from mobilecat.formats.tflite.write import File, file_from_graph
from mobilecat.graph import dtype_of, shape_of
from mobilecat.spec import Spec


def classifier_file(baked: Baked, spec: Spec, recipe: Recipe) -> File:
    """Return the file of a graph baked with the ending `classifier`. Deterministic.

    Errors: SpecError where labels are not one a class.
    """
    image = spec.input
    assert image is not None
    count = shape_of(baked.model.graph.outputs[0])[-1]
    if len(spec.labels) != count:
        what = f"{len(spec.labels)} labels for {count} classes"
        fix = "MediaPipe Tasks names what it sees: give the spec one label a class"
        raise SpecError("The labels do not fit the model", [Problem(what, "labels", fix)])
    description = f"{spec.name}, made by mobilecat"
    taken = next(v for v in baked.model.graph.inputs if v.name == baked.image)
    info = ModelInfo(
        spec.name, description, image.size, image.channels, dtype_of(taken).name, spec.labels
    )
    file = file_from_graph(baked.model, recipe, description, {BUFFER: classifier_metadata(info)})
    return replace(file, packed=with_labels(file.packed, spec.labels))
