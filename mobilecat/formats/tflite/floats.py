"""A quantised .tflite as floats: its own operators on the real numbers that it stands for.

Each tensor of whole numbers with a scale becomes float32: a constant what it was rounded from,
where that is known, else what it stands for. QUANTIZE and DEQUANTIZE then do nothing, and are left
out. What an operator does with whole numbers as they lie, as a RESHAPE between two scales, is done
here too: https://ai.google.dev/edge/litert/models/quantization_spec
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import ai_edge_litert.schema_py_generated as schema
import numpy as np

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.tflite.flatbuffer import TYPES
from mobilecat.graph import Array
from mobilecat.quantize.rounding import alike

FRONT = "the picture's scale and offset"
"""The name under which a float file's preprocessing is told: real = scale · level + offset."""
_DTYPES = {number: np.dtype(name) for name, number in TYPES.items()}
_FLOAT32, _FLOAT16, _INT8 = TYPES["float32"], TYPES["float16"], TYPES["int8"]
_CODES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
_COPIES = frozenset(
    {
        "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "MIRROR_PAD", "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SPACE_TO_DEPTH", "SQUEEZE", "STRIDED_SLICE", "TILE",
        "TRANSPOSE",
    }
)  # fmt: skip
"""What moves whole numbers as they are, whatever the scales of both sides say."""
_SUMS = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
"""Input, weights and bias of what adds up products. A bias is in the unit of input times weights,
whatever its own scale says: kernels take it for that."""
_CHANNELS = {"DEPTHWISE_CONV_2D": (0, 1, 2)}
"""The axes of weights that are added up for an output; (1, 2, 3) for the rest."""
_SLACK = 1e-3
"""Steps: originals were folded in another order."""


class Restore(Protocol):
    """What constants were rounded from (`formats.base.originals`)."""

    def __call__(self, name: str, stored: Array, /) -> Array: ...
    def packed(
        self, name: str, dense: Array, low: Array, high: Array, entry: Array | None
    ) -> Array: ...
    def named(self, name: str) -> Sequence[Array]: ...


@dataclass(frozen=True)
class Floats:
    """A float model. places: the tensors' names → where their values are now."""

    data: bytes
    places: dict[str, int]


def as_floats(model: Any, restore: Restore, fitted: bool = False) -> Floats:
    """Return the model with nothing rounded; it is changed. Errors: ArtifactError.

    fitted: whether a weight may be either whole number beside it, and not the nearest alone, where
    those of an output are `alike` what fitting makes.
    """
    import flatbuffers

    rewriting = _Rewriting(model, restore, fitted)
    rewriting.run()
    model.metadata, model.metadataBuffer = None, None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    tensors = enumerate(model.subgraphs[0].tensors)
    places = {text(t.name): rewriting.now(i) for i, t in tensors}
    return Floats(bytes(builder.Output()), places)


def floats_in(model: Any) -> Iterator[tuple[str, Array]]:
    """Yield the float constants of a float32 model, and its preprocessing as `FRONT`."""
    for tensor in model.subgraphs[0].tensors:
        values = constant(model, tensor)
        if values is not None and values.dtype == np.float32:
            yield text(tensor.name), values
    if (front := front_of(model)) is not None:
        yield FRONT, np.array(front, np.float64)


def front_of(model: Any) -> tuple[float, float] | None:
    """Return scale and offset of what is done to the picture first; None where it is not those."""
    graph, scale, offset = model.subgraphs[0], 1.0, 0.0
    at, seen = int(graph.inputs[0]), False
    while True:
        readers = [op for op in graph.operators if at in map(int, op.inputs)]
        if len(readers) != 1:
            break
        (op,) = readers
        code = _code(model, op)
        others = [constant(model, graph.tensors[int(i)]) for i in op.inputs if int(i) != at]
        number = float(others[0].reshape(-1)[0]) if _is_number(others) else None  # type: ignore[union-attr]
        if code == "MUL" and number is not None:
            scale, offset = scale * number, offset * number
        elif code == "ADD" and number is not None:
            offset += number
        elif code == "SUB" and number is not None and int(op.inputs[0]) == at:
            offset -= number
        elif code != "CAST":
            break
        at, seen = int(op.outputs[0]), True
    return (scale, offset) if seen and scale > 0 else None


def _is_number(others: Sequence[Array | None]) -> bool:
    return len(others) == 1 and others[0] is not None and others[0].size == 1


