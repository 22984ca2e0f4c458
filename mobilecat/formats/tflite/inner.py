"""A .tflite artifact's inner values.

A name stays, with `:nhwc` or `:<order>` behind it where the value lies in another order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import mapped
from mobilecat.errors import ArtifactError
from mobilecat.foreign import problem_from_litert
from mobilecat.formats.base.inner import Given, Shapes, fitted
from mobilecat.formats.base.runner import artifact_inputs
from mobilecat.graph import Array

ORDER = re.compile(r"^(?P<name>.*):(?P<order>nhwc|\d+)$")


def inner_values(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array], shapes: Shapes
) -> dict[str, Given]:
    """Return what the artifact computes, by the graph's names, in the graph's order of axes."""
    return from_tflite(_run(path, record, tensors), shapes)


def from_tflite(found: Mapping[str, Array], shapes: Shapes) -> dict[str, Given]:
    matched = {}
    for name, array in found.items():
        parts = ORDER.match(name)
        if name in shapes:
            straight, value = fitted(array, shapes[name]), name
        elif parts is not None and parts["name"] in shapes:
            value = parts["name"]
            order = parts["order"]
            axes = (0, 2, 3, 1) if order == "nhwc" else tuple(int(c) for c in order)
            straight = _in_order(array, axes, shapes[value])
        else:
            continue
        if straight is not None:
            matched[value] = Given(name, straight)
    return matched


def _in_order(array: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array | None:
    """Return the array whose axis axes[i] is `array`'s axis i; None where that is not `shape`."""
    if sorted(axes) != list(range(array.ndim)):
        return None
    straight = array.transpose(np.argsort(axes))
    return straight if straight.shape == shape else None


def _run(path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]) -> dict[str, Array]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from mobilecat.formats.tflite.read.file import read_tflite

    model = read_tflite(mapped(path), str(path))
    # Delegates keep what they compute to themselves.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        engine = Interpreter(
            model_path=str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=plain,
        )
        engine.allocate_tensors()
        feeds = artifact_inputs(tensors, record)
        details = {d["name"]: d["index"] for d in engine.get_input_details()}
        runner = engine.get_signature_runner("serving_default")
        runner(**feeds)
    except (ValueError, RuntimeError, KeyError) as e:
        raise ArtifactError(
            "LiteRT refuses the artifact", [problem_from_litert(e, str(path))]
        ) from e
    graph = model.subgraphs[0]
    made = {int(i) for op in graph.operators for i in op.outputs} | set(details.values())
    by_index = {d["index"]: d for d in engine.get_tensor_details()}
    return dict(_readable(engine, [by_index[i] for i in sorted(made) if i in by_index]))


def _readable(engine: Any, tensors: Iterable[Any]) -> Iterable[tuple[str, Array]]:
    for detail in tensors:
        try:
            yield detail["name"], _real(engine.get_tensor(detail["index"]), detail)
        except ValueError:  # an op's scratch space
            continue


def _real(array: Array, detail: Any) -> Array:
    """Return what whole numbers with a scale stand for; others as they are."""
    said = detail["quantization_parameters"]
    if len(said["scales"]) != 1 or array.dtype == np.uint8:  # bytes of a picture mean themselves
        return array
    whole = array.astype(np.float32) - np.float32(said["zero_points"][0])
    return np.asarray(whole * said["scales"][0], np.float32)
