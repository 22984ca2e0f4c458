"""A loaded model as one ONNX graph, for who compiles it further: a pipeline's stages in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from mobilecat.errors import Problem
from mobilecat.formats.coreml.runtime.compiled import Derived, Written
from mobilecat.formats.coreml.runtime.errors import UnsupportedOp, malformed, refused
from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.interface import Feature
from mobilecat.formats.coreml.runtime.model import CoreMLModel
from mobilecat.formats.coreml.runtime.network import NetworkEngine
from mobilecat.formats.coreml.runtime.nms_model import NmsEngine
from mobilecat.formats.coreml.runtime.pipeline import PipelineEngine, Stage
from mobilecat.formats.coreml.runtime.program import ProgramEngine
from mobilecat.formats.coreml.runtime.session import IR_VERSION, OPSET

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ending:
    """The suppression that a pipeline ends in, and what it reads: [N,C] and [N,4], by the names of
    the stage and of its output; most: rows that it gives at most, None without a limit."""

    engine: NmsEngine
    stage: str
    confidence: str
    coordinates: str
    most: int | None


@dataclass(frozen=True)
class AsOnnx:
    """inputs: the model's features that the graph takes: pictures [1,H,W,C] uint8, RGB or grey.

    dictionaries: outputs that are label → probability in the file: rows [1,C] here.
    ending: the suppression that was left out.
    """

    model: onnx.ModelProto
    inputs: tuple[Feature, ...]
    outputs: tuple[str, ...]
    dictionaries: tuple[str, ...]
    ending: Ending | None


def blank(feature: Feature, shape: Sequence[int] = ()) -> Array:
    """Return zeros that fit an input, as `interface.bind_inputs` leaves a value."""
    if feature.kind == "image":
        channels = 1 if feature.color.startswith("GRAY") else 3
        width, height = feature.size_wh
        sides = tuple(shape) or (1, height, width, channels)
        return np.zeros(sides, feature.dtype)
    if feature.kind != "multiarray":
        raise _no_tensor(feature)
    if not feature.shape and not shape:
        raise refused(f"its description leaves the shape of input {feature.name!r} open")
    return np.zeros(tuple(shape) or feature.shape, feature.dtype)


def ending_of(model: CoreMLModel) -> Ending | None:
    """Return the suppression that a pipeline ends in; None where it ends in anything else."""
    if not isinstance(model.engine, PipelineEngine) or len(model.engine.stages) < 2:
        return None
    last = model.engine.stages[-1].model
    if not isinstance(last.engine, NmsEngine):
        return None
    names = last.engine.reads
    for stage in reversed(model.engine.stages[:-1]):
        if set(names) <= {f.name for f in stage.model.outputs}:
            return Ending(last.engine, stage.name, *names, last.engine.most)
    raise malformed(f"no stage makes both of {', '.join(names)}", str(model.source))


def as_onnx(
    model: CoreMLModel, shapes: Mapping[str, Sequence[int]], outputs: Sequence[str] = ()
) -> AsOnnx:
    """Return the model as ONNX, its inputs and outputs by their names.

    outputs: internal variables or blobs instead of the model's own outputs.
    Errors: UnsupportedOp where a part has no such graph, or depends on data.
    """
    parts = _Parts()
    for feature in model.inputs:
        if not feature.optional or feature.kind == "multiarray":
            parts.take(feature, blank(feature, shapes.get(feature.name, ())))
    ending = None if outputs else ending_of(model)
    stages = _stages(model)[: -1 if ending is not None else None]
    for i, stage in enumerate(stages):
        last = i == len(stages) - 1
        parts.add(stage, outputs if last else (), f"stage{i}/" if len(stages) > 1 else "")
    if ending is not None:
        wanted = [ending.confidence, ending.coordinates]
    else:
        wanted = list(outputs) or [
            f.name for f in model.outputs if f.kind in ("multiarray", "dictionary", "image")
        ]
        images = [f for f in model.outputs if f.kind == "image" and not outputs]
        if images:
            raise _no_tensor(images[0])
    return AsOnnx(
        parts.model(wanted), tuple(model.inputs), tuple(wanted), tuple(parts.dictionaries), ending
    )


def _stages(model: CoreMLModel) -> list[Stage]:
    if not isinstance(model.engine, PipelineEngine):
        return [Stage("model", model)]
    return [inner for s in model.engine.stages for inner in _nested(s)]


def _nested(stage: Stage) -> list[Stage]:
    if isinstance(stage.model.engine, PipelineEngine):
        return [inner for s in stage.model.engine.stages for inner in _nested(s)]
    return [stage]


def _no_tensor(feature: Feature) -> UnsupportedOp:
    return UnsupportedOp(
        "This Core ML model cannot be compiled further",
        [Problem(f"{feature.name!r} is of kind {feature.kind}, and no tensor", str(feature))],
    )


class _Parts:
    """Stages, one behind the other: values by the names that they have between stages."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._inputs: dict[str, onnx.ValueInfoProto] = {}
        self._known: dict[str, tuple[str, Array]] = {}
        self._types: dict[str, Any] = {}
        self.dictionaries: list[str] = []

    def take(self, feature: Feature, value: Array) -> None:
        dtype = value.dtype if feature.kind == "image" else _computed(value.dtype)
        made = value.astype(dtype)
        kind = helper.np_dtype_to_tensor_dtype(dtype)
        self._inputs[feature.name] = helper.make_tensor_value_info(feature.name, kind, made.shape)
        self._known[feature.name] = (feature.name, made)

    def add(self, stage: Stage, taps: Sequence[str], prefix: str) -> None:
        engine = stage.model.engine
        if not isinstance(engine, (ProgramEngine, NetworkEngine)):
            raise refused(f"the stage {stage.name!r} is a {stage.model.kind}")
        missing = [
            f.name for f in stage.model.inputs if f.name not in self._known and not f.optional
        ]
        if missing:
            raise malformed(f"nothing makes the input {', '.join(missing)}", stage.name)
        fed = {f.name: self._known[f.name][1] for f in stage.model.inputs if f.name in self._known}
        written = engine.written(fed, taps)
        features = {f.name: f for f in stage.model.outputs}
        wanted = {
            n: v
            for n, v in written.results.items()
            if n in taps or (n in features and features[n].kind in ("multiarray", "dictionary"))
        }
        self._merge(written, wanted, prefix)

    def _merge(self, written: Written, wanted: Mapping[str, Any], prefix: str) -> None:
        sources = {n: v.source if isinstance(v, Derived) else v for n, v in wanted.items()}
        values = [v for v in sources.values() if isinstance(v, Val)]
        work, fed = written.graph.finish(values)
        names = {id(v): n for n, v in written.inputs.items()}
        said = {at: self._known[names[id(v)]][0] for at, v in fed.items()}

        def named(name: str) -> str:
            return said.get(name, f"{prefix}{name}") if name else ""

        for old in work.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(old)
            node.name = f"{prefix}{old.name}"
            node.input[:] = map(named, old.input)
            node.output[:] = map(named, old.output)
            self._nodes.append(node)
        self._constants.update({named(n): a for n, a in work.initializers.items()})
        for name, value in sources.items():
            if not isinstance(value, Val):
                raise refused(f"its output {name!r} is no tensor")
            if value.known and id(value) in names:
                at = self._known[names[id(value)]][0]
            elif value.known:
                at = f"{prefix}{name}/constant"
                self._constants[at] = value.raw()
            else:
                at = named(value.name)
            if isinstance(wanted[name], Derived):
                self.dictionaries.append(name)
            self._known[name] = at, np.zeros(value.shape, value.dtype)

    def model(self, wanted: Sequence[str]) -> onnx.ModelProto:
        outputs = []
        for name in wanted:
            if name not in self._known:
                raise malformed(f"nothing makes the output {name!r}")
            at, value = self._known[name]
            if name in self.dictionaries:
                rows = numpy_helper.from_array(np.array([1, -1], np.int64), f"{name}/row")
                self._constants[rows.name] = np.array([1, -1], np.int64)
                node = helper.make_node(
                    "Reshape", [at, rows.name], [f"{name}/given"], f"{name}/given"
                )
                self._nodes.append(node)
                at, value = f"{name}/given", value.reshape(1, -1)
            final = name if name not in self._inputs else f"{name}/given"
            self._nodes.append(helper.make_node("Identity", [at], [final], f"{final}/out"))
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            outputs.append(helper.make_tensor_value_info(final, kind, value.shape))
        tensors = [numpy_helper.from_array(a, n) for n, a in self._constants.items()]
        graph = helper.make_graph(
            self._nodes, "coreml", list(self._inputs.values()), outputs, tensors
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


def _computed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.int32) if dtype.kind in "iu" else np.dtype(np.float32)
