"""The flatbuffer as values: tensors, operators, one graph. A file is a stranger's: every count and
offset is held to the file's own size before anything is taken for it.

Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs
"""

from __future__ import annotations

import hashlib
import math
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobilecat.errors import ArtifactError, ModelError, Problem
from mobilecat.graph import Array

MOST_VALUES = 1 << 28
"""Of one tensor: 1 GiB of float32, more than any phone's network has."""
MOST_RANK = 8
_MOST_TABLES = 200_000
"""Tensors, operators and buffers of a file; the largest networks of phones have some thousands."""
_MOST_SHARED = 1 << 26
_TYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT4": "int8",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
}
Bytes = bytes | memoryview | mmap.mmap
_WHOLE = ("int8", "uint8", "int16", "int32", "int64")
_DAMAGED = (struct.error, AssertionError, IndexError, ValueError, TypeError, OverflowError)


def read_tflite(data: Bytes, where: str) -> Any:
    """Return the parsed ModelT; ArtifactError where the bytes are not a whole TFLite model."""
    from ai_edge_litert import schema_py_generated as schema

    if bytes(data[4:8]) != b"TFL3":
        raise ArtifactError(
            "This is not a TFLite model",
            [Problem("the identifier TFL3 is missing", where, "copy or export the file again")],
        )
    try:
        root = schema.Model.GetRootAs(data, 0)
        _require_few(root, len(data))
        model = schema.ModelT.InitFromObj(root)
        assert model.subgraphs and all(g.tensors is not None for g in model.subgraphs)
        _require_there(model)
    except _DAMAGED as e:
        said = str(e) if isinstance(e, AssertionError) else ""
        what = said or f"no whole flatbuffer, or cut short ({len(data):,} bytes)"
        fix = "copy or export the file again"
        raise ArtifactError("The TFLite model is damaged", [Problem(what, where, fix)]) from e
    return model


MOST_KEPT = 1 << 25
"""Bytes of a file that stays read until another is."""
_last: tuple[bytes, Any] | None = None


def shared_tflite(data: Bytes, where: str) -> Any:
    """Return the same, and the same object while one file is asked for; nobody may change it.

    Files are told apart by all their bytes, and the object has its own copy of them: what happens
    to the file on disk meanwhile does not reach it. Unfolding takes longer than all who read it.
    """
    global _last
    if len(data) > MOST_KEPT:
        return read_tflite(data, where)
    own = bytes(data)
    key = hashlib.sha256(own).digest()
    last = _last
    if last is None or last[0] != key:
        _last = last = key, read_tflite(own, where)
    return last[1]


def _require_there(model: Any) -> None:
    """Raise where a number names no part of the file: every reader of it takes them for places."""
    buffers, codes = len(model.buffers or []), len(model.operatorCodes or [])
    for graph in model.subgraphs:
        count = len(graph.tensors)
        assert all(0 <= t.buffer < buffers for t in graph.tensors), "a tensor of no buffer"
        named = [*_listed(graph.inputs), *_listed(graph.outputs)]
        for op in _listed(graph.operators):
            assert 0 <= op.opcodeIndex < codes, "an operator of no kind"
            named += [i for i in _listed(op.inputs) if i != -1] + _listed(op.outputs)
        assert all(0 <= i < count for i in named), "a tensor that is not there is named"
    assert all(0 <= m.buffer < buffers for m in model.metadata or []), "metadata of no buffer"
    for signature in model.signatureDefs or []:
        number = int(signature.subgraphIndex or 0)
        assert 0 <= number < len(model.subgraphs), "a signature of no graph"
        entries = [*_listed(signature.inputs), *_listed(signature.outputs)]
        count = len(model.subgraphs[number].tensors)
        assert all(0 <= e.tensorIndex < count for e in entries), "a signature of no tensor"


