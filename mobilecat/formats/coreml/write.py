"""The Core ML target's front door: one frozen graph → one artifact on disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx_ir as ir

from mobilecat.errors import ModelError, Problem, SpecError, UnsupportedError
from mobilecat.foreign import give_back_memory, problem_from_coremltools
from mobilecat.formats.coreml.compress import compressed
from mobilecat.formats.coreml.convert import (
    SPEC_VERSIONS,
    Color,
    declare_image,
    describe,
    specification,
    weights_folder,
    write_mlmodel,
    write_mlpackage,
)
from mobilecat.formats.coreml.lower import LOWERINGS, gaps
from mobilecat.formats.coreml.lower.activations import Activations
from mobilecat.formats.coreml.lower.lowering import Format
from mobilecat.formats.coreml.lower.mil import Var, load_coremltools, no_gc, quiet
from mobilecat.formats.coreml.program import Precision, Program, build_program
from mobilecat.formats.coreml.recipe import PLAIN, Measure, Recipe
from mobilecat.graph import dtype_of, shape_of
from mobilecat.graph.light import weights_of
from mobilecat.graph.passes.sampling import WORD as SAMPLED

_TARGETS = {
    "mlpackage": ("iOS15", "iOS16", "iOS17", "iOS18"),
    "mlmodel": ("iOS13", "iOS14"),
}
_WIDEST = {"mlpackage": "iOS15", "mlmodel": "iOS14"}
"""What a program is written for where nobody names a system. An ML Program of iOS 15 lacks nothing
that we write; a NeuralNetwork may use iOS 14's layers, and is for iOS 13 where it uses none."""


@dataclass(frozen=True)
class ImageInput:
    """A graph input, float32 [1, 3 or 1, H, W] of values 0–255, that Core ML takes as an image."""

    name: str
    color: Color


@dataclass(frozen=True)
class CoreMLArtifact:
    """What was written.

    inputs, outputs: graph name → name in the artifact.
    taps: graph name → the internal variable (ML Program) or blob (NeuralNetwork) that holds it.
    lints: facts a user should know, one sentence each.
    ranges: quantised variable → the range that its scale and zero point were made of.
    """

    path: Path
    inputs: dict[str, str]
    outputs: dict[str, str]
    taps: dict[str, str]
    spec_version: int
    lints: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def write_coreml(
    model: ir.Model,
    path: Path,
    *,
    format: Format = "mlpackage",
    precision: Precision = "float16",
    deployment_target: str | None = None,
    image: ImageInput | None = None,
    taps: Sequence[str] = (),
    labels: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    float32_names: frozenset[str] = frozenset(),
    recipe: Recipe = PLAIN,
    calibration: Measure | None = None,
) -> CoreMLArtifact:
    """Compile the frozen graph `model` to `path`, which must not exist yet.

    deployment_target: the oldest system that must load it; None takes the oldest that can.
    float32_names: nodes that compute in float32 in a float16 program. Pixel coordinates up to 640
        have a step of 0.5 in float16, so whatever decodes boxes belongs here.
    taps: graph values to find again in the artifact; those that were optimised away are left out.
    recipe: how weights and activations are stored. calibration: measures the activations' ranges.
    Errors: UnsupportedError with every node that Core ML has no form for, before anything is
        written; SpecError for a deployment target that the format cannot have.
    """
    require_target(format, deployment_target)
    if image is not None:
        require_image(model, image)
    gaps.require(model, format, image.name if image else None)
    spec, program = compile_spec(
        model,
        path,
        format,
        precision,
        deployment_target,
        taps,
        float32_names,
        recipe=recipe,
        calibration=calibration,
    )
    if image is not None:
        take_image(spec, program, model, image)
    describe(spec, metadata or {}, labels)
    made = CoreMLArtifact(
        path=path,
        inputs=dict(program.inputs),
        outputs=dict(program.outputs),
        taps=found_taps(spec, program),
        spec_version=spec.specificationVersion,
        lints=program.lints,
        ranges=program.ranges,
    )
    del program  # and the weights that it holds
    give_back_memory(weights_of(model))
    save(spec, path, format)
    return made


def compile_spec(
    model: ir.Model,
    path: Path,
    format: Format,
    precision: Precision,
    target: str | None,
    taps: Sequence[str] = (),
    float32_names: frozenset[str] = frozenset(),
    rename: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
    recipe: Recipe = PLAIN,
    calibration: Measure | None = None,
) -> tuple[Any, Program]:
    """Return the specification and the program behind it; weights lie under `path` afterwards.

    labels: of an ML Program whose one output is a probability each; it then ends in `classify`.
    """
    load_coremltools()
    model = gaps.prepared_for(model, format)
    float32_names |= {n.name for n in model.graph if n.name and f"__{SAMPLED}" in n.name}
    limit = SPEC_VERSIONS[target or oldest_target(format)]
    written_for = target or _widest(format, recipe)
    activations = None
    if recipe.activations:
        assert calibration is not None, "a recipe with int8 activations comes with a calibration"
        activations = Activations(calibration(model), float32_names)
    with quiet(), no_gc():
        program = build_program(
            model,
            format=format,
            ios=int(written_for.removeprefix("iOS")),
            precision=precision if format == "mlpackage" else "float32",
            float32_names=float32_names,
            taps=taps,
            rename=rename or {},
            activations=activations,
        )
        _require_layers(program, format)
        if not recipe.plain and format == "mlpackage":
            program = compressed(program, recipe, activations)
        weights = weights_folder(path) if format == "mlpackage" else path
        try:
            spec = specification(program, format, written_for, precision, weights, labels, recipe)
        except BaseException as e:
            if format == "mlpackage":
                shutil.rmtree(path, ignore_errors=True)
            if isinstance(e, OSError) or not isinstance(e, Exception):
                raise
            problem = problem_from_coremltools(e, str(path))
            raise UnsupportedError(f"Core ML ({format}) cannot hold this model", [problem]) from e
        if format == "mlpackage" and not any(weights.iterdir()):
            weights.rmdir()
    needed = spec.specificationVersion
    if needed > limit and target is not None:
        raise UnsupportedError(
            f"This model needs a newer Core ML than {target} has",
            [
                Problem(
                    f"its layers need specification {needed}, {target} reads {limit}",
                    fix=f"leave deployment_target out, or set {_system_of(needed)}",
                )
            ],
        )
    if needed > limit:
        raised = _stored_raised(recipe) if needed == recipe.ios - 9 else _raised(needed, format)
        program = replace(program, lints=(*program.lints, raised))
    spec.specificationVersion = max(limit, needed)
    return spec, program


