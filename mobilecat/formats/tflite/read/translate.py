"""A graph of a .tflite → ONNX: the walk. What an operator means stands in the neighbours' table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.tflite.read import (  # noqa: F401  (each fills the table)
    conv,
    elementwise,
    gather,
    norm,
    pool,
    reduce,
    resize,
    shape,
    suppression,
)
from mobilecat.formats.tflite.read.file import Graph, Operator, Tensor
from mobilecat.formats.tflite.read.op import (
    ELEMENT,
    READERS,
    REFUSED,
    Call,
    First,
    Given,
    Refused,
    channels_first,
)
from mobilecat.formats.tflite.read.sparse import dense
from mobilecat.formats.tflite.read.writer import FLOAT, OPSET, Writer
from mobilecat.graph import Array

_FOLDED = 1 << 16
"""Elements: what takes constants alone, and gives no more than this, is computed here and now."""
_SHOWN = 8
_ARITHMETIC = frozenset(
    {
        *("ADD", "SUB", "MUL", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"),
        *("BATCH_MATMUL", "CONV_3D", "DIV", "SUM"),
    }
)
Dims = dict[str, tuple[int | None, ...]]


@dataclass(frozen=True)
class Part:
    """What of a graph is read: from which tensors to which."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    ops: tuple[Operator, ...]


def part_of(graph: Graph, inputs: Sequence[int], outputs: Sequence[int]) -> Part:
    """Return what lies between tensors: operators in their order, inputs that something reads.

    Errors: ModelError where an input of the file is needed besides.
    """
    makers = {o: n for n, op in enumerate(graph.ops) for o in op.outputs}
    starts = set(inputs)
    needed: set[int] = set()
    read: set[int] = set()
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if tensor in read or tensor < 0:
            continue
        read.add(tensor)
        if tensor in starts or tensor not in makers:
            continue
        if makers[tensor] not in needed:
            needed.add(makers[tensor])
            waiting += graph.ops[makers[tensor]].inputs
    missing = [i for i in sorted(read) if i not in starts and i not in makers and i in graph.inputs]
    if missing:
        problems = [
            Problem(
                f"input {graph.names[i]!r} is needed too",
                "import.inputs",
                "name it as well, or cut later",
            )
            for i in missing
        ]
        raise ModelError("The graph cannot be cut there", problems)
    ops = tuple(graph.ops[n] for n in sorted(needed))
    return Part(tuple(i for i in inputs if i in read), tuple(outputs), ops)


def translate(graph: Graph, part: Part) -> onnx.ModelProto:
    """Return the part as ONNX, its inputs and outputs by `graph.names`.

    Weights, and whole numbers that stand for real ones, are real: inputs keep their own type.
    Errors: ModelError listing every operator that is not read.
    """
    return _Walk(graph, part).model()


