"""A Core ML file to compile: its graph as our runtime reads it, and that runtime as the judge.

Float16 programs are computed in float32, on their float16 weights; compressed weights are read as
what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.notes import NOTES_KEY, text_from_notes
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.coreml.runtime.as_onnx import AsOnnx, as_onnx, blank, ending_of
from mobilecat.formats.coreml.runtime.model import CoreMLModel, load
from mobilecat.formats.onnx.changed import Change, changed_proto
from mobilecat.formats.onnx.own_nms import with_nms
from mobilecat.formats.onnx.read import import_proto
from mobilecat.graph import Array
from mobilecat.graph.told import TOLD_KEY, Told, text_from_told

Progress = Callable[[str], None]
CANDIDATES = "candidates"
"""What a Vision pipeline suppresses, [1,N,4+C]: centre x, y, width, height in 0..1; confidences."""
_MOST = 100
_OURS = "mobilecat."


def dims(source: Source, progress: Progress) -> dict[str, tuple[int | None, ...]]:
    model = load(source.path, precision="float32")
    return {
        f.name: blank(f).shape for f in model.inputs if not f.optional or f.kind == "multiarray"
    }


def read(source: Source, shapes: Mapping[str, Sequence[int]], progress: Progress) -> ir.Model:
    """Return the frozen graph. Errors: UnsupportedError, ArtifactError, ModelError."""
    model = load(source.path, precision="float32")
    made = _made(model, source, shapes)
    network = import_proto(_whole(made, source), {}, source.path, ours=True)
    network.metadata_props.update(_metadata(model, made))
    return network


def reference(source: Source, shapes: Mapping[str, Sequence[int]]) -> Reference:
    """Open the file in our runtime: every stage as the file has it."""
    model = load(source.path, precision="float32")
    made = _made(model, source, shapes)
    dtypes = {
        v.name: np.dtype(helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type))
        for v in made.model.graph.input
    }
    return Reference(_Runtime(model, made), "mobilecat.runtime", _metadata(model, made), dtypes)


def changed(source: Source, shapes: Mapping[str, Sequence[int]], change: Change) -> Reference:
    """Open the file's graph in onnxruntime with each weight changed by `change(name, values)`."""
    model = load(source.path, precision="float32")
    return changed_proto(_whole(_made(model, source, shapes), source), change)


def _made(model: CoreMLModel, source: Source, shapes: Mapping[str, Sequence[int]]) -> AsOnnx:
    problems = source.options.unusable(
        ("signature", "inputs"), "a Core ML file is compiled from its own inputs on"
    )
    if problems:
        raise ModelError(f"{source.path.name} cannot be cut there", problems)
    known = [f.name for f in model.inputs]
    unknown = [Problem(f"there is no input {n!r}", "shapes") for n in shapes if n not in known]
    if unknown:
        raise ModelError(f"{source.path.name}: the input shapes cannot be fixed", unknown)
    return as_onnx(model, shapes, source.options.outputs)


def _whole(made: AsOnnx, source: Source) -> onnx.ModelProto:
    """Return the graph with what its suppressions call; a pipeline's candidates as one output."""
    proto = made.model
    if made.ending is not None:
        _join(proto, made.ending.coordinates, made.ending.confidence)
    return with_nms(proto, source.path)


def _join(proto: onnx.ModelProto, coordinates: str, confidence: str) -> None:
    graph = proto.graph
    rows = helper.make_node("Concat", [coordinates, confidence], [f"{CANDIDATES}/rows"], axis=-1)
    shape = onnx.numpy_helper.from_array(np.array([1, 0, 0], np.int64), f"{CANDIDATES}/shape")
    columns = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.output}
    n, c = columns[confidence][-2:]
    whole = np.array([1, n, 4 + c], np.int64)
    shape.CopyFrom(onnx.numpy_helper.from_array(whole, shape.name))
    graph.initializer.append(shape)
    graph.node.extend(
        [rows, helper.make_node("Reshape", [rows.output[0], shape.name], [CANDIDATES])]
    )
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info(CANDIDATES, onnx.TensorProto.FLOAT, whole.tolist())
    )


