"""A Core ML artifact's inner values: `a/b:0` is called `a_b_0`, and shapes stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.inner import Given, Shapes, fitted
from mobilecat.formats.coreml.names import legal
from mobilecat.graph import Array


def inner_values(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array], shapes: Shapes
) -> dict[str, Given]:
    """Return what the artifact computes, by the graph's names, in the graph's order of axes."""
    return from_coreml(_run(path, record, tensors), shapes)


def from_coreml(found: Mapping[str, Array], shapes: Shapes) -> dict[str, Given]:
    """Match by legal name and shape; names that two values share are left out."""
    named: dict[str, list[str]] = {}
    for name in shapes:
        named.setdefault(legal(name), []).append(name)
    matched = {}
    for name, array in found.items():
        values = named.get(name.rpartition("/")[2], [])
        if len(values) == 1 and (straight := fitted(array, shapes[values[0]])) is not None:
            matched[values[0]] = Given(name, straight)
    return matched


def _run(path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]) -> dict[str, Array]:
    from mobilecat.formats.coreml import runtime
    from mobilecat.formats.coreml.run import coreml_inputs
    from mobilecat.formats.coreml.runtime.package import read_package

    names = list(dict.fromkeys(_coreml_names(read_package(path).spec)))
    found = runtime.load(path).predict(coreml_inputs(tensors, record), taps=names)
    return {n: np.asarray(a) for n, a in found.items() if isinstance(a, np.ndarray)}


def _coreml_names(spec: Any, prefix: str = "") -> Iterable[str]:
    """Yield what each op or layer makes, and the inputs; a pipeline's as `<stage>/<name>`."""
    kind = spec.WhichOneof("Type")
    if kind == "pipeline":
        names = [*spec.pipeline.names, *[""] * len(spec.pipeline.models)]
        for i, stage in enumerate(spec.pipeline.models):
            yield from _coreml_names(stage, f"{names[i] or f'stage {i}'}/")
    elif kind == "mlProgram":
        function = spec.mlProgram.functions["main"]
        block = function.block_specializations[function.opset]
        yield from (f"{prefix}{i.name}" for i in function.inputs)
        for op in block.operations:
            if op.type != "const":
                yield from (f"{prefix}{o.name}" for o in op.outputs)
    elif kind is not None and kind.startswith("neuralNetwork"):
        yield from (f"{prefix}{f.name}" for f in spec.description.input)
        for layer in getattr(spec, kind).layers:
            if layer.WhichOneof("layer") not in ("loadConstant", "loadConstantND"):
                yield from (f"{prefix}{name}" for name in layer.output)