class _Walk:
    def __init__(self, graph: Graph, part: Part) -> None:
        self._graph, self._part = graph, part
        self._g = Writer()
        self._names: dict[tuple[int, bool], str] = {}
        self._arrays: dict[int, Array] = {}
        self._makers = {o: op for op in part.ops for o in op.outputs}

    def model(self) -> onnx.ModelProto:
        require_read(self._graph, self._part)
        problems: dict[str, Problem] = {}
        inputs = self._ends(self._input, self._part.inputs, problems)
        if problems:
            raise _refused(list(problems.values()))
        for op in self._part.ops:
            try:
                self._read(op)
            except Refused as e:
                fix = cut_before(self._graph, op)
                problem = Problem(f"{op.code}: {e}", _at(self._graph, op), fix)
                problems[str(problem)] = problem
                for o in op.outputs:
                    self._names.setdefault((o, False), self._graph.names[o])
        if problems:
            raise _refused(list(problems.values()))
        outputs = self._ends(self._output, self._part.outputs, problems)
        if problems:
            raise _refused(list(problems.values()))
        return self._g.model(inputs, outputs)

    def _ends(
        self,
        write: Callable[[int], onnx.ValueInfoProto],
        tensors: Sequence[int],
        problems: dict[str, Problem],
    ) -> list[onnx.ValueInfoProto]:
        """Write inputs or outputs, each once; what cannot be one goes to `problems`."""
        made = []
        for i in dict.fromkeys(tensors):
            try:
                made.append(write(i))
            except Refused as e:
                problem = Problem(str(e), f"tensor {self._graph.names[i]!r}")
                problems[str(problem)] = problem
        return made

    def _input(self, i: int) -> onnx.ValueInfoProto:
        tensor, name = self._tensor(i), self._graph.names[i]
        element = ELEMENT[tensor.dtype]
        self._names[i, False] = name
        if i in self._makers and tensor.quantised:
            element = FLOAT  # an inner value is fed as what it stands for
        elif tensor.quantised:
            self._g.at = name
            assert tensor.scale is not None and tensor.zero is not None
            x = self._g.op("Cast", name, to=FLOAT)
            if tensor.zero[0]:
                x = self._g.op("Sub", x, np.array(tensor.zero[0], np.float32))
            self._names[i, False] = self._g.op("Mul", x, np.array(tensor.scale[0], np.float32))
        return helper.make_tensor_value_info(name, element, tensor.shape)

    def _output(self, i: int) -> onnx.ValueInfoProto:
        name, tensor = self._graph.names[i], self._tensor(i)
        have = self.name(i, False)
        if have != name:
            self._g.nodes.append(helper.make_node("Identity", [have], [name], name))
        element = FLOAT if tensor.quantised else ELEMENT[tensor.dtype]
        return onnx.ValueInfoProto(name=name, type=helper.make_tensor_type_proto(element, None))

    def _read(self, op: Operator) -> None:
        g, since = self._g, len(self._g.nodes)
        for i in (*op.inputs, *op.outputs):
            if i >= 0:
                self._tensor(i)
        g.at = self._graph.names[op.outputs[0]] if op.outputs else op.code
        found = READERS[op.code](Call(op, g, self._graph, self))
        given: Sequence[Given] = found if isinstance(found, (list, tuple)) else [found]  # type: ignore[list-item]
        if len(given) < len(op.outputs):
            raise Refused(f"it has {len(op.outputs)} outputs, and gives {len(given)}")
        if folded := self._folded(op, given, since):
            self._arrays.update(folded)
            return
        for i, value in zip(op.outputs, given, strict=False):
            if isinstance(value, np.ndarray):
                self._arrays[i] = value
                continue
            first = isinstance(value, First)
            name = value.name if isinstance(value, First) else value
            name = self._held(op, i, name)
            wanted = self._graph.names[i] + ("/first" if first else "")
            if any(name in n.output for n in g.nodes[since:]):
                g.rename(name, wanted, since)
                name = wanted
            self._names[i, first] = name

    def _held(self, op: Operator, i: int, name: str) -> str:
        """Hold a result to what its whole numbers can stand for, where those begin at 0: converters
        drop a ReLU that the quantisation does already."""
        tensor = self._graph.tensors[i]
        if not tensor.quantised or op.code not in _ARITHMETIC or tensor.dtype in ("int32", "int64"):
            return name
        if getattr(op.options, "fusedActivationFunction", 0):
            return name
        assert tensor.zero is not None
        return self._g.op("Relu", name) if tensor.zero[0] == np.iinfo(tensor.dtype).min else name

    def _folded(self, op: Operator, given: Sequence[Given], since: int) -> dict[int, Array]:
        """Return what an operator gives that takes constants alone; nothing where it is large."""
        nodes = self._g.nodes[since:]
        if not nodes or any(n.domain for n in nodes):
            return {}
        if any(i >= 0 and self.array(i) is None for i in op.inputs):
            return {}
        if not all(isinstance(v, str) for v in given):
            return {}
        read = {n for node in nodes for n in node.input}
        constants = {n: a for n, a in self._g.constants.items() if n in read}
        if sum(a.size for a in constants.values()) > _FOLDED:
            return {}
        if any(np.prod(self._graph.tensors[o].shape) > _FOLDED for o in op.outputs):
            return {}
        names = [str(v) for v in given]
        if not _small(nodes, constants):
            return {}
        try:
            arrays = _computed(nodes, constants, names)
        except Exception:  # onnx's evaluator has no base class of its own; the nodes stay
            return {}
        if any(a.size > _FOLDED for a in arrays):
            return {}
        del self._g.nodes[since:]
        return dict(zip(op.outputs, arrays, strict=False))

    def _tensor(self, i: int) -> Tensor:
        tensor = self._graph.tensors[i]
        if not tensor.dtype:
            raise Refused(f"a tensor of {tensor.held.lower()}, which is no number")
        return tensor

    # op.Values ---------------------------------------------------------------------------------

    def array(self, tensor: int) -> Array | None:
        if tensor in self._arrays:
            return self._arrays[tensor]
        t = self._graph.tensors[tensor]
        if t.data is None or tensor in self._makers or (tensor, False) in self._names:
            return None
        values = dense(t) if t.sparse is not None else t.data
        self._arrays[tensor] = t.real(values) if t.quantised else values
        return self._arrays[tensor]

    def name(self, tensor: int, first: bool) -> str:
        if (tensor, first) in self._names:
            return self._names[tensor, first]
        array = self.array(tensor)
        if array is not None:
            order = channels_first(array.ndim) if first else list(range(array.ndim))
            made = self._g.const(np.ascontiguousarray(array.transpose(order)).reshape(
                [array.shape[a] for a in order]
            ))  # fmt: skip
        elif (tensor, not first) in self._names:
            have, rank = self._names[tensor, not first], len(self._graph.tensors[tensor].shape)
            order = channels_first(rank)
            perm = order if first else [order.index(a) for a in range(rank)]
            made = self._g.op("Transpose", have, perm=perm)
        elif self._graph.tensors[tensor].variable:
            raise Refused("it reads a variable, which keeps its value from one run to the next")
        else:
            raise Refused(f"nothing makes {self._graph.names[tensor]!r}, which it reads")
        self._names[tensor, first] = made
        return made

    def lies_first(self, tensor: int) -> bool:
        return (tensor, True) in self._names and tensor not in self._arrays

    def lies(self, tensor: int) -> bool:
        return (tensor, False) in self._names


