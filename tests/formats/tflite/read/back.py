"""A .tflite read back: what its graph gives in onnxruntime, against the file in LiteRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.source import Source
from mobilecat.formats.tflite.child.engine import LiteFile
from mobilecat.formats.tflite.judged import fed_as, real
from mobilecat.formats.tflite.read.file import graph_of
from mobilecat.formats.tflite.source import read
from mobilecat.graph import dtype_of, shape_of
from tests.formats.tflite.lower.engines import Array, assert_agrees, drawn, run_ort


def graph_of_file(path: Path, shapes: dict[str, tuple[int, ...]] | None = None) -> ir.Model:
    return read(Source(path, "tflite"), shapes or {}, lambda _: None)


def in_litert(path: Path, feeds: dict[str, Array]) -> dict[str, Array]:
    """Return what the file gives in LiteRT, in this process: the source's engine is in a child."""
    graph = graph_of(path.read_bytes(), "")
    numbers = {graph.names[i]: i for i in graph.inputs}
    given = {numbers[n]: fed_as(graph.tensors[numbers[n]], v) for n, v in feeds.items()}
    found = LiteFile(path, {}).run(given, graph.outputs)
    return {
        graph.names[i]: real(graph.tensors[i], v) for i, v in zip(graph.outputs, found, strict=True)
    }


def assert_read(
    path: Path, seed: str, relative: float = 1e-4, feeds: dict[str, Array] | None = None
) -> ir.Model:
    """Hold the graph of a file to the file itself, on seeded inputs."""
    model = graph_of_file(path)
    if feeds is None:
        feeds = {
            v.name or "": drawn(f"{seed}/{v.name}", shape_of(v), dtype_of(v))
            for v in model.graph.inputs
        }
    want = in_litert(path, feeds)
    have = run_ort(model, feeds)
    for name, value in want.items():
        nans = np.isnan(value) if value.dtype.kind == "f" else np.zeros(value.shape, bool)
        assert (np.isnan(have[name]) == nans).all() if nans.any() else True, name
    assert_agrees(have, want, relative)
    return model
