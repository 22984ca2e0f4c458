"""One command's work: spec → bundle. Import, bake, lower to every target, write in one step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.bake.endings import CONFIDENCE, COORDINATES, Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.bundle import (
    FILE,
    LABELS,
    ArtifactRecord,
    Bundle,
    SourceRecord,
    TensorContract,
)
from mobilecat.disk import new_folder, sha256_of, size_of
from mobilecat.errors import ArtifactError, ModelError, Problem, SpecError, UnsupportedError
from mobilecat.importers import ImportOptions, dims_of, format_of, import_model
from mobilecat.importers.notes import notes_from_metadata
from mobilecat.spec import CoreMLTarget, ImageSpec, OnnxTarget, Spec, TargetSpec, TfliteTarget

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.bake import Baked
    from mobilecat.targets.coreml import CoreMLArtifact

Progress = Callable[[str], None]
Variant = tuple[Form, Ending]
CONTRACT: Variant = ("uint8", "tensor")

MEANINGS = {
    "image": "the picture: rows, columns, channels; values 0–255",
    "boxes": "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero",
    "scores": "best class score, falling; rows ≥ count are zero",
    "class_ids": "index into labels; rows ≥ count are zero",
    "landmarks": "x,y a point, pixels of the model input, origin top-left; rows ≥ count are zero",
    "count": "number of detections",
}
_VERSIONED = ("coremltools", "onnx", "onnx-ir", "onnxruntime", "ai-edge-litert", "numpy")


@dataclass(frozen=True)
class Exported:
    """What an export made, and what it settled on the way."""

    folder: Path
    bundle: Bundle
    notes: tuple[str, ...]


def export(
    spec: Spec,
    out: Path,
    *,
    spec_folder: Path = Path(),
    source: Path | None = None,
    progress: Progress = lambda _: None,
) -> Exported:
    """Compile `spec` into the bundle folder `out`, replacing a bundle that is there in one step.

    `source` overrides the spec's model file. Every target's gaps are found before anything is
    written. Errors: MobileCatError; `out` then is as it was.
    """
    from mobilecat.bake import bake

    path = source or spec_folder / spec.source
    _require_targets(spec)
    require_replaceable(out)
    progress(f"reading {path.name}")
    options = import_options(spec)
    dims = dims_of(path, options, progress)
    shapes, notes = _shapes(spec, dims, path)
    network = import_model(path, shapes, options, progress)
    progress("baking preprocessing, head and NMS" if spec.input else "freezing")
    # The contract of the bundle is the tensor contract, also where every artifact has another.
    plain = bake(network, spec, *CONTRACT)
    variants = {t: _variant(t, plain, spec) for t in spec.targets.all}
    baked = {CONTRACT: plain}
    for variant in variants.values():
        if variant not in baked:
            baked[variant] = bake(network, spec, *variant)
    graphs = {target: baked[variant] for target, variant in variants.items()}
    _require_lowerings(graphs)
    names = _file_names(spec)
    try:
        with new_folder(out) as folder:
            records = []
            for target in spec.targets.all:
                progress(f"writing {names[target]}")
                records.append(_emit(target, graphs[target], spec, folder / names[target]))
            bundle = _bundle(spec, path, out, network, plain, records)
            if spec.labels:
                (folder / LABELS).write_text("\n".join(spec.labels) + "\n", encoding="utf-8")
            (folder / FILE).write_text(bundle.to_json(), encoding="utf-8")
    except OSError as e:
        raise ArtifactError(
            "The bundle cannot be written", [Problem(e.strerror or str(e), str(out))]
        ) from e
    imported = notes_from_metadata(network.metadata_props)
    return Exported(out, bundle, (*imported, *notes, *plain.settled))


def import_options(spec: Spec) -> ImportOptions:
    """Return what the spec says about a TensorFlow or Keras file."""
    said = spec.import_
    return ImportOptions(signature=said.signature, inputs=said.inputs, outputs=said.outputs)


def _require_targets(spec: Spec) -> None:
    if not spec.targets.all:
        raise SpecError(
            "The spec names no target",
            [
                Problem(
                    "nothing to compile to",
                    "targets",
                    "add [targets.coreml], [targets.tflite] or [targets.onnx]",
                )
            ],
        )


def require_replaceable(out: Path) -> None:
    """Raise ArtifactError where `out` holds anything but a bundle."""
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).is_file():
        raise ArtifactError(
            "The output folder is in use",
            [
                Problem(
                    "holds files that are not a bundle; they would be lost",
                    str(out),
                    "name a new folder, or an old bundle",
                )
            ],
        )
    if out.exists() and not out.is_dir():
        raise ArtifactError("The output is a file", [Problem("not a folder", str(out))])


def _shapes(
    spec: Spec, dims: Mapping[str, tuple[int | None, ...]], path: Path
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Return every input's shape that the spec settles, and a note for each that it changes."""
    shapes = {k: tuple(v) for k, v in spec.shapes.items()}
    if spec.input is not None:
        name = _picture_input(spec.input, dims, path)
        have = dims[name]
        interleaved = _is_interleaved(have, spec.input)
        shapes.setdefault(name, spec.input.shape("NHWC" if interleaved else "NCHW"))
    notes = [
        f"input {name!r}: {_dims(dims[name])} → {_dims(shape)}, as the spec says"
        for name, shape in shapes.items()
        if name in dims and dims[name] != shape
    ]
    return shapes, notes