def _small(nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array]) -> bool:
    """Return whether every value of these nodes is known to be small: a shape may be anything."""
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()]
    graph = helper.make_graph(list(nodes), "constants", [], [], tensors)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", OPSET)])
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # onnx's inference has no base class of its own
        return False
    sizes = {
        v.name: [d.dim_value if d.HasField("dim_value") else None for d in t.shape.dim]
        for v in inferred.value_info
        if (t := v.type.tensor_type).HasField("shape")
    }
    return all(
        (dims := sizes.get(o)) is not None
        and all(d is not None for d in dims)
        and np.prod([d or 0 for d in dims], dtype=np.float64) <= _FOLDED
        for n in nodes
        for o in n.output
    )


def _computed(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], names: Sequence[str]
) -> list[Array]:
    from onnx.reference import ReferenceEvaluator

    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()]
    outputs = [onnx.ValueInfoProto(name=n) for n in names]
    graph = helper.make_graph(list(nodes), "constants", [], outputs, tensors)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, ir_version=10, opset_imports=opsets)
    return [np.asarray(a) for a in ReferenceEvaluator(model).run(None, {})]


def require_read(graph: Graph, part: Part) -> None:
    """Raise ModelError listing each kind of operator that is not read, and where to cut."""
    counts: Counter[tuple[bool, str]] = Counter((o.custom, o.code) for o in part.ops)
    problems = []
    for (custom, code), times in counts.items():
        if not custom and code in READERS:
            continue
        op = next(o for o in part.ops if (o.custom, o.code) == (custom, code))
        kind = "a custom operator, code of somebody's app" if custom else ""
        why = kind or REFUSED.get(code, "an operator that is not read here")
        many = f", {times} times" if times > 1 else ""
        problems.append(Problem(f"{code}{many}: {why}", _at(graph, op), cut_before(graph, op)))
    if problems:
        raise _refused(problems)


def _refused(problems: list[Problem]) -> ModelError:
    more = len(problems) - _SHOWN
    shown = problems[:_SHOWN] + ([Problem(f"and {more} more")] if more > 0 else [])
    kinds = f"{len(problems)} kind{'s' if len(problems) > 1 else ''} of operator"
    return ModelError(f"{kinds} in this TFLite model cannot be compiled", shown)


def cut_before(graph: Graph, op: Operator) -> str:
    """Return the words that say where to cut so that an operator is left out."""
    names = [repr(graph.names[i]) for i in op.inputs if i in _depending(graph)]
    if not names:
        return "export the model without it"
    listed = ", ".join(names).replace("'", '"')
    return f"cut the graph before it: [import] outputs = [{listed}]"


def _depending(graph: Graph) -> set[int]:
    """Return the tensors that depend on what the graph is given; weights may be computed too."""
    found = set(graph.inputs)
    for op in graph.ops:
        if found & set(op.inputs):
            found |= set(op.outputs)
    return found


def _at(graph: Graph, op: Operator) -> str:
    return f"the operator that makes {graph.names[op.outputs[0]]!r}" if op.outputs else op.code


__all__ = ["Part", "part_of", "require_read", "translate"]