def constant(model: Any, tensor: Any) -> Array | None:
    """Return the values of a constant as they are stored. Errors: ArtifactError."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0 or tensor.type not in _DTYPES:
        return None
    dtype = _DTYPES[tensor.type]
    shape = [] if tensor.shape is None else [int(d) for d in tensor.shape]
    raw = np.asarray(data, np.uint8).tobytes()
    if len(raw) != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
        said = Problem(f"{len(raw)} bytes for {dtype} {shape}", f"tensor {text(tensor.name)!r}")
        raise ArtifactError("The TFLite model is damaged", [said])
    return np.frombuffer(raw, dtype).reshape(shape)


def text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")


def quant_of(tensor: Any) -> tuple[Array, Array] | None:
    """Return scales and zero points, each to broadcast over the tensor; None where it has none."""
    q = tensor.quantization
    if q is None or q.scale is None or not len(q.scale) or tensor.type == _FLOAT32:
        return None
    scale = np.asarray(q.scale, np.float64)
    zero = np.zeros(scale.size) if q.zeroPoint is None else np.asarray(q.zeroPoint, np.float64)
    rank = 0 if tensor.shape is None else len(tensor.shape)
    spread = [1] * rank
    if scale.size > 1:
        spread[int(q.quantizedDimension)] = scale.size
    if zero.size not in (1, scale.size):
        zero = np.resize(zero, scale.size)
    zeros = zero.reshape(spread if zero.size > 1 else [1] * rank)
    return scale.reshape(spread), zeros


@dataclass
class _Rewriting:
    """A model, changed in place. fitted: as in `as_floats`. alias: tensor → the one that has its
    values now."""

    model: Any
    restore: Restore
    fitted: bool = False
    alias: dict[int, int] = field(default_factory=dict)
    left: float = 0.0

    def __post_init__(self) -> None:
        self.graph = self.model.subgraphs[0]
        self.quants = {i: quant_of(t) for i, t in enumerate(self.graph.tensors)}
        self.values: dict[int, Array] = {}

    def now(self, i: int) -> int:
        return self.alias.get(i, i)

    def run(self) -> None:
        inputs = {int(i) for i in self.graph.inputs}
        before = self._picture()
        self._constants()
        kept: list[Any] = []
        for op in self.graph.operators:
            code = _code(self.model, op)
            taken = int(op.inputs[0]) if len(op.inputs) else -1
            op.inputs = np.array([self.now(int(i)) for i in op.inputs], np.int32)
            if code in ("QUANTIZE", "DEQUANTIZE"):
                self.alias[int(op.outputs[0])] = int(op.inputs[0])
                continue
            kept.append(op)
            if code in _COPIES:
                kept += self._between(op, taken)
        self.graph.operators = [*before, *kept]
        self.graph.outputs = np.array([self.now(int(o)) for o in self.graph.outputs], np.int32)
        for entry in (e for s in self.model.signatureDefs or [] for e in s.outputs):
            entry.tensorIndex = self.now(int(entry.tensorIndex))
        for i, quant in self.quants.items():
            if quant is not None and i not in inputs:
                self.graph.tensors[i].type = _FLOAT32
                self.graph.tensors[i].quantization = None

    # constants ------------------------------------------------------------------------------------

    def _constants(self) -> None:
        """Exchange constants for what they were rounded from; biases last, in their own unit."""
        products: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        for op in self.graph.operators:
            code = _code(self.model, op)
            if (places := _SUMS.get(code)) and len(op.inputs) > places[2]:
                x, w, b = (int(op.inputs[p]) for p in places)
                products[b] = x, w, _CHANNELS.get(code, (1, 2, 3))
        for i in sorted(range(len(self.graph.tensors)), key=lambda i: i in products):
            tensor = self.graph.tensors[i]
            stored = constant(self.model, tensor)
            if stored is None:
                continue
            if tensor.type == _FLOAT16:
                self._put(i, self.restore(text(tensor.name), stored))
            elif self.quants.get(i) is not None:
                self._put(i, self._original(i, stored, products.get(i)))
            elif i in products and tensor.type == _FLOAT32:
                self._put(i, stored - self._shift(*products[i]))

    def _original(
        self, i: int, stored: Array, product: tuple[int, int, tuple[int, ...]] | None
    ) -> Array:
        quant = self.quants[i]
        assert quant is not None
        (scale, zero), shift = quant, np.zeros(())
        if product is not None and (unit := self._unit(*product[:2])) is not None:
            scale, zero = unit, np.zeros(())
            shift = self._shift(*product)
        dense = (stored.astype(np.float64) - zero) * scale - shift
        name = text(self.graph.tensors[i].name)

        def within(steps: float) -> Array:
            half = np.abs(scale) * (steps + _SLACK) + 2e-7 * np.abs(dense)
            return self.restore.packed(name, dense, dense - half, dense + half, None)

        if product is not None or not self.fitted:
            return within(0.5)
        found = within(1.0)
        axis = int(self.graph.tensors[i].quantization.quantizedDimension) if scale.size > 1 else 0
        errors = np.moveaxis((dense - found) / scale, axis, 0).reshape(scale.size, -1)
        return found if alike(errors, _SLACK).all() else within(0.5)

    def _unit(self, x: int, w: int) -> Array | None:
        given, weights = self.quants.get(x), self.quants.get(w)
        if given is None or weights is None:
            return None
        return np.asarray(given[0].item() * weights[0]).reshape(-1)

    def _shift(self, x: int, w: int, axes: tuple[int, ...]) -> Array:
        """Return what the picture's rounded zero point left in the biases behind it."""
        if not self.left or not self._reads_picture(x):
            return np.zeros(())
        weights = self._weights(w).astype(np.float64)
        return np.asarray(self.left * weights.sum(axis=axes[: weights.ndim - 1]))

    def _weights(self, w: int) -> Array:
        """Return what weights are now; a float operator may have them behind a DEQUANTIZE."""
        at = self._behind(w, ("DEQUANTIZE",))
        found = self.values.get(at)
        if found is None:
            found = constant(self.model, self.graph.tensors[at])
        assert found is not None
        return found

    def _reads_picture(self, i: int) -> bool:
        passing = ("QUANTIZE", "DEQUANTIZE", "PAD")
        return self._behind(i, passing) in map(int, self.graph.inputs)

    def _behind(self, i: int, passing: tuple[str, ...]) -> int:
        makers = {int(o): op for op in self.graph.operators for o in op.outputs}
        while i in makers and _code(self.model, makers[i]) in passing:
            i = int(makers[i].inputs[0])
        return i

    def _put(self, i: int, values: Array) -> None:
        self.values[i] = np.asarray(values, np.float32)
        tensor = self.graph.tensors[i]
        tensor.type, tensor.quantization = _FLOAT32, None
        tensor.buffer = self._buffer(self.values[i])

    # the picture, and what lies between two scales ------------------------------------------------

    def _picture(self) -> list[Any]:
        """Return what makes real numbers of a picture whose scale is its meaning.

        Its zero point was rounded to a level, and what that leaves was put into the biases behind
        it: where the zero point is as that makes it, both are taken back.
        """
        at = next((int(i) for i in self.graph.inputs if self.quants[int(i)] is not None), None)
        if at is None:
            return []
        tensor, quant = self.graph.tensors[at], self.quants[at]
        assert quant is not None
        scale, zero = quant[0].item(), quant[1].item()
        real = scale, -scale * zero
        for a, b in self.restore.named(FRONT):
            offset = b + (128 * a if tensor.type == _INT8 else 0.0)
            if abs(a - scale) <= 1e-6 * scale and abs(-offset / a - zero) <= 0.5 + 1e-4:
                real = float(a), float(offset)
                self.left = real[1] + scale * zero
        names = (f"{text(tensor.name)}/real {n}" for n in range(3))
        level, scaled, end = (self._tensor(name, tensor.shape) for name in names)
        self.alias[at] = end
        cast = schema.CastOptionsT(tensor.type, _FLOAT32)
        return [self._op("CAST", [at], level, cast), *self._affine(level, scaled, end, *real)]

    def _between(self, op: Any, taken: int) -> list[Any]:
        """Return what follows an operator that moved whole numbers from one scale to another."""
        x, y = (self.quants.get(i) for i in (taken, int(op.outputs[0])))
        if x is None or y is None or any(v.size != 1 for v in (*x, *y)):
            return []
        (a, m), (b, n) = ((v[0].item(), v[1].item()) for v in (x, y))
        if abs(a - b) <= 1e-6 * a and m == n:
            return []
        out = int(op.outputs[0])
        tensor = self.graph.tensors[out]
        names = (f"{text(tensor.name)}/as it lies {k}" for k in (1, 2))
        first, second = (self._tensor(name, tensor.shape) for name in names)
        op.outputs = np.array([first], np.int32)
        return self._affine(first, second, out, b / a, (m - n) * b)

    def _affine(self, x: int, middle: int, y: int, scale: float, offset: float) -> list[Any]:
        factor, more = (self._number(v) for v in (scale, offset))
        return [
            self._op("MUL", [x, factor], middle, schema.MulOptionsT()),
            self._op("ADD", [middle, more], y, schema.AddOptionsT()),
        ]

    def _number(self, value: float) -> int:
        at = self._tensor(f"number {len(self.graph.tensors)}", None)
        self.graph.tensors[at].buffer = self._buffer(np.array(value, np.float32))
        return at

    def _tensor(self, name: str, shape: Any) -> int:
        made = schema.TensorT(name=name, shape=shape, type=_FLOAT32, buffer=0, hasRank=True)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def _buffer(self, values: Array) -> int:
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(schema.BufferT(data=data))
        return len(self.model.buffers) - 1

    def _op(self, code: str, inputs: list[int], output: int, options: Any) -> Any:
        number = getattr(schema.BuiltinOperator, code)
        at = len(self.model.operatorCodes)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(deprecatedBuiltinCode=number, builtinCode=number, version=1)
        )
        kind = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return schema.OperatorT(
            opcodeIndex=at,
            inputs=np.array(inputs, np.int32),
            outputs=np.array([output], np.int32),
            builtinOptionsType=kind,
            builtinOptions=options,
        )


def _code(model: Any, op: Any) -> str:
    code = model.operatorCodes[op.opcodeIndex]
    return str(_CODES.get(max(int(code.builtinCode), int(code.deprecatedBuiltinCode)), ""))
