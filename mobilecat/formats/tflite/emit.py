"""The frozen graph as a .tflite artifact: with plain tensors, or the four detection outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx_ir as ir

from mobilecat.bake import Baked
from mobilecat.bake.endings import Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.base.lowering import prepared
from mobilecat.formats.tflite.classifier_file import classifier_file
from mobilecat.formats.tflite.detection_file import detection_file, ending_for
from mobilecat.formats.tflite.inspect import picture_scale, tensor_shapes
from mobilecat.formats.tflite.lower.lowering import MAX_RANK
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.formats.tflite.write import LOWERINGS, file_from_graph
from mobilecat.spec import Spec


def variant(target: TfliteTarget, plain: Baked, spec: Spec) -> tuple[Form, Ending]:
    form: Form = "float32" if target.input == "float32" else "uint8"
    if target.contract == "detection":
        return form, ending_for(plain, spec)
    return form, target.contract


def require(target: TfliteTarget, baked: Baked) -> None:
    LOWERINGS.require(prepared(baked.model, LOWERINGS, MAX_RANK))


def emit(
    target: TfliteTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> Emitted:
    recipe = _recipe(target, baked)
    data: bytes | memoryview
    lints: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = {}
    outputs = {v.name or "": v.name or "" for v in baked.model.graph.outputs}
    dtypes: dict[str, str] | None = None
    if target.contract == "detection":
        made = detection_file(baked, spec, recipe)
        data, outputs, dtypes, lints = made.data, made.outputs, made.dtypes, made.lints
        ranges, fitted = made.ranges, made.fitted
    else:
        if target.contract == "classifier":
            file = classifier_file(baked, spec, recipe)
        else:
            file = file_from_graph(baked.model, recipe, f"{spec.name}, made by mobilecat")
        data, lints, ranges, fitted = file.packed, file.lints, file.ranges, file.fitted
    path.write_bytes(data)
    names = tensor_shapes(data)
    there = {v: n for v, n in _passed_on(baked.model).items() if n in names} | {n: n for n in names}
    return Emitted(
        inputs={v.name or "": v.name or "" for v in baked.model.graph.inputs},
        outputs=outputs,
        taps={t: there[t] for t in taps if t in there},
        image=target.input if baked.image else None,
        dtypes=dtypes,
        lints=lints,
        ranges=ranges,
        fitted=fitted,
        image_scale=picture_scale(data) if baked.image else None,
    )


def _recipe(target: TfliteTarget, baked: Baked) -> Recipe:
    return Recipe(
        precision=target.precision,
        input=target.input,
        keep_float=target.float_nodes,
        float_weights=target.float_weights,
        one_scale=target.one_scale,
        whole=target.full_integer,
        exact=baked.exact_nodes,
        outputs=baked.raw,
        calibration=baked.calibration,
        auto=target.finds_floats,
        watched=baked.candidates or baked.raw,
    )


def _passed_on(model: ir.Model) -> dict[str, str]:
    """Return the inner values that are outputs under another name: no tensor has their own."""
    made = {v.name or "": v.producer() for v in model.graph.outputs}
    return {
        node.inputs[0].name or "": output
        for output, node in made.items()
        if node is not None and node.op_type == "Identity" and node.inputs[0] is not None
    }
