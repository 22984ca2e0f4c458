"""Changes of the artifacts' own bytes: protobuf, flatbuffer, weight blob."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.graph import Array


def coreml_file(path: Path) -> Path:
    """Return the file that holds the network, of Core AI too."""
    if path.suffix == ".aimodel":
        return path / "main.mlirb"
    return path if path.is_file() else path / "Data" / "com.apple.CoreML" / "model.mlmodel"


def edit_coreml(path: Path, change: Callable[[Any], object]) -> None:
    """Parse the specification, change it, write it back."""
    spec = read_package(path).spec
    change(spec)
    coreml_file(path).write_bytes(spec.SerializeToString())


def operations(spec: Any) -> Iterator[Any]:
    function = spec.mlProgram.functions["main"]
    yield from function.block_specializations[function.opset].operations


def const_of(spec: Any, name: str) -> Any:
    return next(o for o in operations(spec) if o.type == "const" and o.outputs[0].name == name)


def edit_blob(path: Path, const: str, change: Callable[[Array], Array]) -> None:
    """Change a large constant of an ML Program where it lies in weight.bin.

    Layout of a blob: https://github.com/apple/coremltools/blob/9.0/mlmodel/src/MILBlob/Blob/StorageFormat.hpp
    """
    spec = read_package(path).spec
    at = const_of(spec, const).attributes["val"].blobFileValue.offset
    file = coreml_file(path).parent / "weights" / "weight.bin"
    data = bytearray(file.read_bytes())
    sentinel, kind, size, start = struct.unpack_from("<IIQQ", data, at)
    assert sentinel == 0xDEADBEEF
    dtype = {1: np.dtype("<f2"), 2: np.dtype("<f4")}[kind]
    old = np.frombuffer(bytes(data[start : start + size]), dtype)
    data[start : start + size] = change(old.copy()).astype(dtype).tobytes()
    file.write_bytes(data)


def conv_weights(spec: Any) -> list[str]:
    """Return the names of the convolutions' weights, in order."""
    return [o.inputs["weight"].arguments[0].name for o in operations(spec) if o.type == "conv"]


def blob_weights(spec: Any) -> list[str]:
    """Return the convolutions' weights that lie in weight.bin, in order."""
    found = []
    for name in conv_weights(spec):
        op = next((o for o in operations(spec) if o.outputs[0].name == name), None)
        if op is not None and op.type == "const":
            value = op.attributes["val"]
            if value.WhichOneof("value") == "blobFileValue":
                found.append(name)
    return found


def edit_tflite(path: Path, change: Callable[[Any], object]) -> None:
    """Parse the flatbuffer into its object form, change it, pack it again."""
    import flatbuffers

    model = read_tflite(path.read_bytes(), str(path))
    change(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def tflite_const(model: Any, tensor: int) -> Array:
    """Return a constant's bytes as a writable array that stays the model's own."""
    from ai_edge_litert.schema_py_generated import TensorType

    t = model.subgraphs[0].tensors[tensor]
    dtype = {TensorType.FLOAT32: "<f4", TensorType.INT32: "<i4"}[t.type]
    buffer = model.buffers[t.buffer]
    buffer.data = np.array(buffer.data, dtype=np.uint8)
    found: Array = buffer.data.view(dtype)
    return found


def tflite_ops(model: Any, code: str) -> list[Any]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    number = getattr(BuiltinOperator, code)
    codes = model.operatorCodes
    return [
        o
        for o in model.subgraphs[0].operators
        if max(codes[o.opcodeIndex].builtinCode, codes[o.opcodeIndex].deprecatedBuiltinCode)
        == number
    ]
