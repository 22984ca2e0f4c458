"""The ONNX graph that is written while a Core AI program is walked.

A tensor of the program is one ONNX value of the same shape. Its type is the same too, but for
float16 and smaller floats: they are *carried* as float32 whose numbers are rounded to their type
after every op that computes, as Apple's interpreter rounds; onnxruntime's own float16 kernels leave
roundings out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import ArtifactError, Problem, UnsupportedError
from mobilecat.formats.coreai.read.ir import ELEMENTS, NARROW, Tensor, Type
from mobilecat.graph import light

if TYPE_CHECKING:
    from mobilecat.graph import Array

OPSET = 21
IR_VERSION = 10
MAX_ELEMENTS = 1 << 28
MAX_KNOWN = 1 << 16
"""Elements of a value that is worked out while translating: sides, axes, indices."""

FLOAT = int(TensorProto.FLOAT)
FLOAT16 = int(TensorProto.FLOAT16)
BFLOAT16 = int(TensorProto.BFLOAT16)
DOUBLE = int(TensorProto.DOUBLE)
INT64 = int(TensorProto.INT64)
BOOL = int(TensorProto.BOOL)
ROUNDED = {"f16": FLOAT16, "bf16": BFLOAT16}
FLOATS = ("f32", "f16", "bf16", "f8E4M3FN", "f8E5M2")


class Refused(Exception):
    """An op is known, but not this form of it. The message says which."""


@dataclass(frozen=True)
class Val:
    """A tensor of the program. name: in the ONNX graph. array: its numbers where constant."""

    name: str
    type: Type
    array: Array | None = None

    @property
    def tensor(self) -> Tensor:
        if not isinstance(self.type, Tensor):
            raise Refused(f"it takes a {self.type}")
        return self.type

    @property
    def element(self) -> str:
        return self.tensor.element

    @property
    def rank(self) -> int:
        return len(self.tensor.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """The static shape; Refused where a side is only known when it runs."""
        return static(self.tensor)


def static(tensor: Tensor) -> tuple[int, ...]:
    """Return the static shape of `tensor`; Refused where a side is only known when it runs."""
    if any(d is None for d in tensor.dims):
        raise Refused(f"a shape is only known when it runs: {tensor}")
    return tuple(d for d in tensor.dims if d is not None)


def carried(element: str) -> int:
    """Return the ONNX type of tensors of `element`."""
    if element in FLOATS:
        return FLOAT
    if element in ELEMENTS:
        return int(helper.np_dtype_to_tensor_dtype(ELEMENTS[element]))
    if element in NARROW:
        return int(TensorProto.INT8 if element.startswith("si") else TensorProto.UINT8)
    raise Refused(f"tensors of {element}")


def check_size(dims: Sequence[int | None], where: str) -> None:
    """Raise ArtifactError where a tensor is larger than any network's."""
    if math.prod(d or 1 for d in dims) > MAX_ELEMENTS:
        what = f"a tensor of {'×'.join(str(d) for d in dims)} elements"
        raise ArtifactError("This Core AI model is damaged or too large", [Problem(what, where)])


