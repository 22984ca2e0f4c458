"""A .aimodel artifact's inner values: a node of the file bears the name of the graph's value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.inner import Given, Shapes
from mobilecat.formats.coreai.apple import ENTRY, run_with_taps
from mobilecat.formats.coreai.read import decode
from mobilecat.formats.coreai.run import Executable, coreai_inputs
from mobilecat.graph import Array


def inner_values(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array], shapes: Shapes
) -> dict[str, Given]:
    """Return what the rebuilt bytes compute in onnxruntime, by the graph's names."""
    model = Executable(decode(path, strict=True))
    wanted = [n for n in model.nodes if n in shapes]
    return matched(model.run(coreai_inputs(tensors, record), wanted), shapes)


def apples_values(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array], shapes: Shapes
) -> dict[str, Given]:
    """Return what Apple's interpreter computes, by the graph's names."""
    found, inner = run_with_taps(path, ENTRY, coreai_inputs(tensors, record), list(shapes))
    return matched({**found, **inner}, shapes)


def matched(found: Mapping[str, Array], shapes: Shapes) -> dict[str, Given]:
    """Match by name and number of elements: Apple's rewrite merges reshapes, which keep the order
    of the elements."""
    given = {}
    for name, array in found.items():
        shape = shapes.get(name)
        if shape is not None and array.size == math.prod(shape):
            given[name] = Given(name, array.reshape(shape))
    return given
