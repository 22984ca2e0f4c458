"""One artifact of an export: which graph it takes, what it cannot hold, its bytes, its record."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.bake.endings import CONFIDENCE, COORDINATES, Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import sha256_of, size_of
from mobilecat.errors import Problem, SpecError, UnsupportedError
from mobilecat.spec import CoreMLTarget, OnnxTarget, Spec, TargetSpec, TfliteTarget

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.bake import Baked
    from mobilecat.formats.base.inspection import Inspection
    from mobilecat.formats.coreml import CoreMLArtifact

Variant = tuple[Form, Ending]
CONTRACT: Variant = ("uint8", "tensor")
"""The contract of the bundle is the tensor contract, also where every artifact has another."""


def variant_of(target: TargetSpec, plain: Baked, spec: Spec) -> Variant:
    """Return what the target's graph takes and how it ends."""
    if isinstance(target, CoreMLTarget):
        return "planar", target.contract
    if not isinstance(target, TfliteTarget):
        return CONTRACT
    if target.contract == "detection":
        from mobilecat.formats.tflite.detection_file import ending_for

        return target.input, ending_for(plain, spec)
    return target.input, "tensor"


def require_lowerings(graphs: Mapping[TargetSpec, Baked]) -> None:
    """Find every gap of every target before the first file."""
    problems: list[Problem] = []
    summaries: list[str] = []
    for target, baked in graphs.items():
        try:
            _require(target, baked)
        except UnsupportedError as e:
            summaries.append(e.summary)
            problems += [p for p in e.problems if p not in problems]
    if problems:
        raise UnsupportedError("; ".join(dict.fromkeys(summaries)), problems)


def _require(target: TargetSpec, baked: Baked) -> None:
    if isinstance(target, TfliteTarget):
        from mobilecat.formats import tflite

        tflite.LOWERINGS.require(baked.model)
    elif isinstance(target, CoreMLTarget):
        from mobilecat.formats.coreml import write  # noqa: F401 (write fills the table)
        from mobilecat.formats.coreml.lower import gaps

        gaps.require(baked.model, target.format, baked.image)


def file_names(spec: Spec) -> dict[TargetSpec, str]:
    """Return each target's file name: `<name><suffix>`, told apart by precision or number."""
    names: dict[TargetSpec, str] = {}
    for target in spec.targets.all:
        name = f"{target.name or spec.name}{target.suffix}"
        if name in names.values():
            name = f"{spec.name}-{target.precision}{target.suffix}"
        if name in names.values():
            raise SpecError(
                "Two targets would write one file",
                [Problem(f"{name} twice", "targets", 'give each a name: name = "…"')],
            )
        names[target] = name
    return names


def emit(target: TargetSpec, baked: Baked, spec: Spec, path: Path) -> ArtifactRecord:
    """Write the artifact to `path`, which must not exist yet; return its record for the bundle."""
    from mobilecat.formats.inspection import inspect_file

    taps = (*baked.raw, *baked.candidates) if baked.image or baked.candidates else ()
    io = [v.name or "" for v in baked.model.graph.inputs]
    outputs = [v.name or "" for v in baked.model.graph.outputs]
    taps = tuple(t for t in taps if t not in outputs)
    inputs_map, outputs_map = {n: n for n in io}, {n: n for n in outputs}
    lints: tuple[str, ...] = ()
    dtypes: dict[str, str] | None = None
    contract = "tensor"
    image: str | None = None
    if isinstance(target, OnnxTarget):
        from mobilecat.formats.onnx.write import onnx_from_graph

        path.write_bytes(onnx_from_graph(baked.model, target.opset))
        taps_map = {t: t for t in taps}
        image = "uint8" if baked.image else None
    elif isinstance(target, TfliteTarget):
        from mobilecat.formats.tflite import tflite_from_graph
        from mobilecat.formats.tflite.inspect import tensor_shapes

        contract = target.contract
        if contract == "detection":
            from mobilecat.formats.tflite.detection_file import detection_file

            file = detection_file(baked, spec)
            data, outputs_map, dtypes = file.data, file.outputs, file.dtypes
        else:
            data = tflite_from_graph(baked.model, description=f"{spec.name}, made by mobilecat")
        path.write_bytes(data)
        there = tensor_shapes(data)
        taps_map = {t: t for t in taps if t in there}
        image = target.input if baked.image else None
    else:
        made = _emit_coreml(target, baked, spec, path, taps)
        inputs_map, outputs_map, taps_map = made.inputs, made.outputs, made.taps
        lints = made.lints
        contract = target.contract
        image = "pixels" if baked.image else None
    written = inspect_file(path)
    if dtypes is None:
        dtypes = _other_dtypes(written, baked.model, outputs_map)
    return ArtifactRecord(
        file=path.name,
        kind=target.kind,  # type: ignore[arg-type]
        format=target.suffix[1:],
        contract=contract,
        precision=target.precision,
        bytes=size_of(path),
        sha256=sha256_of(path),
        image=image,  # type: ignore[arg-type]
        inputs=inputs_map,
        outputs=outputs_map,
        output_dtypes=dtypes,
        taps=taps_map,
        lints=tuple(dict.fromkeys((*lints, *written.lints))),
    )


def _other_dtypes(found: Inspection, model: ir.Model, names: Mapping[str, str]) -> dict[str, str]:
    from mobilecat.graph import dtype_of

    written = {port.name: port.dtype for port in found.outputs}
    expected = {v.name or "": dtype_of(v).name for v in model.graph.outputs}
    return {k: written[names[k]] for k, dtype in expected.items() if written[names[k]] != dtype}


def _emit_coreml(
    target: CoreMLTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> CoreMLArtifact:
    from mobilecat.formats.coreml import ImageInput, write_coreml, write_vision_pipeline

    image = None
    if baked.image and spec.input:
        image = ImageInput(baked.image, spec.input.color)
    common: dict[str, Any] = {
        "format": target.format,
        "precision": target.precision,
        "deployment_target": target.deployment,
        "image": image,
        "taps": taps,
        "labels": spec.labels,
        "metadata": {"mobilecat": version("mobilecat"), "name": spec.name},
        "float32_names": baked.exact_nodes,
    }
    if target.contract == "tensor":
        return write_coreml(baked.model, path, **common)
    nms = spec.effective_nms
    assert nms is not None
    return write_vision_pipeline(
        baked.model,
        path,
        confidence=CONFIDENCE,
        coordinates=COORDINATES,
        iou_threshold=nms.iou_threshold,
        score_threshold=nms.score_threshold,
        per_class=nms.per_class,
        max_detections=nms.max_detections,
        **common,
    )
