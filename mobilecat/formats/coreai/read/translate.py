"""A Core AI graph → ONNX: the walk. What an op means stands in the tables of its neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.coreai.read import (  # noqa: F401  (each fills the table)
    casts,
    compressed,
    control,
    elementwise,
    gathering,
    reducing,
    resampling,
    shaping,
    windows,
)
from mobilecat.formats.coreai.read.ir import Block, Graph, Image, Module, Op, Other, Tensor, Type
from mobilecat.formats.coreai.read.op import MOVES, READERS, REFUSED, Call, as_carried
from mobilecat.formats.coreai.read.writer import (
    FLOAT,
    FLOAT16,
    ROUNDED,
    Refused,
    Val,
    Writer,
    carried,
    check_size,
    unsupported,
)

if TYPE_CHECKING:
    from mobilecat.graph import Array

CHANNELS = {"24RGB": 3, "32ARGB": 4, "32BGRA": 4}
_ENDS = ("coreai.output", "coreai.yield", "coreai.condition")
_MAX_DEPTH = 64
_MAX_OPS = 500_000


@dataclass(frozen=True)
class Translation:
    """An ONNX model with the graph's own input and output names.

    taps: node name of the file → the ONNX value that the last op of that name gives.
    checks: outputs behind the graph's own that must be true.
    arrays: large constants, which lie beside the model (`mobilecat.graph.light`).
    """

    model: onnx.ModelProto
    taps: Mapping[str, str]
    checks: tuple[str, ...]
    arrays: Mapping[str, Array]


def translate(module: Module, name: str) -> Translation:
    """Return graph `name` as ONNX.

    Errors: UnsupportedError listing every op that is not read; ArtifactError where the program
    contradicts itself.
    """
    graph = module.graphs[name]
    if problems := unread(module, graph):
        raise unsupported(problems)
    return _Walk(module, graph).translation()


def unread(module: Module, graph: Graph) -> list[Problem]:
    """Return a problem for each kind of op that is not read, with how often it occurs."""
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    _count(module, graph, counts, seen)
    problems = []
    for op, times in counts.items():
        if op not in READERS and op not in _ENDS and op not in ("coreai.constant", "coreai.invoke"):
            reason = REFUSED.get(op, "an op that is not known here")
            problems.append(Problem(f"{op}, {times} times: {reason}", graph.name))
    return problems


def count_ops(module: Module, graph: Graph) -> Counter[str]:
    """Return how often each op occurs in a graph and in those that it invokes."""
    counts: Counter[str] = Counter()
    _count(module, graph, counts, set())
    return counts


def _count(module: Module, graph: Graph, counts: Counter[str], seen: set[str]) -> None:
    if graph.name in seen:
        return
    seen.add(graph.name)
    todo = [graph.body]
    while todo:
        for op in todo.pop().ops:
            if op.name.startswith("debuginfo."):
                continue
            counts[op.name] += 1
            inner = [] if op.name in ("coreai.scatter_nd", *REFUSED) else op.regions
            todo += inner
            if op.callee and (called := called_by(module, op)) is not None:
                _count(module, called, counts, seen)


def called_by(module: Module, op: Op) -> Graph | None:
    """Return the graph that an invocation names: absolute, or its last part alone."""
    return module.graphs.get(op.callee) or module.graphs.get(op.callee.rpartition(".")[2])


class _Walk:
    def __init__(self, module: Module, graph: Graph) -> None:
        self._module = module
        self._graph = graph
        self._g = Writer()
        self._taps: dict[str, str] = {}
        self._makers: dict[str, Call] = {}
        self._ops = 0
        self._depth = 0
        self._problems: dict[str, Problem] = {}

    def translation(self) -> Translation:
        graph, g = self._graph, self._g
        env: dict[int, Val] = {}
        inputs = []
        for number, name, type_ in zip(
            graph.body.arguments, graph.inputs, graph.body.types, strict=True
        ):
            inputs.append(_input(name, type_))
            env[number] = self._argument(name, type_)
        found = self._run(g, graph.body, env)
        if self._problems:
            raise unsupported(list(self._problems.values()))
        outputs = []
        for name, value in zip(graph.outputs, found, strict=True):
            if value.element in ROUNDED:
                node = helper.make_node("Cast", [value.name], [name], to=ROUNDED[value.element])
            else:
                node = helper.make_node("Identity", [value.name], [name])
            g.nodes.append(node)
            outputs.append(name)
        if len(set(outputs) | set(graph.inputs)) != len(outputs) + len(graph.inputs):
            what = "two of its inputs and outputs have the same name"
            raise ArtifactError(
                "This Core AI model contradicts itself", [Problem(what, graph.name)]
            )
        model = g.model(graph.name, inputs, outputs)
        made = {o for n in model.graph.node for o in n.output}
        taps = {n: v for n, v in self._taps.items() if v in made}
        return Translation(model, taps, tuple(g.checks), g.beside)

    def _argument(self, name: str, type_: Type) -> Val:
        if isinstance(type_, Image):
            return Val(name, Tensor("ui8", _image_shape(type_)))
        assert isinstance(type_, Tensor)
        if type_.element in ROUNDED:
            return Val(self._g.cast(name, FLOAT), type_)
        return Val(name, type_)

    def _run(self, g: Writer, block: Block, env: dict[int, Val]) -> list[Val]:
        """Translate the ops of a block into `g`; return what its last one hands on."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            what = "graphs invoke one another, or lie in one another, without an end"
            raise ArtifactError("This Core AI model contradicts itself", [Problem(what)])
        given: list[Val] = []
        for op in block.ops:
            self._ops += 1
            if self._ops > _MAX_OPS:
                raise ArtifactError(
                    "This Core AI model is too large", [Problem(f"more than {_MAX_OPS:,} ops")]
                )
            if op.name.startswith("debuginfo."):
                continue
            inputs = tuple(self._value(env, n, op) for n in op.operands)
            if op.name in _ENDS:
                given = list(inputs)
                break
            for number, value in zip(op.results, self._one(g, op, inputs, env), strict=True):
                env[number] = value
        self._depth -= 1
        return given

    def _value(self, env: Mapping[int, Val], number: int, op: Op) -> Val:
        found = env.get(number)
        if found is None:
            what = "it takes a value that nothing makes"
            raise ArtifactError("This Core AI model contradicts itself", [Problem(what, _at(op))])
        return found

    def _one(self, g: Writer, op: Op, inputs: tuple[Val, ...], env: dict[int, Val]) -> list[Val]:
        for type_ in op.types:
            if isinstance(type_, Tensor):
                check_size(type_.dims, _at(op))
        try:
            if op.name == "coreai.constant":
                return [self._constant(op)]
            if op.name == "coreai.invoke":
                return self._invoked(g, op, inputs)
            values = self._read(g, op, inputs, env)
        except Refused as e:
            problem = Problem(f"{op.name}: {e}", _at(op))
            self._problems[str(problem)] = problem
            return [Val(g.fresh(), t) for t in op.types]
        if op.where and len(values) == 1 and g is self._g:
            self._taps[op.where] = values[0].name
        return values

    def _constant(self, op: Op) -> Val:
        if op.array is None:
            raise Refused(op.unread)
        type_ = op.types[0]
        assert isinstance(type_, Tensor)
        array = as_carried(op.array, type_.element)
        return Val(self._g.const(array), type_, op.array)

    def _read(self, g: Writer, op: Op, inputs: tuple[Val, ...], env: dict[int, Val]) -> list[Val]:
        def block(inner: Writer, index: int, values: Sequence[Val]) -> list[Val]:
            region = op.regions[index]
            bound = dict(zip(region.arguments, values, strict=True))
            return self._run(inner, region, {**env, **bound})

        call = Call(op, g, inputs, block, self._makers)
        found = READERS[op.name](call)
        if isinstance(found, np.ndarray):
            return [_worked_out(g, found, op.types[0])]
        names = [found] if isinstance(found, str) else list(found)
        if len(names) == 1:
            self._makers.setdefault(names[0], call)
        return [
            Val(n if op.name in MOVES else _settled(g, n, t), t)
            for n, t in zip(names, op.types, strict=True)
        ]

    def _invoked(self, g: Writer, op: Op, inputs: tuple[Val, ...]) -> list[Val]:
        called = called_by(self._module, op)
        if called is None:
            raise Refused(f"a graph that is not there: {op.callee}")
        env = dict(zip(called.body.arguments, inputs, strict=True))
        return self._run(g, called.body, env)


