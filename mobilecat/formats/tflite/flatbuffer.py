"""Program → .tflite bytes, through the official schema classes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Quant, Tensor
from mobilecat.graph import Array

_ALIGNMENT = 16  # `force_align: 16` of Buffer.data, which the generated Python does not honour
_SCHEMA_VERSION = 3

TYPES: dict[str, int] = {
    "bool": schema.TensorType.BOOL,
    "float16": schema.TensorType.FLOAT16,
    "float32": schema.TensorType.FLOAT32,
    "float64": schema.TensorType.FLOAT64,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "uint16": schema.TensorType.UINT16,
    "uint32": schema.TensorType.UINT32,
    "uint64": schema.TensorType.UINT64,
}

_OPTIONS = {
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "ATAN2": "ATan2Options",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "CONV_3D": "Conv3DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER_ND": "GatherNdOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "LOCAL_RESPONSE_NORMALIZATION": "LocalResponseNormalizationOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "NON_MAX_SUPPRESSION_V4": "NonMaxSuppressionV4Options",
    "NON_MAX_SUPPRESSION_V5": "NonMaxSuppressionV5Options",
    "PADV2": "PadV2Options",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "REVERSE_V2": "ReverseV2Options",
    "SCATTER_ND": "ScatterNdOptions",
    "SELECT_V2": "SelectV2Options",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "SUM": "ReducerOptions",
    "TOPK_V2": "TopKV2Options",
}
_NO_OPTIONS = frozenset(
    {
        "CEIL",
        "ELU",
        "EMBEDDING_LOOKUP",
        "FLOOR",
        "LOG",
        "LOGISTIC",
        "PRELU",
        "RELU",
        "RELU6",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "ROUND",
        "RSQRT",
        "SIN",
        "SQRT",
        "TANH",
    }
)


def bytes_from_program(
    program: Program, description: str = "", metadata: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the .tflite file, `metadata` in buffers by name; the same program, the same bytes."""
    return bytes(packed(program, description, metadata))


def packed(
    program: Program, description: str = "", metadata: Mapping[str, bytes] | None = None
) -> memoryview:
    """Return the same where it was written: no second copy of the weights."""
    model = schema.ModelT(version=_SCHEMA_VERSION, description=description)
    pool = _Buffers()
    tensors = _tensors_of(program)
    index = {t: i for i, t in enumerate(tensors)}
    codes: dict[tuple[str, int], int] = {}

    graph = schema.SubGraphT(name="main")
    zeros: dict[bytes, int] = {}
    graph.tensors = [_tensor(t, pool, zeros) for t in tensors]
    graph.operators = [_operator(op, index, codes) for op in program.ops]
    graph.inputs = [index[t] for t in program.inputs]
    graph.outputs = [index[t] for t in program.outputs]

    model.subgraphs = [graph]
    model.operatorCodes = [_code(name, version) for name, version in codes]
    model.metadata = [
        schema.MetadataT(name=name, buffer=pool.index_of_bytes(data))
        for name, data in (metadata or {}).items()
    ] or None
    model.buffers = pool.buffers
    model.signatureDefs = [
        schema.SignatureDefT(
            inputs=[_named(t, index) for t in program.inputs],
            outputs=[_named(t, index) for t in program.outputs],
            signatureKey="serving_default",
            subgraphIndex=0,
        )
    ]
    size = sum(b.nbytes for b in pool.arrays) + 1024 * len(tensors)
    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return memoryview(builder.Bytes)[builder.Head() :]


def _tensors_of(program: Program) -> list[Tensor]:
    found: dict[Tensor, None] = dict.fromkeys(program.inputs)
    for op in program.ops:
        found.update(dict.fromkeys(t for t in op.inputs if t is not None))
        found.update(dict.fromkeys(op.outputs))
    found.update(dict.fromkeys(program.outputs))
    return list(found)


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """A buffer that packs its bytes on the boundary that the schema asks for."""

    def __init__(self, array: Array) -> None:
        super().__init__()
        self.array = array

    def Pack(self, builder: Any) -> int:
        data = _bytes_of(self.array)
        size = len(data)
        builder.StartVector(1, size, _ALIGNMENT)
        builder.head -= size
        memoryview(builder.Bytes)[builder.head : builder.head + size] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


class _Buffers:
    """Constants, each distinct run of bytes once. Buffer 0 is the empty one of computed tensors."""

    def __init__(self) -> None:
        self.buffers: list[Any] = [schema.BufferT()]
        self.arrays: list[Array] = []
        self._index: dict[bytes, int] = {}

    def index(self, tensor: Tensor) -> int:
        if tensor.data is None:
            return 0
        return self._index_of(tensor.data)

    def index_of_bytes(self, data: bytes) -> int:
        return self._index_of(np.frombuffer(data, np.uint8))

    def _index_of(self, array: Array) -> int:
        key = hashlib.sha256(_bytes_of(array)).digest()
        if key not in self._index:
            self._index[key] = len(self.buffers)
            self.buffers.append(_Buffer(array))
            self.arrays.append(array)
        return self._index[key]