class Writer:
    """One ONNX graph, or a subgraph of one: `inner` shares names and constants with its parent."""

    def __init__(self, parent: Writer | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._root: Writer = parent._root if parent is not None else self
        self._count = 0
        self._initializers: dict[str, Array] = {}
        self._shared: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._known: dict[str, Array] = {}
        self.beside: dict[str, Array] = {}
        """Large constants, which lie beside the graph: `mobilecat.graph.light`."""
        self.checks: list[str] = []
        """Boolean outputs that must be true, or the graph's own do not count."""

    def fresh(self) -> str:
        """Return a name that no value has."""
        self._root._count += 1
        return f"v{self._root._count}"

    def const(self, array: Any, dtype: Any = None) -> str:
        """Return the name of a constant; small equal ones share it."""
        a = np.asarray(array, dtype, order="C")
        root = self._root
        if a.nbytes > 1024:
            return self._keep(a)
        key = (a.dtype.str, a.shape, a.tobytes())
        if key not in root._shared:
            root._shared[key] = self._keep(a)
        return root._shared[key]

    def _keep(self, a: Array) -> str:
        root = self._root
        name = f"c{len(root._initializers)}"
        root._initializers[name] = a
        return name

    def ints(self, values: Any) -> str:
        return self.const(np.asarray(values, np.int64).reshape(-1))

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Emit one node with one output, and return its name."""
        return self.several(1, op, *inputs, **attributes)[0]

    def several(self, count: int, op: str, *inputs: str, **attributes: Any) -> tuple[str, ...]:
        """Emit one node with `count` outputs."""
        made = tuple(self.fresh() for _ in range(count))
        self.nodes.append(helper.make_node(op, list(inputs), list(made), **attributes))
        return made

    def cast(self, name: str, to: int) -> str:
        return self("Cast", name, to=to)

    def rounded(self, name: str, element: str) -> str:
        """Return float32 `name` with its numbers rounded to `element`."""
        if element in ROUNDED:
            return self.cast(self.cast(name, ROUNDED[element]), FLOAT)
        if element == "f32":
            return name
        raise Refused(f"arithmetic in {element}")

    def known(self, name: str) -> Array | None:
        """Return the numbers of a value that depends on no input, None where it does."""
        root = self._root
        if name in root._initializers:
            return root._initializers[name]
        if name not in root._known and (found := self._worked_out(name)) is not None:
            root._known[name] = found
        return root._known.get(name)

    def _worked_out(self, name: str) -> Array | None:
        need, nodes = {name}, []
        for node in reversed(self.nodes):
            if need.isdisjoint(node.output):
                continue
            if any(a.g.ByteSize() for a in node.attribute):
                return None
            nodes.append(node)
            need.difference_update(node.output)
            need.update(n for n in node.input if n)
        taken = [n for n in need if n in self._root._initializers]
        if len(taken) != len(need) or not nodes:
            return None
        if sum(self._root._initializers[n].size for n in taken) > MAX_KNOWN:
            return None
        from onnx.reference import ReferenceEvaluator

        graph = helper.make_graph(
            nodes[::-1],
            "known",
            [],
            [onnx.ValueInfoProto(name=name)],
            [numpy_helper.from_array(self._root._initializers[n], n) for n in taken],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        found: list[Any] = list(ReferenceEvaluator(model).run(None, {}))
        return np.asarray(found[0])

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[str]
    ) -> onnx.ModelProto:
        """Return the whole graph, without what no output needs; large constants are marked."""
        wanted = [*outputs, *self.checks]
        nodes = needed(self.nodes, wanted)
        used = _used(nodes) | set(wanted)
        graph = helper.make_graph(
            nodes,
            name,
            list(inputs),
            [onnx.ValueInfoProto(name=n) for n in wanted],
            [
                light.tensor_of_array(a, n, self.beside)
                for n, a in self._initializers.items()
                if n in used
            ],
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


def needed(nodes: Sequence[onnx.NodeProto], wanted: Sequence[str]) -> list[onnx.NodeProto]:
    """Return the nodes, in order, that `wanted` needs."""
    need, kept = set(wanted), []
    for node in reversed(nodes):
        if not need.isdisjoint(node.output):
            kept.append(node)
            need |= _used([node])
    return kept[::-1]


def _used(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """Return the names that nodes read, those of their subgraphs too."""
    found: set[str] = set()
    for node in nodes:
        found.update(n for n in node.input if n)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= _used(attribute.g.node) | {o.name for o in attribute.g.output}
    return found


def unsupported(problems: Sequence[Problem]) -> UnsupportedError:
    return UnsupportedError("The Core AI reader cannot execute this model", problems)
