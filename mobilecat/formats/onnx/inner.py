"""An .onnx artifact's inner values: names and shapes stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.inner import Given, Shapes
from mobilecat.formats.base.runner import artifact_inputs
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import arrays_of, read_light
from mobilecat.graph import Array


def inner_values(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array], shapes: Shapes
) -> dict[str, Given]:
    """Return what the artifact computes, by the graph's names, in the graph's order of axes."""
    return from_onnx(_run(path, record, tensors), shapes)


def from_onnx(found: Mapping[str, Array], shapes: Shapes) -> dict[str, Given]:
    return {n: Given(n, a) for n, a in found.items() if shapes.get(n) == a.shape}


def _run(path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]) -> dict[str, Array]:
    proto, places = read_light(path)
    arrays = arrays_of(proto, places, path)
    feeds = artifact_inputs(tensors, record)
    names = [o for n in proto.graph.node for o in n.output if o]
    found = OrtModel(proto, arrays=arrays).run(feeds, names)
    return {**feeds, **found}
