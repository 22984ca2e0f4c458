"""Faults of what a file says besides its numbers, with its hash made again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import onnx
from onnx import helper, numpy_helper

from mobilecat.formats.tflite.read.file import read_tflite
from tools.plant_faults.changes import Plant, shuffled
from tools.plant_faults.files import edit_coreml, edit_tflite
from tools.plant_faults.kinds import ALL, COREML, DETECTORS, Fault
from tools.plant_faults.models import WITH_CONTRACTS
from tools.plant_faults.workshop import Mutant

VISION = ("vision.mlpackage", "vision.mlmodel")
DETECTION = ("detection.tflite",)
_BOUNDARIES = bytes([1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0])  # 1, 0, 3, 2 as uint32


def coreml(change: Callable[[Any], object]) -> Plant:
    return lambda m: edit_coreml(m.path, change)


def tflite(change: Callable[[Any], object]) -> Plant:
    return lambda m: edit_tflite(m.path, change)


def proto(change: Callable[[Any], object]) -> Plant:
    def plant(m: Mutant) -> None:
        model = onnx.load(m.path)
        change(model)
        m.path.write_bytes(model.SerializeToString())

    return plant


# Core ML


def _user(key: str, text: str) -> Callable[[Any], object]:
    return lambda spec: spec.description.metadata.userDefined.__setitem__(key, text)


def _rolled_classes(spec: Any) -> None:
    said = spec.description.metadata.userDefined
    said["classes"] = ",".join(shuffled(said["classes"].split(",")))


def _no_classes(spec: Any) -> None:
    del spec.description.metadata.userDefined["classes"]


def _specification(step: int) -> Callable[[Any], object]:
    def change(spec: Any) -> None:
        spec.specificationVersion += step

    return change


def _opset(spec: Any) -> None:
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    copy = type(block).FromString(block.SerializeToString())
    function.block_specializations.clear()
    function.opset = "CoreML6"
    function.block_specializations["CoreML6"].CopyFrom(copy)


def _optional(spec: Any) -> None:
    spec.description.input[0].type.isOptional = True


def _flexible(spec: Any) -> None:
    image = spec.description.input[0].type.imageType
    for side in (image.imageSizeRange.widthRange, image.imageSizeRange.heightRange):
        side.lowerBound, side.upperBound = 1, -1


def _predicted(spec: Any) -> None:
    spec.description.predictedFeatureName = "scores"


def _undescribed(spec: Any) -> None:
    features = [f for f in spec.description.output if f.name != "scores"]
    copies = [type(f).FromString(f.SerializeToString()) for f in features]
    del spec.description.output[:]
    spec.description.output.extend(copies)


def _extra_coreml(m: Mutant) -> None:
    """An inner value becomes an output as well."""
    tap, inner = sorted(m.artifact["taps"].items())[0]
    every = (*m.told["raw_outputs"], *m.told["candidates"])
    shape = next(t["shape"] for t in every if t["name"] == tap)

    def change(spec: Any) -> None:
        feature = spec.description.output.add(name=inner)
        feature.type.multiArrayType.dataType = 65568  # float32
        feature.type.multiArrayType.shape.extend(shape)
        if spec.WhichOneof("Type") == "mlProgram":
            function = spec.mlProgram.functions["main"]
            function.block_specializations[function.opset].outputs.append(inner)

    edit_coreml(m.path, change)


def _nms_stage(spec: Any) -> Any:
    return spec.pipeline.models[-1].nonMaximumSuppression


def _rolled_pipeline(spec: Any) -> None:
    labels = _nms_stage(spec).stringClassLabels.vector
    found = [f"{labels[-1]}s", *labels[1:]] if len(labels) == 1 else [labels[-1], *labels[:-1]]
    del labels[:]
    labels.extend(found)


def _numbered_pipeline(spec: Any) -> None:
    nms = _nms_stage(spec)
    count = len(nms.stringClassLabels.vector)
    nms.ClearField("stringClassLabels")
    nms.int64ClassLabels.vector.extend(range(count))


def _pipeline_stage_version(spec: Any) -> None:
    spec.pipeline.models[0].specificationVersion += 1


def _more_rows(spec: Any) -> None:
    for feature in spec.description.output:
        feature.type.multiArrayType.shapeRange.sizeRanges[0].upperBound = 1000


def _one_iou(spec: Any) -> None:
    _nms_stage(spec).iouThreshold = 0.46


# TFLite


def _extra_tflite(model: Any) -> None:
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    inner = next(int(op.outputs[0]) for op in graph.operators if int(op.outputs[0]) not in
                 {int(i) for i in graph.outputs})  # fmt: skip
    graph.outputs = [*graph.outputs, inner]
    entry = type(signature.outputs[0])()
    entry.name, entry.tensorIndex = b"extra", inner
    signature.outputs.append(entry)


def _extra_unsigned(model: Any) -> None:
    """An output that only who reads by place gets."""
    graph = model.subgraphs[0]
    inner = next(int(op.outputs[0]) for op in graph.operators if int(op.outputs[0]) not in
                 {int(i) for i in graph.outputs})  # fmt: skip
    graph.outputs = [*graph.outputs, inner]


def _reordered(model: Any) -> None:
    model.subgraphs[0].outputs = list(model.subgraphs[0].outputs)[::-1]


def _dynamic(model: Any) -> None:
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.inputs[0]]
    tensor.shapeSignature = [-1, *(int(d) for d in tensor.shape[1:])]


def _quantised(model: Any) -> None:
    from ai_edge_litert.schema_py_generated import QuantizationParametersT

    graph = model.subgraphs[0]
    said = QuantizationParametersT()
    said.scale, said.zeroPoint = [1 / 255], [0]
    graph.tensors[graph.inputs[0]].quantization = said


def _second_signature(model: Any) -> None:
    first = model.signatureDefs[0]
    second = type(first)()
    second.inputs, second.outputs = first.inputs, first.outputs[:1]
    second.signatureKey, second.subgraphIndex = b"second", 0
    model.signatureDefs.append(second)


def packed(change: Callable[[bytes], bytes], labels: Callable[[list[str]], list[str]]) -> Plant:
    """Change the bytes of the model, which keep their length, and the labels behind them."""

    def plant(m: Mutant) -> None:
        data = m.path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            lines = archive.read("labels.txt").decode().splitlines()
            start = min(i.header_offset for i in archive.infolist())
        file = io.BytesIO()
        file.write(change(data[:start]))
        if lines := labels(lines):
            with zipfile.ZipFile(file, "a") as archive:
                archive.writestr("labels.txt", "\n".join(lines) + "\n")
        m.path.write_bytes(file.getvalue())
        read_tflite(m.path.read_bytes(), "")

    return plant


def _in_metadata(old: bytes, new: bytes) -> Plant:
    def change(data: bytes) -> bytes:
        assert old in data and len(old) == len(new)
        at = data.rindex(old)
        return data[:at] + new + data[at + len(old) :]

    return packed(change, list)


def _signature_four(model: Any) -> None:
    """Scores and class indices change places, both floats of one shape."""
    entries = {e.name.decode(): e for e in model.signatureDefs[0].outputs}
    a = entries["TFLite_Detection_PostProcess:1"]
    b = entries["TFLite_Detection_PostProcess:2"]
    a.tensorIndex, b.tensorIndex = b.tensorIndex, a.tensorIndex


def _keeping_labels(change: Callable[[Any], object]) -> Plant:
    def plant(m: Mutant) -> None:
        with zipfile.ZipFile(m.path) as archive:
            lines = archive.read("labels.txt")
        edit_tflite(m.path, change)
        with zipfile.ZipFile(m.path, "a") as archive:
            archive.writestr("labels.txt", lines)

    return plant


# ONNX


def _extra_onnx(model: Any) -> None:
    inner = model.graph.node[0].output[0]
    model.graph.output.append(onnx.ValueInfoProto(name=inner))


def _reordered_onnx(model: Any) -> None:
    outputs = list(model.graph.output)[::-1]
    del model.graph.output[:]
    model.graph.output.extend(outputs)


def _undeclared(model: Any) -> None:
    dims = model.graph.output[0].type.tensor_type.shape.dim
    dims[0].dim_param = "batch"


def _open_input(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"


def _older_opset(model: Any) -> None:
    next(o for o in model.opset_import if o.domain in ("", "ai.onnx")).version = 17


def _replaceable(model: Any) -> None:
    constant = model.graph.initializer[0]
    array = numpy_helper.to_array(constant)
    kind = constant.data_type
    model.graph.input.append(helper.make_tensor_value_info(constant.name, kind, array.shape))


def _onnx_nms(place: int, value: float) -> Callable[[Any], object]:
    def change(model: Any) -> None:
        bodies = [model.graph, *model.functions]
        node = next(n for b in bodies for n in b.node if n.op_type == "NonMaxSuppression")
        held = next(i for i in model.graph.initializer if i.name == node.input[place])
        array = numpy_helper.to_array(held).copy()
        array[...] = value
        held.CopyFrom(numpy_helper.from_array(array, held.name))

    return change


def interface_faults() -> list[Fault]:
    said: list[tuple[str, str, Sequence[str], Plant, Sequence[str]]] = [
        ("classes in the metadata gone", "contract", DETECTORS, coreml(_no_classes), COREML),
        ("classes in the metadata rolled", "contract", ("yolox_nano",), coreml(_rolled_classes),
         COREML),
        ("name in the metadata", "contract", ALL, coreml(_user("name", "other")), COREML),
        ("version in the metadata", "contract", ALL, coreml(_user("mobilecat", "9")), COREML),
        ("specification one lower", "contract", ALL, coreml(_specification(-1)), COREML),
        ("specification one higher", "contract", ALL, coreml(_specification(1)), COREML),
        ("opset of the program", "contract", ALL, coreml(_opset), ("mlpackage",)),
        ("image optional", "input", ALL, coreml(_optional), COREML),
        ("image of any size", "input", ALL, coreml(_flexible), COREML),
        ("a predicted class", "contract", ALL, coreml(_predicted), COREML),
        ("an output that is not described", "contract", ALL, coreml(_undescribed), COREML),
        ("an output too many", "contract", ALL, _extra_coreml, COREML),
        ("pipeline's labels rolled", "contract", WITH_CONTRACTS, coreml(_rolled_pipeline), VISION),
        ("pipeline's labels numbers", "contract", WITH_CONTRACTS, coreml(_numbered_pipeline),
         VISION),
        ("pipeline's first stage newer", "contract", WITH_CONTRACTS,
         coreml(_pipeline_stage_version), VISION),
        ("pipeline gives more rows", "contract", WITH_CONTRACTS, coreml(_more_rows), VISION),
        ("pipeline's IoU 0.46", "detections", WITH_CONTRACTS, coreml(_one_iou), VISION),
        ("another description", "contract", ALL,
         tflite(lambda model: setattr(model, "description", b"another text")), ("tflite",)),
        ("an output too many, signed", "contract", ALL, tflite(_extra_tflite), ("tflite",)),
        ("an output too many, by place", "contract", ALL, tflite(_extra_unsigned), ("tflite",)),
        ("outputs in another order", "contract", ALL, tflite(_reordered), ("tflite",)),
        ("a batch of any size", "contract", ALL, tflite(_dynamic), ("tflite",)),
        ("input with a quantisation", "input", ALL, tflite(_quantised), ("tflite",)),
        ("a second signature", "run", ALL, tflite(_second_signature), ("tflite",)),
        ("box index y, x for x, y", "contract", WITH_CONTRACTS,
         _in_metadata(_BOUNDARIES, bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])),
         DETECTION),
        ("labels in the file changed", "contract", WITH_CONTRACTS,
         packed(bytes, lambda x: [*x[1:], "unicorn"]), DETECTION),
        ("labels in the file gone", "contract", WITH_CONTRACTS, packed(bytes, lambda _: []),
         DETECTION),
        ("signature's scores and classes exchanged", "contract", WITH_CONTRACTS,
         _keeping_labels(_signature_four), DETECTION),
        ("the four outputs in another order", "contract", WITH_CONTRACTS,
         _keeping_labels(_reordered), DETECTION),
        ("name of another output in the metadata", "contract", WITH_CONTRACTS,
         _in_metadata(b"category\0", b"catalogs\0"), DETECTION),
        ("an output too many", "contract", ALL, proto(_extra_onnx), ("onnx",)),
        ("outputs in another order", "contract", ALL, proto(_reordered_onnx), ("onnx",)),
        ("an output of any batch", "contract", ALL, proto(_undeclared), ("onnx",)),
        ("a batch of any size", "contract", ALL, proto(_open_input), ("onnx",)),
        ("opset 17", "run", ALL, proto(_older_opset), ("onnx",)),
        ("a weight that an app could replace", "contract", ALL, proto(_replaceable), ("onnx",)),
        ("NMS IoU changed in the file", "detections", DETECTORS, proto(_onnx_nms(3, 0.46)),
         ("onnx",)),
        ("NMS score changed in the file", "detections", DETECTORS, proto(_onnx_nms(4, 0.31)),
         ("onnx",)),
    ]  # fmt: skip
    return [
        Fault(f"in the file: {name}", stage, models, plant, formats)  # type: ignore[arg-type]
        for name, stage, models, plant, formats in said
    ]