def _widest(format: Format, recipe: Recipe) -> str:
    return max(_WIDEST[format], f"iOS{recipe.ios}") if format == "mlpackage" else _WIDEST[format]


def oldest_target(format: Format) -> str:
    """Return the oldest system that reads a format at all."""
    return _TARGETS[format][0]


def _raised(version: int, format: Format) -> str:
    return (
        f"its layers need {_system_of(version)} (specification {version}); "
        f"{oldest_target(format)} would have been the oldest"
    )


def _stored_raised(recipe: Recipe) -> str:
    what = "activations as int8" if recipe.activations else f"weights as {recipe.words}"
    return f"{what} need iOS{recipe.ios} or newer; as floats this model would load on iOS15"


def _system_of(version: int) -> str:
    return next((s for s, v in SPEC_VERSIONS.items() if v == version), f"specification {version}")


def save(spec: Any, path: Path, format: Format) -> None:
    if format == "mlpackage":
        write_mlpackage(spec, path)
    else:
        write_mlmodel(spec, path)


def require_target(format: Format, target: str | None) -> None:
    allowed = _TARGETS[format]
    if target is None or target in allowed:
        return
    fix = f"use one of {', '.join(allowed)}"
    if format == "mlmodel" and target in SPEC_VERSIONS:
        fix = "use iOS14: an .mlmodel for iOS 14 runs on every later iOS as well"
    elif format == "mlpackage" and target in SPEC_VERSIONS:
        fix = "an .mlpackage needs iOS15 or later; use format mlmodel for older ones"
    raise SpecError(
        "The deployment target does not fit the format",
        [Problem(f"deployment_target {target!r} with format {format!r}", fix=fix)],
    )


def _input(model: ir.Model, name: str) -> ir.Value:
    found = next((v for v in model.graph.inputs if v.name == name), None)
    if found is None:
        have = ", ".join(repr(v.name) for v in model.graph.inputs)
        raise ModelError(
            "The image input is not in the graph", [Problem(f"{name!r}; it has {have}")]
        )
    return found


def require_image(model: ir.Model, image: ImageInput) -> None:
    value = _input(model, image.name)
    channels = 1 if image.color == "GRAY" else 3
    shape = shape_of(value)
    if dtype_of(value).name != "float32" or len(shape) != 4 or shape[:2] != (1, channels):
        raise ModelError(
            "The graph cannot take this image",
            [
                Problem(
                    f"a {image.color} image needs float32 [1, {channels}, H, W], the graph has "
                    f"{dtype_of(value)} {list(shape)}",
                    where=f"input {image.name!r}",
                )
            ],
        )


def _require_layers(program: Program, format: Format) -> None:
    """List every MIL op without a NeuralNetwork layer; coremltools would stop at the first."""
    if format == "mlpackage":
        return
    from coremltools.converters.mil.backend.nn.mil_to_nn_mapping_registry import (
        MIL_TO_NN_MAPPING_REGISTRY,
    )

    problems = [
        Problem(f"NeuralNetwork has no {op.op_type} layer", op.name, "use format mlpackage")
        for op in program.mil.functions["main"].operations
        if op.op_type not in MIL_TO_NN_MAPPING_REGISTRY
    ]
    if problems:
        raise UnsupportedError(
            f"Core ML (mlmodel) has no form for {len(problems)} of this model's nodes", problems
        )


def take_image(spec: Any, program: Program, model: ir.Model, image: ImageInput) -> None:
    height, width = shape_of(_input(model, image.name))[2:]
    declare_image(spec, program.inputs[image.name], image.color, (height, width))


def found_taps(spec: Any, program: Program) -> dict[str, str]:
    """Return graph name → name in `spec`, for the taps that are there with their shape."""
    return {t: v.name for t, v in program.taps.items() if _holds(spec, v)}


def _holds(spec: Any, var: Var) -> bool:
    """Return whether the specification has a value of this name with this variable's shape."""
    if spec.WhichOneof("Type") == "neuralNetwork":
        names = {o for layer in spec.neuralNetwork.layers for o in layer.output}
        return var.name in names or var.name in {f.name for f in spec.description.input}
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    declared = [o for op in block.operations for o in op.outputs] + list(function.inputs)
    shape = [int(d) for d in var.shape]
    for value in declared:
        if value.name == var.name:
            tensor = value.type.tensorType
            return [d.constant.size for d in tensor.dimensions] == shape
    return False


__all__ = ["LOWERINGS", "CoreMLArtifact", "ImageInput", "compile_spec", "write_coreml"]