def _bytes_of(array: Array) -> memoryview:
    """Return an array's bytes in its logical order: a copy where it lies transposed, and only
    while they are looked at."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _tensor(tensor: Tensor, pool: _Buffers, zeros: dict[bytes, int]) -> Any:
    return schema.TensorT(
        shape=list(tensor.shape),
        type=TYPES[tensor.dtype.name],
        buffer=pool.index(tensor),
        name=tensor.name,
        hasRank=True,
        quantization=_quantization(tensor.quant, zeros),
    )


def _quantization(quant: Quant | None, zeros: dict[bytes, int]) -> Any:
    if quant is None:
        return None
    return _Quantization(quant, zeros)


class _Quantization(schema.QuantizationParametersT):  # type: ignore[misc]
    """Scales and zero points, these once for all tensors that have the same: 8 bytes a channel, of
    weights and biases, would be a tenth of a small network's file.
    """

    def __init__(self, quant: Quant, zeros: dict[bytes, int]) -> None:
        super().__init__()
        self.quant = quant
        self.zeros = zeros

    def Pack(self, builder: Any) -> int:
        scales = builder.CreateNumpyVector(self.quant.scales.astype(np.float32))
        points = self.quant.zero_points.astype(np.int64)
        key = points.tobytes()
        if key not in self.zeros:
            self.zeros[key] = builder.CreateNumpyVector(points)
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scales)
        schema.QuantizationParametersAddZeroPoint(builder, self.zeros[key])
        schema.QuantizationParametersAddQuantizedDimension(builder, self.quant.axis)
        return int(schema.QuantizationParametersEnd(builder))


def _named(tensor: Tensor, index: dict[Tensor, int]) -> Any:
    return schema.TensorMapT(name=tensor.name, tensorIndex=index[tensor])


def _operator(op: Op, index: dict[Tensor, int], codes: dict[tuple[str, int], int]) -> Any:
    made = schema.OperatorT(
        opcodeIndex=codes.setdefault((op.code, version_of(op)), len(codes)),
        inputs=[-1 if t is None else index[t] for t in op.inputs],
        outputs=[index[t] for t in op.outputs],
    )
    if op.custom is not None:
        made.customOptions = np.frombuffer(op.custom, np.uint8)
    elif op.code not in _NO_OPTIONS:
        name = _OPTIONS.get(op.code) or _camel(op.code) + "Options"
        made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        made.builtinOptions = getattr(schema, name + "T")()
        for field, value in op.options.items():
            if not hasattr(made.builtinOptions, field):
                raise AttributeError(f"{name} has no field {field!r}")
            setattr(made.builtinOptions, field, value)
    elif op.options:
        raise AttributeError(f"{op.code} takes no options, {sorted(op.options)} given")
    return made


def _camel(code: str) -> str:
    return "".join(part.capitalize() for part in code.split("_"))


def _code(name: str, version: int) -> Any:
    custom = None if hasattr(schema.BuiltinOperator, name) else name
    number = getattr(schema.BuiltinOperator, name, schema.BuiltinOperator.CUSTOM)
    return schema.OperatorCodeT(
        customCode=custom,
        deprecatedBuiltinCode=min(number, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES),
        builtinCode=number,
        version=version,
    )


def version_of(op: Op) -> int:
    """Return the lowest version of the operator that means what `op` says: old runtimes load it.

    Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/core/tools/versioning/op_version.cc
    """
    types = [t.dtype.name for t in (*op.inputs, *op.outputs) if t is not None]
    first = types[1] if op.code == "SPLIT" else types[0]
    inputs = [t for t in op.inputs if t is not None]
    rank = max((t.rank for t in inputs), default=0)
    broadcast = len(inputs) > 1 and inputs[0].shape != inputs[1].shape
    weights = types[1] if len(types) > 1 else ""
    hybrid = first == "float32" and weights == "int8"
    narrow = [(3, first == "int16"), (2, first == "int8")]
    rules = {
        "QUANTIZE": [(3, types[-1] == "int16"), (2, first != "float32")],
        "DEQUANTIZE": [(3, first in ("int16", "float16")), (2, first == "int8")],
        "CONV_2D": [
            (6, _is_grouped(op)),
            (5, hybrid),
            (4, first == "int16"),
            (3, first == "int8"),
        ],
        "DEPTHWISE_CONV_2D": [
            (6, hybrid),
            (5, first == "int16"),
            (3, first == "int8"),
            (2, op.options.get("dilationWFactor", 1) > 1),
        ],
        "FULLY_CONNECTED": [
            (12, first == "int8"),  # one scale an output
            (11, first == "int16"),
            (9, hybrid),
            (6, len(op.inputs) == 2 or op.inputs[-1] is None),
            (5, bool(op.options.get("keepNumDims"))),
        ],
        "LOGISTIC": narrow,
        "TANH": narrow,
        "SOFTMAX": narrow,
        "MAX_POOL_2D": narrow,
        "AVERAGE_POOL_2D": narrow,
        "MEAN": narrow,
        "RELU": narrow,
        "RELU6": narrow,
        "LEAKY_RELU": narrow,
        "SPACE_TO_DEPTH": narrow,
        "DEPTH_TO_SPACE": narrow,
        "TRANSPOSE_CONV": [
            (4, op.options.get("fusedActivationFunction", 0) != 0),
            (3, len(op.inputs) == 4),
        ],
        "GATHER": [
            (5, op.options.get("batchDims", 0) != 0),
            (4, first == "int16"),
            (3, first == "bool"),
            (2, first == "int8"),
        ],
        "SIGN": [(2, first == "int32")],
        "ABS": [(5, first == "int32")],
        "MUL": [(7, first in ("int16", "uint32")), (5, first == "int64"), (2, first == "int8")],
        "ADD": [(5, first == "int16"), (4, first == "int64"), (2, first == "int8")],
        "SUB": [(4, first == "int64"), (3, broadcast and rank > 4), (2, first == "int8")],
        "DIV": [(2, broadcast and rank > 4)],
        "MAXIMUM": [(4, first == "int16"), (3, broadcast and rank > 4), (2, first == "int8")],
        "MINIMUM": [(4, first == "int16"), (3, broadcast and rank > 4), (2, first == "int8")],
        "TRANSPOSE": [
            (6, rank > 5),
            (5, first == "int16"),
            (4, rank > 4),
            (3, first == "bool"),
            (2, first == "int8"),
        ],
        "SPLIT": [(4, first == "int16"), (3, first == "int32"), (2, first == "int8")],
        "SLICE": [
            (6, first == "uint32"),
            (5, rank > 4),
            (4, first == "int16"),
            (2, first == "int8"),
        ],
        "STRIDED_SLICE": [
            (7, first == "uint32"),
            (4, rank > 4),
            (3, first == "bool"),
            (2, first == "int8"),
        ],
        "REVERSE_V2": [(3, first == "int8"), (2, first == "bool")],
        "RESIZE_BILINEAR": [
            (4, first == "int16"),
            (3, bool(op.options.get("halfPixelCenters"))),
            (2, first == "int8"),
        ],
        "RESIZE_NEAREST_NEIGHBOR": [
            (4, first == "int16"),
            (3, bool(op.options.get("halfPixelCenters") or op.options.get("alignCorners"))),
            (2, first == "int8"),
        ],
        "TILE": [(3, first == "int8")],
        "PAD": [(4, rank > 4), (3, first == "int16"), (2, first == "int8")],
        "PADV2": [(4, rank > 4), (3, first == "int16"), (2, first == "int8")],
        "CONCATENATION": [(4, first == "uint32"), (3, first == "int16"), (2, first == "int8")],
        "ARG_MAX": [(3, first == "bool"), (2, first == "int8")],
        "ARG_MIN": [(3, first == "bool"), (2, first == "int8")],
        "SELECT_V2": [(2, first == "uint32")],
        "FLOOR_DIV": [(3, first in ("int16", "int8")), (2, first == "float32")],
        "FLOOR_MOD": [(2, first in ("int16", "int8"))],
        "EQUAL": [(4, first == "int16"), (2, first == "int8")],
        "NOT_EQUAL": [(2, first == "int8")],
        "LESS": [(3, first == "int16"), (2, first == "int8")],
        "GREATER_EQUAL": [(3, first == "int16"), (2, first == "int8")],
        "GREATER": [(2, first == "int8")],
        "LESS_EQUAL": [(2, first == "int8")],
        "GATHER_ND": [(5, first == "bool"), (3, first == "int16")],
        "TOPK_V2": [(3, first == "int16"), (2, first == "int8")],
        "BROADCAST_TO": [(3, first in ("int8", "int16")), (2, True)],
        "CAST": [
            (5, bool({"float64", "float16"} & set(types))),
            (4, "uint16" in types),
            (3, "int8" in types),
            (2, "uint32" in types),
        ],
        "MIRROR_PAD": [(3, first == "int16"), (2, first == "int8")],
    }
    return next((v for v, applies in rules.get(op.code, []) if applies), 1)


def _is_grouped(op: Op) -> bool:
    if op.code != "CONV_2D":
        return False
    x, w = op.inputs[0], op.inputs[1]
    return x is not None and w is not None and x.shape[3] != w.shape[3]