class _Runtime:
    def __init__(self, model: CoreMLModel, made: AsOnnx) -> None:
        self._model, self._made = model, made
        self._images = {f.name for f in model.inputs if f.kind == "image"}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        made = self._made
        given = {n: v[0] if n in self._images else v for n, v in feeds.items()}
        if made.ending is not None:
            names = (made.ending.coordinates, made.ending.confidence)
            taps = [f"{made.ending.stage}/{n}" for n in names]
            found = self._model.predict(given, taps=taps)
            parts = [np.asarray(found[t], np.float32) for t in taps]
            rows = np.concatenate([p.reshape(p.shape[-2:]) for p in parts], -1)
            return {CANDIDATES: rows[None]}
        own = {f.name for f in self._model.outputs}
        found = self._model.predict(given, taps=[n for n in made.outputs if n not in own])
        return {n: self._array(n, found[n]) for n in made.outputs}

    def _array(self, name: str, value: Any) -> Array:
        if name in self._made.dictionaries:
            return np.array(list(value.values()), np.float32)[None]
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype.kind == "f" else array


def _metadata(model: CoreMLModel, made: AsOnnx) -> dict[str, str]:
    found = {k: v for k, v in model.metadata.items() if not k.startswith(_OURS)}
    notes = _notes(model)
    head: dict[str, Any] = {}
    nms: dict[str, Any] = {}
    if made.ending is not None:
        engine = made.ending.engine
        head = {"kind": "yolov8", "units": "normalised", "layout": "rows-first"}
        nms = {
            "score_threshold": round(engine.confidence_threshold, 7),
            "iou_threshold": round(engine.iou_threshold, 7),
            "max_detections": made.ending.most or _MOST,
            "per_class": engine.per_class,
        }
        said = ", ".join(f"{k} {str(v).lower()}" for k, v in nms.items())
        notes.append(
            f"the pipeline ends in a suppression ({said}): the network ends before it, in one "
            f"output {CANDIDATES!r}; `mobilecat init` writes it into [nms]"
        )
        if engine.labels:
            found["names"] = repr([str(v) for v in engine.labels])
    elif made.dictionaries and (labels := labels_of(model)):
        found["names"] = repr(labels)
        notes.append(f"{len(labels)} labels of the classifier, whose rows come in their order")
    if text := text_from_told(Told(head, {}, nms)):
        found[TOLD_KEY] = text
    if notes:
        found[NOTES_KEY] = text_from_notes(notes)
    return found


def labels_of(model: CoreMLModel) -> list[str]:
    """Return the labels of a classifier, in the order of its probabilities."""
    zeros = {f.name: _zeros(f) for f in model.inputs if not f.optional}
    for name, value in model.predict(zeros).items():
        if isinstance(value, dict) and any(f.name == name for f in model.outputs):
            return [str(label) for label in value]
    return []


def _zeros(feature: Any) -> Array:
    value = blank(feature)
    return value[0] if feature.kind == "image" else value


def _notes(model: CoreMLModel) -> list[str]:
    notes = []
    for f in model.inputs:
        if f.kind == "image":
            width, height = f.size_wh
            what = "grey" if f.color.startswith("GRAY") else "RGB"
            notes.append(
                f"the picture input {f.name!r}, {width}×{height}, takes {what} pixels of 0–255; "
                f"its own order of colours ({f.color}), scale and bias are in the graph"
            )
    packed = {k: n for k, n in model.ops.items() if k.startswith("constexpr_")}
    if packed:
        listed = ", ".join(f"{n}× {k}" for k, n in packed.items())
        notes.append(f"compressed weights are read as what they stand for, in float32: {listed}")
    if ending_of(model) is None and model.kind.startswith("pipeline"):
        notes.append("the pipeline's stages are one graph, one behind the other")
    return notes
