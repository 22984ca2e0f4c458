"""Models whose large constants stay where they are: a proto that names them, the arrays beside it.

A protobuf holds bytes of its own, so every proto of a network, its serialised form, and what an
engine parses of that are one more copy of all weights. Here a large initializer says `EXTERNAL`
with a location of ours, and its array is handed to onnxruntime, which reads it in place.
https://onnxruntime.ai/docs/api/python/api_summary.html (SessionOptions.add_external_initializers)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto

from mobilecat.foreign import quiet_onnxruntime
from mobilecat.graph.base import Array, const_of

LARGE = 1 << 16
"""Bytes from which on a constant stays beside its proto: no shape and no axis is as long."""

_MARK = "mobilecat:beside"
_PLAIN: dict[int, str] = {
    TensorProto.FLOAT: "<f4", TensorProto.FLOAT16: "<f2", TensorProto.DOUBLE: "<f8",
    TensorProto.INT8: "i1", TensorProto.INT16: "<i2", TensorProto.INT32: "<i4",
    TensorProto.INT64: "<i8", TensorProto.UINT8: "u1", TensorProto.UINT16: "<u2",
    TensorProto.UINT32: "<u4", TensorProto.UINT64: "<u8",
}  # fmt: skip
_CODES = {np.dtype(text): code for code, text in _PLAIN.items()}


def plain_dtype(data_type: int) -> np.dtype[Any] | None:
    """Return the numpy type of an ONNX element type that may stay beside; None for others."""
    text = _PLAIN.get(data_type)
    return None if text is None else np.dtype(text)


def mark(tensor: TensorProto) -> None:
    """Say that a tensor's values lie beside the proto, in place."""
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
        tensor.ClearField(field)
    del tensor.external_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=_MARK)


def is_marked(tensor: TensorProto) -> bool:
    """Return whether a tensor's values lie beside the proto."""
    return tensor.data_location == TensorProto.EXTERNAL and any(
        e.key == "location" and e.value == _MARK for e in tensor.external_data
    )


def proto_of(model: ir.Model) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """Return a model as a proto that names its large initializers, and their arrays by name."""
    held: dict[ir.Value, ir.TensorProtocol] = {}
    arrays: dict[str, Array] = {}
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is None or tensor.nbytes < LARGE:
            continue
        array = np.asarray(tensor.numpy())
        if array.dtype in _CODES and int(tensor.dtype) == _CODES[array.dtype]:
            held[value], arrays[name] = tensor, array
    try:
        for value, tensor in held.items():
            value.const_value = _named(tensor)
        proto = ir.to_proto(model)
    finally:
        for value, tensor in held.items():
            value.const_value = tensor
    return proto, arrays


def _named(tensor: ir.TensorProtocol) -> ir.ExternalTensor:
    """Return a tensor as a proto without its values names it."""
    return ir.ExternalTensor(
        _MARK,
        None,
        None,
        tensor.dtype,
        shape=ir.Shape(tensor.shape.numpy()),
        name=tensor.name or "",
    )


def tensor_of(value: ir.Value, arrays: dict[str, Array]) -> TensorProto:
    """Return a constant value as a tensor; a large one is marked, and its array added by name."""
    array = const_of(value)
    assert array is not None
    return tensor_of_array(array, value.name or "", arrays)


def tensor_of_array(array: Array, name: str, arrays: dict[str, Array]) -> TensorProto:
    """Return the same of an array."""
    if array.nbytes < LARGE or array.dtype not in _CODES:
        return onnx.numpy_helper.from_array(array, name)
    arrays[name] = array
    tensor = TensorProto(name=name, data_type=_CODES[array.dtype], dims=array.shape)
    mark(tensor)
    return tensor


def model_of(proto: onnx.ModelProto, arrays: Mapping[str, Array]) -> ir.Model:
    """Return a proto as a model whose constants are the arrays themselves."""
    model = ir.from_proto(proto)
    for name, array in arrays.items():
        value = model.graph.initializers.get(name)
        if value is not None and isinstance(value.const_value, ir.ExternalTensor):
            value.const_value = ir.Tensor(array, name=name)
    return model


def fill(proto: onnx.ModelProto, arrays: Mapping[str, Array]) -> None:
    """Put the values that lie beside a proto into it, in place: for tools that take no other."""
    for tensor in proto.graph.initializer:
        if is_marked(tensor):
            del tensor.external_data[:]
            tensor.ClearField("data_location")
            tensor.raw_data = arrays[tensor.name].tobytes()


def weights_of(model: ir.Model) -> int:
    """Return the bytes of a model's constants."""
    tensors = (v.const_value for v in model.graph.initializers.values())
    return sum(t.nbytes for t in tensors if t is not None)


def bytes_of(proto: onnx.ModelProto, arrays: Mapping[str, Array]) -> int:
    """Return how large the model is with what lies beside it."""
    return int(proto.ByteSize()) + sum(a.nbytes for a in arrays.values())


@contextmanager
def as_inputs(proto: onnx.ModelProto) -> Iterator[None]:
    """Let a proto's marked initializers be inputs meanwhile: ONNX's own tools open no array."""
    graph = proto.graph
    moved = [t for t in graph.initializer if is_marked(t)]
    listed = len(graph.input)
    known = {v.name for v in graph.input}
    try:
        if moved:
            kept = [TensorProto.FromString(t.SerializeToString()) for t in graph.initializer]
            del graph.initializer[:]
            graph.initializer.extend(t for t in kept if not is_marked(t))
            for t in (t for t in kept if is_marked(t) and t.name not in known):
                value = onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims))
                graph.input.append(value)
        yield
    finally:
        if moved:
            del graph.input[listed:]
            del graph.initializer[:]
            graph.initializer.extend(kept)


def session_of(proto: onnx.ModelProto, arrays: Mapping[str, Array], options: Any) -> Any:
    """Return an onnxruntime session of a model that reads `arrays` where they lie.

    The session keeps them alive. Errors: onnxruntime's own.
    """
    ort = quiet_onnxruntime()
    kept = {}
    if arrays:
        read = {name for node in proto.graph.node for name in _read_by(node)}
        read |= {v.name for v in proto.graph.output}
        unread = [i for i, t in enumerate(proto.graph.initializer)
                  if is_marked(t) and t.name not in read]  # fmt: skip
        if unread:  # onnxruntime drops them before it looks for their values
            copy = onnx.ModelProto()
            copy.CopyFrom(proto)
            proto = copy
            for i in reversed(unread):
                del proto.graph.initializer[i]
        names = [t.name for t in proto.graph.initializer if is_marked(t)]
        kept = {n: np.ascontiguousarray(arrays[n]) for n in names}
        over = ort.OrtValue.ortvalue_from_numpy_with_onnx_type  # the other one copies
        held = [over(a, _CODES[a.dtype]) for a in kept.values()]
        if held:
            options.add_external_initializers(list(kept), held)
    made = ort.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
    made._mobilecat_arrays = kept
    return made


def _read_by(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for a in node.attribute:
        for graph in (*([a.g] if a.HasField("g") else []), *a.graphs):
            yield from (v.name for v in graph.output)
            for inner in graph.node:
                yield from _read_by(inner)
