"""What a Core ML file says: features, image, preprocessing, labels, metadata, version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.formats.base.facts import (
    INTERFACE,
    LABELS,
    METADATA,
    PICTURE,
    VERSION,
    Fact,
    ports,
    tensor_inputs,
    tensor_outputs,
)
from mobilecat.formats.base.inspection import Port
from mobilecat.formats.coreml.fillers import FILLERS, fillers
from mobilecat.formats.coreml.inspect import inspect_model
from mobilecat.formats.coreml.quantised import quantised_facts
from mobilecat.formats.coreml.target import CoreMLTarget

# Specification version and opset of each system, as Core ML's own versions go:
# https://github.com/apple/coremltools/blob/9.0/mlmodel/format/Model.proto
_VERSIONS = {
    "iOS13": (4, ""),
    "iOS14": (5, ""),
    "iOS15": (6, "CoreML5"),
    "iOS16": (7, "CoreML6"),
    "iOS17": (8, "CoreML7"),
    "iOS18": (9, "CoreML8"),
}
# What an export chooses among where the spec names none: the oldest that has every layer.
_SYSTEMS = {"mlpackage": ("iOS15",), "mlmodel": ("iOS13", "iOS14")}
_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier")
_THRESHOLDS = ("iouThreshold", "confidenceThreshold")
_NAMED = ("class_label", "class_probabilities")
_RAW = ("raw_confidence", "raw_coordinates")
# Core ML takes float32 and int32 arrays: what is narrower or wider is handed over as these.
_ARRAYS = {"f": ("float32", "float16", "float64"), "i": ("int32", "float32")}


def facts(path: Path, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    from mobilecat.formats.coreml.runtime.package import read_package

    spec = read_package(path).spec
    models = list(spec.pipeline.models) if spec.WhichOneof("Type") == "pipeline" else [spec]
    yield from _features(path, spec, record, bundle)
    yield from _picture(spec, models, record, bundle)
    yield from _labels(spec, models, record, bundle)
    yield from _version([spec, *models], bundle.target_of(record), record.lints)
    yield from quantised_facts(path, record)
    said = spec.description.metadata.userDefined
    yield Fact(METADATA, "name", said.get("name"), bundle.spec.name)
    yield Fact(METADATA, "mobilecat", said.get("mobilecat"), bundle.versions.get("mobilecat"))


def _features(path: Path, spec: Any, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    """Apps take features by name: their order says nothing."""
    found = inspect_model(path, "coreml")
    vision, named = record.contract == "vision", record.contract == "classifier"
    wanted = [_ranked(p) for p in tensor_inputs(bundle, record)]
    types = {p.name: p.dtype for p in wanted}
    takes = [_as_array(p, types.get(p.name, p.dtype)) for p in found.inputs]
    if vision:
        wanted += [Port(n, "double", None, "optional") for n in _THRESHOLDS]
    if record.image == "pixels":
        name = record.inputs.get("image", "image")
        takes = [Port(name, "image", None) if p.name == name else p for p in takes]
        wanted = [Port(name, "image", None) if p.name == name else p for p in wanted]
    yield from ports("input", _sorted(takes), _sorted(wanted))
    outputs = _vision_outputs(bundle, record)
    if named:
        kinds = {"class_label": "string", "class_probabilities": "dictionary"}
        outputs = [Port(record.outputs[n], kind, None) for n, kind in kinds.items()]
    elif not vision:
        outputs = [_ranked(p) for p in tensor_outputs(bundle, record)]
    gives = [_with_ranges(p, spec) for p in found.outputs] if vision else found.outputs
    yield from ports("output", _sorted(gives), _sorted(outputs))
    about = spec.description
    predicted = (about.predictedFeatureName, about.predictedProbabilitiesName)
    wanted_names = tuple(record.outputs[n] for n in _NAMED) if named else ("", "")
    yield Fact(INTERFACE, "a predicted class", predicted, wanted_names)
    yield Fact(INTERFACE, "updatable on the device", bool(spec.isUpdatable), False)
    for kind in ("state", "functions", "trainingInput"):
        yield Fact(INTERFACE, kind, tuple(f.name for f in getattr(about, kind, ())), ())


def _ranked(port: Port) -> Port:
    """Core ML has no array without a side: a number is one of one."""
    return replace(port, shape=port.shape or (1,)) if port.shape is not None else port


def _as_array(found: Port, dtype: str) -> Port:
    """Return an input with the contract's type, where Core ML has none such and takes another."""
    kind = "f" if dtype.startswith("float") else "i"
    return replace(found, dtype=dtype) if found.dtype in _ARRAYS[kind] else found


