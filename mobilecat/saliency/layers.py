"""One layer's activations, by the graph's name of it, from the graph itself and from artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.bisection.walk import RUNNERS, frozen_graph, graph_feeds, run_graph, target_of
from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.graph import Array
from mobilecat.lanes import Lane

LEAST_CELLS = 10
"""A map of fewer cells along a side shows nothing."""
LEAST_CHANNELS = 16


def graph_of(folder: Path, bundle: Bundle, source: Path, record: ArtifactRecord) -> ir.Model:
    """Return the frozen graph that an artifact was lowered from."""
    target = target_of(bundle.spec, record)
    return frozen_graph(source, bundle.spec, bundle.source.shapes, target)


def of_graph(
    model: ir.Model,
    tensors: Mapping[str, Array],
    bundle: Bundle,
    record: ArtifactRecord,
    names: Sequence[str],
) -> dict[str, Array]:
    """Return values of the graph, run in onnxruntime."""
    return run_graph(model, graph_feeds(tensors, bundle.spec, record), list(names))


def of_artifact(
    folder: Path, lane: Lane, tensors: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Array]:
    """Return the artifact's inner values under the graph's names. MobileCatError without any."""
    assert lane.artifact is not None
    if lane.runner not in RUNNERS:
        said = Problem("this engine shows no inner values", lane.name, "--method occlusion")
        raise MobileCatError("There is no such layer", [said])
    given = RUNNERS[lane.runner](folder / lane.artifact.file, lane.artifact, tensors, shapes)
    found = {n: g.array for n, g in given.items() if n in shapes}
    return {n: a for n, a in found.items() if tuple(a.shape) == tuple(shapes[n])}


def maps_of(model: ir.Model) -> dict[str, tuple[int, ...]]:
    """Return the graph's feature maps, (1, C, H, W), in its order: what a heat map can be of."""
    found = {}
    for node in model.graph:
        for value in node.outputs:
            if not value.name or value.shape is None or not value.shape.is_static():
                continue
            shape = tuple(int(d) for d in value.shape)  # type: ignore[arg-type]
            fits = len(shape) == 4 and shape[0] == 1 and min(shape[2:]) >= LEAST_CELLS
            if fits and shape[1] >= LEAST_CHANNELS:
                found[value.name] = shape
    return found


def chosen(shapes: Mapping[str, tuple[int, ...]], shared: Sequence[str], asked: str | None) -> str:
    """Return the layer that is looked at: what was asked for, or the deepest that all share.

    Errors: MobileCatError with what there is.
    """
    if asked is not None:
        if asked in shared:
            return asked
        near = ", ".join(list(shared)[-6:]) or "none"
        what = f"{asked!r} is no feature map that every lane shows"
        raise MobileCatError(
            "There is no such layer", [Problem(what, "--layer", f"such as {near}")]
        )
    if not shared:
        said = Problem("no feature map is shown by every lane", fix="--method occlusion")
        raise MobileCatError("There is no such layer", [said])
    return by_depth(shapes, shared)[0]


def by_depth(shapes: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> list[str]:
    """Return the layers, the deepest first: the coarsest, and of those the last has seen most."""
    order = {n: i for i, n in enumerate(names)}
    return sorted(names, key=lambda n: (shapes[n][2] * shapes[n][3], -order[n]))


def channels_first(array: Array) -> Array:
    """Return (C, H, W) of a layer's values (1, C, H, W), as float64."""
    first: Array = np.asarray(array, np.float64)[0]
    return first
