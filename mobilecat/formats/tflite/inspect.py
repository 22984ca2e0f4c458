"""TFLite flatbuffers, read with the schema that LiteRT ships."""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.disk import mapped
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.tflite.lints import DETECTION as _DETECTION
from mobilecat.formats.tflite.lints import lints
from mobilecat.formats.tflite.read.file import Bytes, constant_name, shared_tflite, text
from mobilecat.formats.tflite.read.flexbuffer import unpacked
from mobilecat.formats.tflite.read.metadata import described


def inspect_model(path: Path, kind: str = "") -> Inspection:
    data = mapped(path)
    model = shared_tflite(data, str(path))
    graph = model.subgraphs[0]
    signature = _signature_names(model)
    given = _given_shapes(model)
    codes = model.operatorCodes
    ops = [[_op_name(codes[o.opcodeIndex]) for o in g.operators or []] for g in model.subgraphs]
    takes = tuple(_port(graph.tensors[i], signature) for i in graph.inputs)
    metadata = _metadata(model, path)
    return Inspection(
        file=str(path),
        format=f"TFLite (schema {model.version})",
        bytes=len(data),
        inputs=takes,
        outputs=tuple(_port(graph.tensors[i], signature, given.get(i)) for i in graph.outputs),
        ops=dict(Counter(op for names in ops for op in names).most_common()),
        parameters=_parameters(model),
        metadata=metadata,
        lints=lints(ops[0], _channels(takes), "TFLITE_METADATA" in metadata),
    )


def _channels(inputs: tuple[Port, ...]) -> int | None:
    """Return how many channels the picture has, where there is one input and it is a picture."""
    shape = inputs[0].shape if len(inputs) == 1 else None
    return int(shape[3]) if shape is not None and len(shape) == 4 else None


def tensor_shapes(data: Bytes) -> dict[str, tuple[int, ...]]:
    """Return the tensors of the main subgraph: name → shape."""
    graph = shared_tflite(data, "").subgraphs[0]
    return {text(t.name): _shape(t) for t in graph.tensors}


def picture_scale(data: Bytes) -> tuple[float, int] | None:
    """Return scale and zero point of a model's first input; None where it has none."""
    graph = shared_tflite(data, "").subgraphs[0]
    q = graph.tensors[graph.inputs[0]].quantization
    if q is None or q.scale is None or not len(q.scale):
        return None
    return float(q.scale[0]), int(q.zeroPoint[0])


def _port(
    tensor: Any, signature: dict[str, str], given_shape: tuple[int, ...] | None = None
) -> Port:
    name = text(tensor.name)
    details = [f"signature name {signature[name]!r}"] if signature.get(name, name) != name else []
    q = tensor.quantization
    if q is not None and q.scale is not None and len(q.scale):
        details.append(f"scale {q.scale[0]:.6g}, zero point {q.zeroPoint[0]}")
    return Port(name, _type_name(tensor.type), given_shape or _shape(tensor), ", ".join(details))


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(d) for d in tensor.shape) if tensor.shape is not None else ()


def _type_name(number: int) -> str:
    return constant_name("TensorType", number).lower()


def _op_name(code: Any) -> str:
    if code.customCode:
        return text(code.customCode)
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return constant_name("BuiltinOperator", number)


def _signature_names(model: Any) -> dict[str, str]:
    """Return tensor name → the name that the first signature gives it."""
    names = {}
    for signature in (model.signatureDefs or [])[:1]:
        tensors = model.subgraphs[signature.subgraphIndex or 0].tensors
        for entry in [*(signature.inputs or []), *(signature.outputs or [])]:
            names[text(tensors[entry.tensorIndex].name)] = text(entry.name)
    return names


def _parameters(model: Any) -> int:
    total = 0
    seen = set()
    for graph in model.subgraphs:
        for t in graph.tensors:
            data = model.buffers[t.buffer].data
            if data is not None and len(data) and t.buffer not in seen:
                seen.add(t.buffer)
                total += int(np.prod(_shape(t), dtype=np.int64))
    return total


def _given_shapes(model: Any) -> dict[int, tuple[int, ...]]:
    """Return tensor → the shape that TFLite_Detection_PostProcess gives it at run time.

    Converters leave those out of the file.
    """
    found: dict[int, tuple[int, ...]] = {}
    for op, options in _detection_ops(model):
        k = options.get("max_detections", 0) * options.get("max_classes_per_detection", 1)
        found.update(zip(op.outputs, [(1, k, 4), (1, k), (1, k), (1,)], strict=False))
    return found


def _detection_ops(model: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Return the detection operators of the main subgraph, with their options."""
    codes = model.operatorCodes
    return [
        (op, unpacked(bytes(op.customOptions)))
        for op in model.subgraphs[0].operators
        if text(codes[op.opcodeIndex].customCode) == _DETECTION and op.customOptions is not None
    ]


def _metadata(model: Any, path: Path) -> dict[str, str]:
    found = {"description": text(model.description)}
    for _, options in _detection_ops(model):
        found[_DETECTION] = ", ".join(f"{k} {_shown(v)}" for k, v in options.items())
    for entry in model.metadata or []:
        raw = model.buffers[entry.buffer].data
        raw = b"" if raw is None else bytes(raw)
        found[text(entry.name)] = f"{len(raw)} bytes"
        if text(entry.name) == "TFLITE_METADATA":
            found.update((f"  {k}", v) for k, v in _described(raw).items())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            found["files"] = ", ".join(packed.namelist())
    return {k: v for k, v in found.items() if v}


def _described(data: bytes) -> dict[str, str]:
    try:
        return described(data)
    except (struct.error, IndexError, ValueError, TypeError) as e:
        return {"damaged": str(e) or "cut short"}


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