def _sorted(found: Any) -> list[Port]:
    return sorted(found, key=lambda p: str(p.name))


def _vision_outputs(bundle: Bundle, record: ArtifactRecord) -> list[Port]:
    nms = bundle.spec.effective_nms
    rows = f"0 to {nms.max_detections}" if nms else ""
    classes = len(bundle.spec.labels) + len(_fillers(bundle, record))
    widths = {"confidence": classes, "coordinates": 4}
    return [
        Port(record.outputs[n], record.output_dtypes.get(n, "float32"), None, f"{rows}, {w} to {w}")
        for n, w in widths.items()
        if n in record.outputs
    ]


def _fillers(bundle: Bundle, record: ArtifactRecord) -> tuple[str, ...]:
    """Return what a Vision pipeline has behind the bundle's labels."""
    target = bundle.target_of(record)
    if record.contract != "vision" or not isinstance(target, CoreMLTarget):
        return ()
    return fillers(bundle.spec.labels, target.format, target.pad_classes)


def _with_ranges(port: Port, spec: Any) -> Port:
    feature = next(f for f in spec.description.output if f.name == port.name)
    sizes = feature.type.multiArrayType.shapeRange.sizeRanges
    said = ", ".join(f"{s.lowerBound} to {s.upperBound}" for s in sizes)
    return Port(port.name, port.dtype, port.shape, said or port.detail)


def _picture(
    spec: Any, models: list[Any], record: ArtifactRecord, bundle: Bundle
) -> Iterator[Fact]:
    """Colour and size of the image; what the file does to its values before the first layer."""
    image = bundle.spec.input
    if record.image == "pixels" and image is not None:
        name = record.inputs.get("image", "image")
        wanted = f"{image.color} {image.size[0]}×{image.size[1]}"
        for at, model in enumerate((spec, *models[:1])):
            place = "image" if at == 0 else "image of the first stage"
            yield Fact(PICTURE, place, _image(model, name), wanted)
    steps = [
        (step.featureName, *_arithmetic(step))
        for model in models
        if model.WhichOneof("Type").startswith("neuralNetwork")
        for step in getattr(model, model.WhichOneof("Type")).preprocessing
    ]
    plain = (1.0, 0.0, 0.0, 0.0, 0.0)
    name = record.inputs.get("image", "image")
    is_network = any(m.WhichOneof("Type").startswith("neuralNetwork") for m in models)
    wanted_steps = [(name, *plain)] if is_network and record.image == "pixels" else []
    yield Fact(PICTURE, "scale and biases", tuple(steps), tuple(wanted_steps))


def _image(model: Any, name: str) -> str:
    from mobilecat.formats.coreml.runtime.proto import feature_types_pb2

    feature = next((f for f in model.description.input if f.name == name), None)
    if feature is None or feature.type.WhichOneof("Type") != "imageType":
        return "no image"
    image = feature.type.imageType
    colors = feature_types_pb2().ImageFeatureType.ColorSpace
    said = f"{_color(colors.Name(image.colorSpace))} {image.width}×{image.height}"
    flexible = image.WhichOneof("SizeFlexibility")
    optional = "optional" if feature.type.isOptional else None
    return ", ".join(x for x in (said, flexible, optional) if x)


def _color(name: str) -> str:
    return {"GRAYSCALE": "GRAY"}.get(name, name)


def _arithmetic(step: Any) -> tuple[float, ...]:
    if step.WhichOneof("preprocessor") != "scaler":
        return ()
    s = step.scaler
    return (s.channelScale, s.redBias, s.greenBias, s.blueBias, s.grayBias)