def _require_few(root: Any, size: int) -> None:
    """Raise where the parts are more than the file can hold: tables may lie over each other, so
    that few bytes unfold to many."""
    counts = [root.OperatorCodesLength(), root.BuffersLength(), root.SubgraphsLength()]
    counts += [root.MetadataLength(), root.SignatureDefsLength()]
    assert sum(counts) <= min(_MOST_TABLES, size)
    for i in range(root.SubgraphsLength()):
        graph = root.Subgraphs(i)
        counts += [graph.TensorsLength(), graph.OperatorsLength()]
        assert sum(counts) <= min(_MOST_TABLES, size)
        for k in range(graph.TensorsLength()):
            sparsity = graph.Tensors(k).Sparsity()
            if sparsity is not None:
                counts.append(sparsity.DimMetadataLength())
                assert sum(counts) <= min(_MOST_TABLES, size)


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file.

    name: as in the file. shape: physical. dims: the same, None where the file leaves it open.
    dtype: numpy's name; '' where it is no tensor of numbers, and `held` says what it is.
    scale, zero: of its quantisation, along `axis` where there are several; None without.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dims: tuple[int | None, ...]
    dtype: str
    held: str
    scale: Array | None = field(default=None, repr=False)
    zero: Array | None = field(default=None, repr=False)
    axis: int = 0
    data: Array | None = field(default=None, repr=False)
    sparse: Any = field(default=None, repr=False)
    variable: bool = False

    @property
    def quantised(self) -> bool:
        """Whether its whole numbers stand for real ones."""
        return self.scale is not None and self.dtype in _WHOLE

    def real(self, whole: Array) -> Array:
        """Return what its whole numbers stand for, float32."""
        assert self.scale is not None and self.zero is not None
        shape = [1] * whole.ndim
        if self.scale.size > 1:
            shape[self.axis] = -1
        scale = self.scale.astype(np.float64).reshape(shape)
        zero = self.zero.astype(np.float64).reshape(shape)
        return ((whole.astype(np.float64) - zero) * scale).astype(np.float32)


@dataclass(frozen=True)
class Operator:
    """An operator: `code` is its BuiltinOperator name, or its own where `custom`."""

    code: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = field(repr=False)
    packed: bytes = field(repr=False, default=b"")


@dataclass(frozen=True)
class Graph:
    """One graph of a file. names: tensor → what the signature calls it, else its own name, unique
    among all; signature: its key, '' without one; others: the keys of the file's other ones;
    number: of the graph in the file."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    names: Mapping[int, str]
    signature: str
    others: tuple[str, ...]
    number: int


def graph_of(data: bytes, where: str, signature: str | None = None) -> Graph:
    """Return the graph of a signature: by default the first one's, else the file's first graph.

    Errors: ArtifactError where the file is damaged, ModelError where there is no such signature.
    """
    model = read_tflite(data, where)
    try:
        return _graph(model, data, where, signature)
    except _DAMAGED as e:
        what = str(e) or "its parts contradict each other"
        fix = "copy or export the file again"
        raise ArtifactError("The TFLite model is damaged", [Problem(what, where, fix)]) from e


def _graph(model: Any, data: bytes, where: str, wanted: str | None) -> Graph:
    signatures = list(model.signatureDefs or [])
    keys = [text(s.signatureKey) for s in signatures]
    if wanted is not None and wanted not in keys:
        listed = f"it has {', '.join(map(repr, keys))}" if keys else "it has none: leave it out"
        raise ModelError(
            "There is no such signature", [Problem(repr(wanted), "import.signature", listed)]
        )
    chosen = signatures[keys.index(wanted) if wanted is not None else 0] if keys else None
    number = int(chosen.subgraphIndex or 0) if chosen is not None else 0
    assert 0 <= number < len(model.subgraphs), "a signature of no graph"
    graph = model.subgraphs[number]
    tensors = tuple(_tensor(i, t, model, data) for i, t in enumerate(graph.tensors))
    held = sum(t.data.size for t in tensors if t.data is not None)
    assert held <= max(_MOST_SHARED, 4 * len(data)), "more tensors share a buffer than can be held"
    ops = tuple(_operator(o, model, len(tensors)) for o in _listed(graph.operators))
    inputs = _indices(graph.inputs, len(tensors))
    outputs = _indices(graph.outputs, len(tensors))
    assert outputs, "a graph without outputs"
    key = text(chosen.signatureKey) if chosen is not None else ""
    others = tuple(k for k in keys if k != key)
    names = _names(tensors, (*inputs, *outputs), chosen)
    return Graph(tensors, ops, inputs, outputs, names, key, others, number)


def _names(tensors: Sequence[Tensor], ends: Sequence[int], signature: Any) -> dict[int, str]:
    said: dict[int, str] = {}
    if signature is not None:
        for entry in (*_listed(signature.inputs), *_listed(signature.outputs)):
            name = text(entry.name)
            if name and name not in said.values() and entry.tensorIndex in ends:
                said.setdefault(int(entry.tensorIndex), name)
    names: dict[int, str] = {}
    used: set[str] = set(said.values())
    for i in (*ends, *range(len(tensors))):
        if i in names:
            continue
        name = said.get(i) or tensors[i].name or f"tensor_{i}"
        if i not in said and name in used:
            name = f"{name}_{i}"
        names[i] = name
        used.add(name)
    return names


def _tensor(index: int, t: Any, model: Any, data: bytes) -> Tensor:
    shape = tuple(int(d) for d in _listed(t.shape))
    assert len(shape) <= MOST_RANK, f"tensor {index} has {len(shape)} dimensions"
    held = constant_name("TensorType", t.type)
    size = math.prod(max(d, 0) for d in shape)
    assert min(shape, default=0) >= 0 and size <= MOST_VALUES, f"tensor {index} is {shape}"
    signature = _listed(t.shapeSignature)
    dims: tuple[int | None, ...] = shape
    if len(signature) == len(shape):
        dims = tuple(d if s >= 0 else None for d, s in zip(shape, signature, strict=True))
    name, dtype = text(t.name), _TYPES.get(held, "")
    values = None
    if dtype and t.sparsity is None:
        values = _values(_bytes(t.buffer, model, data), held, dtype, shape, index)
    elif dtype:
        values = _values(_bytes(t.buffer, model, data), held, dtype, None, index)
    scale, zero, axis = _quantisation(t.quantization, shape)
    return Tensor(
        index, name, shape, dims, dtype, held, scale, zero, axis, values, t.sparsity,
        bool(t.isVariable),
    )  # fmt: skip


def _bytes(buffer: int, model: Any, data: bytes) -> Array:
    """Return a buffer's bytes, where they lie: many tensors may share them."""
    buffers = model.buffers or []
    assert 0 <= buffer < len(buffers), "a tensor of no buffer"
    held = buffers[buffer]
    if held.data is not None and not isinstance(held.data, int) and len(held.data):
        return np.asarray(held.data, np.uint8)
    if (held.offset or 0) > 1 and held.size:  # of files larger than 2 GB
        assert held.offset + held.size <= len(data), "a buffer past the end of the file"
        return np.frombuffer(data, np.uint8, held.size, held.offset)
    return np.zeros(0, np.uint8)