def _settled(g: Writer, name: str, type_: Type) -> str:
    """Round what an op computed to its type."""
    half = isinstance(type_, Tensor) and type_.element in ROUNDED
    return g.rounded(name, type_.element) if half and isinstance(type_, Tensor) else name


def _worked_out(g: Writer, array: Array, type_: Type) -> Val:
    if isinstance(type_, Other):  # a sparse form, dense here
        return Val(g.const(array), type_, array)
    assert isinstance(type_, Tensor)
    if type_.element == "f16":
        array = array.astype(np.float16)
    elif type_.element in ROUNDED:
        raise Refused(f"weights of {type_.element}")
    return Val(g.const(as_carried(array, type_.element)), type_, array)


def _input(name: str, type_: Type) -> onnx.ValueInfoProto:
    if isinstance(type_, Image):
        return helper.make_tensor_value_info(name, carried("ui8"), _image_shape(type_))
    if not isinstance(type_, Tensor):
        raise unsupported([Problem(f"an input of type {type_}", name)])
    check_size(type_.dims, name)
    try:
        held = (
            FLOAT16
            if type_.element == "f16"
            else ROUNDED.get(type_.element) or carried(type_.element)
        )
    except Refused as e:
        raise unsupported([Problem(f"an input: {e}", name)]) from None
    dims = [f"{name}_{i}" if d is None else d for i, d in enumerate(type_.dims)]
    return helper.make_tensor_value_info(name, held, dims)


def _image_shape(image: Image) -> tuple[int, ...]:
    if image.fourcc not in CHANNELS:
        raise unsupported([Problem(f"a picture input of pixel format {image.fourcc}")])
    check_size((image.height, image.width, 4), "a picture input")
    return image.height, image.width, CHANNELS[image.fourcc]


def _at(op: Op) -> str:
    return f"node {op.where!r}" if op.where else op.name
