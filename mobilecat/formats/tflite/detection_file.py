"""A whole .tflite of contract `detection`: network, operator, metadata, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilecat.bake import Baked, Ending
from mobilecat.formats.tflite.detection import OUTPUTS, after_own_nms, classes_of, with_postprocess
from mobilecat.formats.tflite.metadata import ModelInfo, detector_metadata, with_labels
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.read.metadata import BUFFER
from mobilecat.formats.tflite.write import file_from_graph
from mobilecat.graph import dtype_of
from mobilecat.rows import ROWS
from mobilecat.spec import Spec


def ending_for(plain: Baked, spec: Spec) -> Ending:
    """Return how the graph ends whose tensor contract is `plain`.

    Classes that leave each other alone are suppressed by our own NMS.
    """
    nms = spec.effective_nms
    carried = all(v.name not in ROWS for v in plain.model.graph.outputs)
    if nms is not None and nms.candidates is not None:
        return "tensor"  # the operator knows no such choice
    if carried and nms is not None and nms.per_class and classes_of(plain.model) > 1:
        return "tensor"
    return "detection"  # which says what is wrong with row values


@dataclass(frozen=True)
class DetectionFile:
    """data: the file. outputs: the bundle's names → the file's; dtypes: those of other types.

    ranges, fitted: as `write.File`.
    """

    data: bytes | memoryview
    outputs: dict[str, str]
    dtypes: dict[str, str]
    lints: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    fitted: bool = False


def detection_file(baked: Baked, spec: Spec, recipe: Recipe) -> DetectionFile:
    """Return the file of a graph baked with the ending `ending_for` its classes. Deterministic."""
    nms, image = spec.effective_nms, spec.input
    assert nms is not None and image is not None
    model, anchors = baked.model, baked.anchors
    if anchors is None:
        model, anchors = after_own_nms(baked.model, image.size)
        nms = nms.model_copy(update={"iou_threshold": 1.0})
    description = f"{spec.name}, made by mobilecat"
    taken = next(v for v in baked.model.graph.inputs if v.name == baked.image)
    info = ModelInfo(
        spec.name, description, image.size, image.channels, dtype_of(taken).name, spec.labels
    )
    file = file_from_graph(
        with_postprocess(model, anchors, nms),
        recipe,
        description,
        {BUFFER: detector_metadata(info)},
    )
    return DetectionFile(
        with_labels(file.packed, spec.labels),
        dict(OUTPUTS),
        {"class_ids": "float32", "count": "float32"},
        file.lints,
        file.ranges,
        file.fitted,
    )
