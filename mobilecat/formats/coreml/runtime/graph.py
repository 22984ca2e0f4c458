"""An ONNX graph that is written while a model is walked, and run as far as somebody must know.

`Val` is a tensor of the model being executed: a constant, data of this run, or a result that is
still *pending* in the ONNX graph. Calling the graph emits one ONNX node. Asking a pending value for
its numbers (`numpy`), or for a size that depends on data, runs what was emitted up to there and
goes on in a fresh graph. A model of fixed shapes is never asked, so it ends up as one session.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, checker, defs, helper, shape_inference

from mobilecat.errors import MobileCatError
from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.session import IR_VERSION, OPSET, Sessions, Work
from mobilecat.formats.coreml.runtime.values import check_size

Array = npt.NDArray[Any]
FLOAT = int(TensorProto.FLOAT)
FLOAT16 = int(TensorProto.FLOAT16)
INT32 = int(TensorProto.INT32)
INT64 = int(TensorProto.INT64)
BOOL = int(TensorProto.BOOL)
ELEM: dict[np.dtype[Any], int] = {
    np.dtype(np.float32): FLOAT,
    np.dtype(np.float16): FLOAT16,
    np.dtype(np.int32): INT32,
    np.dtype(np.int64): INT64,
    np.dtype(np.bool_): BOOL,
    np.dtype(np.uint8): int(TensorProto.UINT8),
}
_NUMPY: dict[int, np.dtype[Any]] = {v: k for k, v in ELEM.items()}
_INFERENCE_ERRORS = (
    shape_inference.InferenceError,
    checker.ValidationError,
    RuntimeError,
    TypeError,
    ValueError,
)
MAX_ROUNDS = 10_000  # of loops in one prediction
_SMALL = 1024  # elements: up to here a constant's values take part in shape inference


class Val:
    """One tensor. `mil` is its declared type in the model, "" for an intermediate of our own."""

    __slots__ = (
        "__weakref__", "_array", "_dims", "_dtype", "_graph", "const", "mil", "name",
    )  # fmt: skip

    def __init__(
        self,
        graph: Graph,
        array: Array | None = None,
        *,
        const: bool = False,
        name: str = "",
        dtype: np.dtype[Any] | None = None,
        dims: tuple[int | None, ...] = (),
        mil: str = "",
    ) -> None:
        self._graph = graph
        self._array = array
        self._dims = dims if array is None else array.shape
        self._dtype = dtype
        self.const = const
        self.name = name
        self.mil = mil

    @property
    def known(self) -> bool:
        """Whether the numbers are there already."""
        return self._array is not None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type it is computed in."""
        if self._dtype is None:
            assert self._array is not None
            self._dtype = _computed_dtype(self._array.dtype)
        return self._dtype

    @property
    def is_float(self) -> bool:
        return self.dtype == np.float32

    @property
    def rank(self) -> int:
        return len(self._dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; where a size depends on data, what is pending runs first."""
        if None in self._dims:
            self._graph.run(self)
        return tuple(int(d) for d in self._dims if d is not None)

    @property
    def is_small(self) -> bool:
        """Say whether it is known to have few elements."""
        return None not in self._dims and math.prod(d or 0 for d in self._dims) <= _SMALL

    def stored(self) -> Array:
        """Return the numbers in the type in which they are stored (a weight's float16, int8…)."""
        if self._array is None:
            self._graph.run(self)
        if not self.const:
            self._graph.data_was_read = True
        assert self._array is not None
        return self._array

    def numpy(self) -> Array:
        """Return the numbers in their compute type."""
        return self.stored().astype(self.dtype, copy=False)

    def raw(self) -> Array:
        """Return the numbers of a known value in their compute type, as the graph is fed."""
        assert self._array is not None
        return self._array.astype(self.dtype, copy=False)

    def settle(self, array: Array, const: bool) -> None:
        """Turn a pending value into a known one."""
        self._array, self._dims, self.const, self.name = array, array.shape, const, ""


Operand = Val | Array | np.generic | None


class Graph:
    """Emits ONNX nodes; runs them through `sessions`.

    calls_nms: whether a suppression is a node of its own, `mobilecat::NMS`, for who compiles the
    graph further; nothing here runs it.
    """

    def __init__(self, sessions: Sessions, calls_nms: bool = False) -> None:
        self._sessions = sessions
        self.calls_nms = calls_nms
        self.data_was_read = False  # then what was emitted holds for this run's data only
        self.runs = 0
        self.rounds = 0  # of all loops, nested ones too
        self.where = ""
        self._count = 0
        self._start()

    def _start(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, Array] = {}
        self._inputs: dict[str, Val] = {}
        self._names: dict[int, tuple[str, Val]] = {}  # id of a known Val → its name in this graph
        self._pending: list[weakref.ref[Val]] = []
        self._types: dict[str, Any] = {}
        self._count = 0

    def const(self, array: Any, dtype: Any = None) -> Val:
        """Return a constant; Python floats and ints become float32 and int64."""
        a = np.asarray(array, dtype)
        if a.dtype == np.float64:
            a = a.astype(np.float32)
        return Val(self, a, const=True)

    def data(self, array: Array, mil: str = "") -> Val:
        """Return a value of this run, fed from outside in the type it has."""
        return Val(self, array, mil=mil, dtype=array.dtype)

    def __call__(self, op: str, *operands: Operand, **attrs: Any) -> Val:
        """Emit one ONNX node with one output; return it. Attributes that are None are left out."""
        return self.several(1, op, *operands, **attrs)[0]

    def several(self, count: int, op: str, *operands: Operand, **attrs: Any) -> tuple[Val, ...]:
        """Emit one ONNX node with `count` outputs; return them."""
        values = [self.const(o) if isinstance(o, (np.ndarray, np.generic)) else o for o in operands]
        names = [self._name_of(v) if v is not None else "" for v in values]
        while names and not names[-1]:
            names.pop()
        made = [self._fresh() for _ in range(count)]
        attrs = {k: v for k, v in attrs.items() if v is not None}
        node = helper.make_node(op, names, made, name=f"{self.where}:{len(self._nodes)}", **attrs)
        types = self._infer(node, values, names)
        fixed = all(v is None or v.const for v in values)
        out = []
        for name in made:
            if name not in types:
                raise malformed(f"the result of ONNX {op} has no type", self.where)
            dtype, dims = _read_type(types[name])
            check_size(dims, self.where)
            val = Val(self, name=name, dtype=dtype, dims=dims, const=fixed)
            self._types[name] = types[name]
            self._pending.append(weakref.ref(val))
            out.append(val)
        self._nodes.append(node)
        return tuple(out)

    def nms(
        self, boxes: Val, scores: Val, most: int, settings: Mapping[str, Any]
    ) -> tuple[Val, Val]:
        """Emit `mobilecat::NMS` on boxes [1,N,4] and scores [1,N,C]; return indices [1,most], 0
        where there is no row, and their count [1]: both int32."""
        shapes = ((1, most, 4), (1, most), (1, most), (1, most), (1,))
        kinds = (FLOAT, FLOAT, INT32, INT32, INT32)
        made = [self._fresh() for _ in shapes]
        node = helper.make_node(
            "NMS",
            [self._name_of(boxes), self._name_of(scores)],
            made,
            name=f"{self.where}:{len(self._nodes)}",
            domain="mobilecat",
            max_detections=most,
            **settings,
        )
        self._nodes.append(node)
        values = []
        for name, shape, kind in zip(made, shapes, kinds, strict=True):
            self._types[name] = helper.make_tensor_type_proto(kind, shape)
            value = Val(self, name=name, dtype=_NUMPY[kind], dims=shape)
            self._pending.append(weakref.ref(value))
            values.append(value)
        return values[3], values[4]

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _name_of(self, v: Val) -> str:
        if not v.known:
            return v.name
        found = self._names.get(id(v))
        if found is not None:
            return found[0]
        array = v._array
        assert array is not None
        if v.const:
            name = f"c{len(self._names)}"
            self._initializers[name] = v.raw()
        else:
            name = f"i{len(self._names)}"
            self._inputs[name] = v
        self._types[name] = helper.make_tensor_type_proto(ELEM[v.dtype], array.shape)
        self._names[id(v)] = (name, v)
        return name

    def _infer(
        self, node: onnx.NodeProto, values: Sequence[Val | None], names: Sequence[str]
    ) -> dict[str, Any]:
        known = {}
        for v, name in zip(values, names, strict=False):
            if v is not None and v.known and v.const and v._array is not None:
                array = v._array
                if array.size <= _SMALL and array.dtype.kind in "iu":
                    known[name] = _tensor(name, v.raw())
        try:
            result: dict[str, Any] = shape_inference.infer_node_outputs(
                defs.get_schema(node.op_type, OPSET),
                node,
                {n: self._types[n] for n in names if n},
                known,
                opset_imports=[helper.make_opsetid("", OPSET)],
                ir_version=IR_VERSION,
            )
        except _INFERENCE_ERRORS as e:
            reason = str(e).strip().splitlines()[-1][:300]
            raise malformed(f"shapes or types do not fit ({reason})", self.where) from None
        return result

    def run(self, wanted: Val) -> None:
        """Run what is pending: all of it, or the part `wanted` needs where that is all constant."""
        if wanted.const:
            self._run_fixed(wanted)
        else:
            self.flush()

    def _run_fixed(self, wanted: Val) -> None:
        nodes, taken = self._behind([wanted.name])
        initializers = {n: self._initializers[n] for n in taken}
        # What the piece makes besides, like a loop's counter, becomes a constant as well, or each
        # round would compute all the earlier ones again.
        made = {n for node in nodes for n in node.output}
        live = [v for r in self._pending if (v := r()) is not None and not v.known]
        self._pending = [weakref.ref(v) for v in live]
        settled = [wanted, *(v for v in live if v is not wanted and v.name in made and v.is_small)]
        work = Work(nodes, initializers, {}, {v.name: self._types[v.name] for v in settled})
        arrays = self._sessions.again(work) if self.rounds else self._sessions.once(work, {})
        name = wanted.name
        for v, array in zip(settled, arrays, strict=True):
            v.settle(array, const=True)
        if not wanted.is_small:
            self._names[id(wanted)] = (name, wanted)  # it stays a node: nothing is written twice

    def _behind(self, wanted: Iterable[str]) -> tuple[list[onnx.NodeProto], dict[str, None]]:
        """Return the nodes that `wanted` needs, in order, and the leaves that they take."""
        need, nodes = set(wanted), []
        taken: dict[str, None] = {}  # constants and inputs, in a settled order: a digest has it
        for node in reversed(self._nodes):
            if not need:
                break
            if need.isdisjoint(node.output):
                continue
            nodes.append(node)
            need.difference_update(node.output)
            for name in filter(None, node.input):
                if name in self._initializers or name in self._inputs:
                    taken[name] = None
                else:
                    need.add(name)
        return nodes[::-1], taken

    def count_round(self) -> None:
        """Count one round of a loop; UnsupportedOp where a damaged model would not end."""
        self.rounds += 1
        if self.rounds > MAX_ROUNDS:
            raise refused(f"its loops did not end after {MAX_ROUNDS} rounds", self.where)

    def flush(self) -> None:
        """Run everything that is pending, so that every value still in use is known."""
        live = [v for r in self._pending if (v := r()) is not None and not v.known]
        if live:
            work, fed = self.finish(live)
            feeds = {n: v.raw() for n, v in fed.items()}
            arrays = self._sessions.cached(work, feeds)
            self.runs += 1
            self._start()
            for v, array in zip(live, arrays, strict=True):
                v.settle(array, const=v.const)
        else:
            self._start()

    def finish(self, results: Sequence[Val]) -> tuple[Work, dict[str, Val]]:
        """Return the work that gives the pending ones among `results`, and what it is fed."""
        pending = {v.name: self._types[v.name] for v in results if not v.known}
        nodes, taken = self._behind(pending)
        fed = {n: v for n, v in self._inputs.items() if n in taken}
        initializers = {n: a for n, a in self._initializers.items() if n in taken}
        inputs = {n: self._types[n] for n in fed}
        return Work(nodes, initializers, inputs, pending), fed


def _computed_dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    if stored.kind == "f":
        return np.dtype(np.float32)
    if stored.kind in "iu" and stored != np.int64:
        return np.dtype(np.int32)
    return stored


def _read_type(proto: Any) -> tuple[np.dtype[Any], tuple[int | None, ...]]:
    tensor = proto.tensor_type
    if not tensor.HasField("shape"):
        raise MobileCatError("an ONNX node's rank cannot be inferred")
    dims: tuple[int | None, ...] = tuple(
        int(d.dim_value) if d.WhichOneof("value") == "dim_value" else None for d in tensor.shape.dim
    )
    dtype: np.dtype[Any] = _NUMPY[tensor.elem_type]
    return dtype, dims


def _tensor(name: str, array: Array) -> onnx.TensorProto:
    return helper.make_tensor(name, ELEM[array.dtype], array.shape, array.tobytes(), raw=True)