def _values(
    raw: Array, held: str, dtype: str, shape: tuple[int, ...] | None, index: int
) -> Array | None:
    """Return a constant; None where there is none. shape: None where the values are a list."""
    if not raw.size:
        return None
    if held == "INT4":
        nibbles = np.stack([raw & 15, raw >> 4], -1).reshape(-1).astype(np.int8)
        whole = np.where(nibbles > 7, nibbles - 16, nibbles).astype(np.int8)
        return whole if shape is None else whole[: math.prod(shape)].reshape(shape)
    kind = np.dtype(dtype)
    assert len(raw) % kind.itemsize == 0, f"tensor {index} has {len(raw)} bytes"
    flat = np.frombuffer(raw, kind)
    if shape is None:
        return flat
    assert flat.size == math.prod(shape), f"tensor {index} of {shape} has {flat.size} values"
    return flat.reshape(shape)


def _quantisation(q: Any, shape: Sequence[int]) -> tuple[Array | None, Array | None, int]:
    if q is None or not _listed(q.scale):
        return None, None, 0
    scale = np.asarray(q.scale, np.float32).reshape(-1)
    zeros = _listed(q.zeroPoint) or [0]
    zero = np.asarray(zeros, np.int64).reshape(-1)
    axis = int(q.quantizedDimension or 0)
    assert np.isfinite(scale).all(), "a scale that is no number"
    assert zero.size in (1, scale.size), "zero points that are not its scales'"
    if scale.size > 1:
        assert 0 <= axis < len(shape) and shape[axis] == scale.size, "scales of another dimension"
    return scale, np.broadcast_to(zero, scale.shape), axis


def _operator(op: Any, model: Any, count: int) -> Operator:
    codes = model.operatorCodes or []
    assert 0 <= op.opcodeIndex < len(codes), "an operator of no kind"
    code = codes[op.opcodeIndex]
    number = max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
    named = constant_name("BuiltinOperator", number)
    custom = named == "CUSTOM"
    inputs = tuple(int(i) for i in _listed(op.inputs))
    assert all(-1 <= i < count for i in inputs), "an operator reads a tensor that is not there"
    packed = bytes(bytearray(op.customOptions)) if op.customOptions is not None else b""
    return Operator(
        text(code.customCode) if custom else named,
        custom,
        inputs,
        _indices(op.outputs, count),
        op.builtinOptions,
        packed,
    )


def _indices(found: Any, count: int) -> tuple[int, ...]:
    indices = tuple(int(i) for i in _listed(found))
    assert all(0 <= i < count for i in indices), "a tensor that is not there"
    return indices


def _listed(found: Any) -> list[Any]:
    """Return a vector of the file as a list: one that is missing, or empty, is 0 or None there."""
    return [] if found is None or isinstance(found, int) else list(found)


def constant_name(kind: str, number: int) -> str:
    """Return the schema's name of a number of one of its enumerations."""
    from ai_edge_litert import schema_py_generated as schema

    enum = vars(getattr(schema, kind))
    return next((str(k) for k, v in enum.items() if v == number and k[0] != "_"), f"#{number}")


def text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