def _labels(spec: Any, models: list[Any], record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    labels, extra = bundle.spec.labels, _fillers(bundle, record)
    said = spec.description.metadata.userDefined
    yield Fact(LABELS, "classes in the metadata", said.get("classes"), ",".join(labels) or None)
    count = str(len(extra)) if extra else None
    yield Fact(LABELS, "fillers behind the classes", said.get(FILLERS), count)
    for model in models:
        kind = model.WhichOneof("Type")
        holder = getattr(model, kind)
        for field in ("stringClassLabels", "int64ClassLabels"):
            if field in holder.DESCRIPTOR.fields_by_name:
                holds = kind == "nonMaximumSuppression" or record.contract == "classifier"
                named = holds and field == "stringClassLabels"
                found = tuple(getattr(holder, field).vector)
                yield Fact(LABELS, f"label ({field})", found, (*labels, *extra) if named else ())
        if kind == "mlProgram":
            wanted = (labels,) if record.contract == "classifier" else ()
            yield Fact(LABELS, "labels of classify", _classified(model.mlProgram), wanted)
    if record.contract == "vision":
        ends = [m.nonMaximumSuppression for m in models[-1:]]
        for nms in ends:
            takes = (nms.iouThresholdInputFeatureName, nms.confidenceThresholdInputFeatureName)
            yield Fact(INTERFACE, "thresholds that an app may give", takes, _THRESHOLDS)
            raw = (nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName)
            yield Fact(INTERFACE, "what is suppressed", raw, _RAW)


def _classified(program: Any) -> tuple[tuple[str, ...], ...]:
    """Return the labels of each `classify` in the blocks that run."""
    found = []
    for function in program.functions.values():
        operations = function.block_specializations[function.opset].operations
        consts = {o.outputs[0].name: o.attributes["val"] for o in operations if o.type == "const"}
        for op in operations:
            if op.type == "classify":
                texts: list[str] = []
                for a in op.inputs["classes"].arguments:
                    value = consts[a.name] if a.WhichOneof("binding") == "name" else a.value
                    texts += _texts(value.immediateValue)
                found.append(tuple(texts))
    return tuple(found)


def _texts(value: Any) -> list[str]:
    if value.WhichOneof("value") == "list":
        return [t for v in value.list.values for t in _texts(v.immediateValue)]
    return list(value.tensor.strings.values)


def _needs(system: str) -> str:
    """Return the beginning of what `write` says where it raises the version."""
    return f"its layers need {system} "


def _version(models: list[Any], target: Any, lints: Sequence[str]) -> Iterator[Fact]:
    """The systems that load the file are those of the spec's deployment target, and so its ops.

    Where the spec leaves it out, it is the oldest, or that which the export says its layers need:
    a file that asks for a newer one is left out by every phone in between.
    """
    if not isinstance(target, CoreMLTarget):
        yield Fact(VERSION, "target in the spec", None, "one that makes this file")
        return
    said = target.deployment_target
    oldest, *newer = _SYSTEMS[target.format]
    raised = [x for x in newer if any(_needs(x) in lint for lint in lints)]
    if target.format == "mlpackage":
        oldest = f"iOS{target.recipe.ios}"
    number, opset = _VERSIONS[said or (*raised, oldest)[0]]
    for at, model in enumerate(models):
        where = "specification" if at == 0 else f"specification of stage {at}"
        yield Fact(VERSION, where, model.specificationVersion, number)
        if model.WhichOneof("Type") == "mlProgram":
            for name, function in sorted(model.mlProgram.functions.items()):
                yield Fact(VERSION, f"opset of function {name!r}", function.opset, opset)
                blocks = tuple(sorted(function.block_specializations))
                yield Fact(VERSION, f"blocks of function {name!r}", blocks, (opset,))
    network = "neuralNetworkClassifier" if target.contract == "classifier" else "neuralNetwork"
    kinds = {m.WhichOneof("Type") for m in models} & {"mlProgram", *_NETWORKS}
    wanted = "mlProgram" if target.format == "mlpackage" else network
    yield Fact(VERSION, "kind of model", tuple(sorted(kinds)), (wanted,))
