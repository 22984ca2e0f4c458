"""`load` a Core ML model from disk and `predict`: what coremltools' `MLModel` does on a Mac."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.formats.coreml.runtime.errors import InputError, UnsupportedOp, malformed
from mobilecat.formats.coreml.runtime.interface import (
    Feature,
    bind_inputs,
    output_value,
    read_features,
)
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.session import Sessions
from mobilecat.formats.coreml.runtime.values import Restore
from mobilecat.formats.coreml.runtime.weights import WeightFiles

Array = npt.NDArray[Any]
Precision = Literal["float32", "float16-fast", "float16-exact"]

_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
NEWEST_SPEC = 10  # iOS 26: newer files may mean things that this runtime does not know


class Engine(Protocol):
    """What executes one kind of model; values are as `interface.bind_inputs` leaves them."""

    @property
    def ops(self) -> Counter[str]: ...

    @property
    def precision(self) -> str: ...

    def run(
        self,
        values: Mapping[str, Any],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]: ...

    def new_state(self) -> dict[str, Array]: ...


@dataclass(frozen=True)
class CoreMLModel:
    """A model that is ready to run.

    precision: how float16 programs are computed; what a report should say.
    metadata:  author, license, shortDescription, versionString and the user-defined entries.
    """

    source: Path
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    spec_version: int
    kind: str
    metadata: Mapping[str, str]
    engine: Engine = field(repr=False)

    @property
    def ops(self) -> Counter[str]:
        """How often each MIL op or NeuralNetwork layer occurs, over all stages."""
        return self.engine.ops

    @property
    def precision(self) -> str:
        return self.engine.precision

    def predict(
        self,
        inputs: Mapping[str, Any],
        *,
        taps: Sequence[str] = (),
        state: dict[str, Array] | None = None,
        given: Mapping[str, Array] | None = None,
    ) -> dict[str, Any]:
        """Return the outputs by name, and the internal variables or blobs named in `taps`.

        inputs: PIL images of the exact size, or arrays.
        state:  from `new_state`, changed in place.
        given:  internal variables or blobs that are these values, whatever would make them.
        Errors: InputError for inputs that do not fit, UnsupportedOp, ArtifactError.
        """
        values = bind_inputs(self.inputs, inputs)
        results = self.engine.run(values, taps, state, given or {})
        found = {}
        for f in self.outputs:
            if f.name not in results:
                raise malformed(f"nothing makes the output {f.name!r}", str(self.source))
            found[f.name] = output_value(f, results[f.name])
        found.update({t: results[t] for t in taps if t not in found})
        return found

    def new_state(self) -> dict[str, Array]:
        """Return a zeroed state for a stateful model."""
        return self.engine.new_state()


def load(
    path: str | Path,
    *,
    precision: Precision | None = None,
    function_name: str | None = None,
    threads: int | None = None,
    restore: Restore | None = None,
) -> CoreMLModel:
    """Read a `.mlpackage` or `.mlmodel` and prepare it for `predict`.

    precision: for float16 programs; by default float32 arithmetic on float16 weights.
    threads:   of onnxruntime; by default one per core.
    restore:   (name, float16 values) → the float32 values that they were rounded from, where known.
    Errors: ArtifactError (damaged or missing), UnsupportedOp (lists all ops that are not executed).
    """
    if precision not in (None, "float32", "float16-fast", "float16-exact"):
        raise InputError("Unknown precision", [Problem(f"{precision!r} is none", "precision")])
    package = read_package(path)
    context = _Context(
        package.source,
        WeightFiles(package.model_dir),
        Sessions(threads),
        precision,
        function_name,
        restore=restore,
    )
    return _model(package.spec, context)


@dataclass(frozen=True)
class _Context:
    source: Path
    weights: WeightFiles
    sessions: Sessions
    precision: str | None
    function_name: str | None
    depth: int = 0
    restore: Restore | None = None


def _model(spec: Any, context: _Context) -> CoreMLModel:
    if spec.specificationVersion > NEWEST_SPEC:
        raise UnsupportedOp(
            "This Core ML model is too new",
            [
                Problem(
                    f"its specification version is {spec.specificationVersion}", str(context.source)
                )
            ],
        )
    kind = spec.WhichOneof("Type")
    description = spec.description
    inputs, outputs, function = description.input, description.output, "main"
    if kind == "mlProgram" and description.functions:
        function = context.function_name or description.defaultFunctionName or "main"
        chosen = [f for f in description.functions if f.name == function]
        if not chosen:
            names = ", ".join(f.name for f in description.functions)
            raise InputError("No such function", [Problem(f"there are: {names}", function)])
        inputs, outputs = chosen[0].input, chosen[0].output
    elif context.function_name not in (None, "", "main"):
        raise InputError(
            "No such function", [Problem("the model has one", str(context.function_name))]
        )
    features = read_features(inputs)
    if kind in _NETWORKS and getattr(spec, kind).arrayInputShapeMapping == 0:
        features = tuple(replace(f, rank5=True) for f in features)
    engine = _engine(spec, kind, function, features, read_features(outputs), context)
    return CoreMLModel(
        source=context.source,
        inputs=features,
        outputs=read_features(outputs),
        spec_version=int(spec.specificationVersion),
        kind=str(kind),
        metadata=_metadata(description.metadata),
        engine=engine,
    )


def _engine(
    spec: Any,
    kind: str | None,
    function: str,
    inputs: Sequence[Feature],
    outputs: Sequence[Feature],
    context: _Context,
) -> Engine:
    if kind == "mlProgram":
        from mobilecat.formats.coreml.runtime.program import ProgramEngine

        return ProgramEngine(
            spec.mlProgram,
            function,
            inputs,
            context.weights,
            context.sessions,
            context.precision,
            context.restore,
        )
    if kind in _NETWORKS:
        from mobilecat.formats.coreml.runtime.network import NetworkEngine

        return NetworkEngine(spec, str(kind), inputs, outputs, context.sessions, context.restore)
    if kind in _PIPELINES:
        return _pipeline(spec, str(kind), context)
    if kind == "nonMaximumSuppression":
        from mobilecat.formats.coreml.runtime.nms_model import NmsEngine

        return NmsEngine(spec.nonMaximumSuppression, outputs)
    if kind == "glmRegressor":
        from mobilecat.formats.coreml.runtime.glm import GlmEngine

        return GlmEngine(spec.glmRegressor, inputs, outputs)
    raise UnsupportedOp(
        "The Core ML runtime does not execute this kind of model",
        [Problem(f"a model of type {kind}", str(context.source))],
    )


def _pipeline(spec: Any, kind: str, context: _Context) -> Engine:
    from mobilecat.formats.coreml.runtime.pipeline import PipelineEngine, Stage

    if context.depth >= 4:
        raise malformed("pipelines are nested too deeply", str(context.source))
    pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
    if not pipeline.models:
        raise malformed("the pipeline has no stages", str(context.source))
    inner = _Context(
        context.source,
        context.weights,
        context.sessions,
        context.precision,
        None,
        context.depth + 1,
        context.restore,
    )
    names = list(pipeline.names) + [""] * len(pipeline.models)
    stages = [
        Stage(name or f"stage {i}", _model(m, inner))
        for i, (m, name) in enumerate(zip(pipeline.models, names, strict=False))
    ]
    return PipelineEngine(stages)


def _metadata(proto: Any) -> dict[str, str]:
    fields = {
        n: str(getattr(proto, n))
        for n in ("author", "license", "shortDescription", "versionString")
    }
    return {**{n: v for n, v in fields.items() if v}, **dict(proto.userDefined)}