def _dims(dims: Sequence[int | None]) -> str:
    return "×".join("?" if d is None else str(d) for d in dims)


def _is_interleaved(dims: Sequence[int | None], image: ImageSpec) -> bool:
    """Whether channels come last; a dynamic channel dimension leaves it to the other end."""
    if dims[1] == image.channels:
        return False
    return dims[3] == image.channels or dims[1] is not None


def _picture_input(image: ImageSpec, dims: Mapping[str, tuple[int | None, ...]], path: Path) -> str:
    listed = ", ".join(f"{n} {_dims(d)}" for n, d in dims.items())
    if image.tensor is not None:
        if image.tensor in dims and len(dims[image.tensor]) == 4:
            return image.tensor
        raise ModelError(
            "The spec's picture input is not there",
            [Problem(f"no 4-dimensional input {image.tensor!r}", str(path), f"it has {listed}")],
        )
    fitting = [
        n
        for n, d in dims.items()
        if len(d) == 4 and (d[1] in (image.channels, None) or d[3] in (image.channels, None))
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise ModelError(
        "Which input takes the picture?",
        [
            Problem(
                f"{len(fitting)} inputs have {image.channels} channels; it has {listed}",
                str(path),
                "set input.tensor, or correct input.color",
            )
        ],
    )


def _variant(target: TargetSpec, plain: Baked, spec: Spec) -> Variant:
    """Return what the target's graph takes and how it ends."""
    if isinstance(target, CoreMLTarget):
        return "planar", target.contract
    if not isinstance(target, TfliteTarget):
        return CONTRACT
    if target.contract == "detection":
        from mobilecat.targets.tflite.detection_file import ending_for

        return target.input, ending_for(plain, spec)
    return target.input, "tensor"


def _require_lowerings(graphs: Mapping[TargetSpec, Baked]) -> None:
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
        from mobilecat.targets import tflite

        tflite.LOWERINGS.require(baked.model)
    elif isinstance(target, CoreMLTarget):
        from mobilecat.targets.coreml import gaps, write  # noqa: F401 (write fills the table)

        gaps.require(baked.model, target.format, baked.image)


def _file_names(spec: Spec) -> dict[TargetSpec, str]:
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


def _emit(target: TargetSpec, baked: Baked, spec: Spec, path: Path) -> ArtifactRecord:
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
        from mobilecat.targets.onnx_file import onnx_from_graph

        path.write_bytes(onnx_from_graph(baked.model, target.opset))
        taps_map = {t: t for t in taps}
        image = "uint8" if baked.image else None
    elif isinstance(target, TfliteTarget):
        from mobilecat.inspection.tflite_model import tensor_shapes
        from mobilecat.targets.tflite import tflite_from_graph

        contract = target.contract
        if contract == "detection":
            from mobilecat.targets.tflite.detection_file import detection_file

            file = detection_file(baked, spec)
            data, outputs_map, dtypes, lints = file.data, file.outputs, file.dtypes, file.lints
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
    if dtypes is None:
        dtypes = _other_dtypes(path, baked.model, outputs_map)
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
        lints=lints,
    )


def _other_dtypes(path: Path, model: ir.Model, names: Mapping[str, str]) -> dict[str, str]:
    from mobilecat.graph import dtype_of
    from mobilecat.inspection import inspect_file

    written = {port.name: port.dtype for port in inspect_file(path).outputs}
    expected = {v.name or "": dtype_of(v).name for v in model.graph.outputs}
    return {k: written[names[k]] for k, dtype in expected.items() if written[names[k]] != dtype}


def _emit_coreml(
    target: CoreMLTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> CoreMLArtifact:
    from mobilecat.targets.coreml import ImageInput, write_coreml, write_vision_pipeline

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


def _bundle(
    spec: Spec,
    path: Path,
    out: Path,
    network: ir.Model,
    baked: Baked,
    records: list[ArtifactRecord],
) -> Bundle:
    spec_json = spec.model_dump_json().encode()
    inner = {v.name: v for node in baked.model.graph for v in node.outputs}
    return Bundle(
        name=spec.name,
        versions={name: _version(name) for name in ("mobilecat", *_VERSIONED)},
        source=SourceRecord(
            path=_relative(path, out),
            sha256=sha256_of(path),
            format=format_of(path),
            shapes={v.name or "": _tensor(v).shape for v in network.graph.inputs},
        ),
        spec_sha256=hashlib.sha256(spec_json).hexdigest(),
        spec=spec,
        nms=spec.effective_nms,
        inputs=tuple(_tensor(v) for v in baked.model.graph.inputs),
        outputs=tuple(_tensor(v) for v in baked.model.graph.outputs),
        raw_outputs=tuple(_tensor(inner[n]) for n in baked.raw if n in inner),
        candidates=tuple(_tensor(inner[n]) for n in baked.candidates),
        artifacts=tuple(records),
    )


def _tensor(value: ir.Value) -> TensorContract:
    from mobilecat.graph import dtype_of, shape_of

    name = value.name or ""
    return TensorContract(
        name=name,
        shape=shape_of(value),
        dtype=dtype_of(value).name,
        meaning=MEANINGS.get(name, ""),
    )


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path.resolve())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
