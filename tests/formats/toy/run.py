"""How it is read: by onnx's reference evaluator, from the bytes on disk alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from mobilecat.disk import size_of
from mobilecat.formats.base.inner import Given, Shapes
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.base.nms import Found, nothing
from mobilecat.formats.base.runner import artifact_inputs

MAGIC = b"TOY0"


def read(path: Path) -> onnx.ModelProto:
    data = path.read_bytes()
    assert data.startswith(MAGIC)
    return onnx.load_from_string(data[len(MAGIC) :])


class ToyRunner:
    note = "onnx's reference evaluator"

    def __init__(self, path: Path, record: Any) -> None:
        self._proto, self._record = read(path), record

    def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> dict[str, Any]:
        record = self._record
        names = {**record.outputs, **{t: record.taps[t] for t in taps if t in record.taps}}
        found = every_value(self._proto, artifact_inputs(inputs, record))
        return {k: found[v] for k, v in names.items()}


def every_value(proto: onnx.ModelProto, feeds: Mapping[str, Any]) -> dict[str, Any]:
    found = ReferenceEvaluator(proto).run(None, dict(feeds), intermediate=True)
    return {k: np.asarray(v) for k, v in found.items()}


def open_artifact(path: Path, record: Any) -> ToyRunner:
    return ToyRunner(path, record)


def inspect_model(path: Path, kind: str) -> Inspection:
    graph = read(path).graph

    def ports(values: Any) -> tuple[Port, ...]:
        named = onnx.helper.tensor_dtype_to_np_dtype
        return tuple(
            Port(
                v.name,
                named(v.type.tensor_type.elem_type).name,
                tuple(d.dim_value for d in v.type.tensor_type.shape.dim),
            )
            for v in values
        )

    return Inspection(
        file=str(path),
        format="Toy",
        bytes=size_of(path),
        inputs=ports(graph.input),
        outputs=ports(graph.output),
        ops={},
        parameters=0,
    )


def written(path: Path) -> Found:
    """Its thresholds, from the one NonMaxSuppression."""
    found = nothing()
    graph = read(path).graph
    values = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "NonMaxSuppression":
            found["iou_threshold"].add(float(values[node.input[3]].reshape(-1)[0]))
    return found


def inner_values(path: Path, record: Any, tensors: Any, shapes: Shapes) -> dict[str, Given]:
    found = every_value(read(path), artifact_inputs(tensors, record))
    return {n: Given(n, a) for n, a in found.items() if shapes.get(n) == a.shape}
