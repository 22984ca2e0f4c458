"""Frozen graph → MIL program: the driver around the lowering table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import onnx_ir as ir

from mobilecat.errors import MobileCatError, ModelError, Problem, UnsupportedError
from mobilecat.foreign import problem_from_coremltools
from mobilecat.formats.coreml.lower.activations import Activations
from mobilecat.formats.coreml.lower.fuse import Pairs, find_pairs
from mobilecat.formats.coreml.lower.lowering import (
    LOWERINGS,
    Build,
    Format,
    NeedsFloat32,
    Node,
    kind_of,
)
from mobilecat.formats.coreml.lower.mil import Var, cast, dtype_name, mb, shape_of_var
from mobilecat.formats.coreml.names import Names
from mobilecat.graph import const_of, dtype_of, op_of, shape_of, where

Precision = Literal["float16", "float32"]

# IoU and thresholds decide at the last bit; quantisation rounds to whole numbers.
_ALWAYS_FLOAT32 = frozenset({"mobilecat::NMS", "QuantizeLinear", "DequantizeLinear", "CumSum"})


@dataclass(frozen=True)
class Program:
    """A MIL program, the names in it, and what a reader of the artifact should know.

    inputs, outputs: graph name → name in the artifact.
    taps: graph name → MIL variable that holds it.
    ranges: quantised variable → the range that its scale and zero point were made of.
    nodes: variable → the graph's nodes that give it, by name.
    """

    mil: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    taps: Mapping[str, Var]
    lints: tuple[str, ...]
    float32_layers: frozenset[str]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def build_program(
    model: ir.Model,
    *,
    format: Format,
    ios: int,
    precision: Precision,
    float32_names: frozenset[str],
    taps: Sequence[str],
    rename: Mapping[str, str],
    activations: Activations | None = None,
) -> Program:
    """Lower every node in order, each in its own precision, and name what comes out.

    rename: names for outputs other than the graph's own. activations: what makes them int8.
    Errors: UnsupportedError with the node's name where coremltools refuses an op.
    """
    import coremltools as ct
    from coremltools.converters.mil.mil import Function, types
    from coremltools.converters.mil.mil import Program as MILProgram

    graph, names = model.graph, Names()
    build = Build(format=format, ios=ios, activations=activations)
    inputs = {_name(v): names.claim(_name(v)) for v in graph.inputs}
    outputs = {n: names.claim(rename.get(n, n)) for n in map(_name, graph.outputs)}
    mb.name_count.clear()  # coremltools counts across programs, and names must not depend on it

    mil_types = {"float": types.fp32, "bool": types.fp32, "int": types.int32}
    placeholders = {
        inputs[_name(v)]: mb.placeholder(shape=shape_of(v) or (1,), dtype=mil_types[kind_of(v)])
        for v in graph.inputs
    }
    # NeuralNetwork knows one op set; iOS 15's is the last with a layer for each of its ops.
    opset = getattr(ct.target, f"iOS{max(ios, 15)}")
    with Function(placeholders, opset_version=opset) as function:
        for value in graph.inputs:
            _take_input(build, value, function.inputs[inputs[_name(value)]])
        pairs = find_pairs(model, frozenset(taps))
        absorbed = {first for first, _ in pairs.values()}
        for node in graph:
            if node not in absorbed:
                _lower(build, node, _float_type(node, precision, float32_names), pairs)
        results = _results(build, model, inputs, outputs)
        function.set_outputs(results)
    _name_variables(build, model, function, names, outputs, results)
    program = MILProgram()
    program.add_function("main", function)
    held = {t: v for t in taps if (v := _tap(build, model, t)) is not None}
    wide = [out for node in graph if node.name in float32_names for out in node.outputs]
    fp32 = frozenset(build.values[out].name for out in wide if out in build.values)
    nodes: dict[str, tuple[str, ...]] = {}
    for node in graph:
        first = (pairs[node][0],) if node in pairs else ()
        named = tuple(n.name or "" for n in (*first, node))
        nodes |= {build.values[v].name: named for v in node.outputs if v in build.values}
    return Program(program, inputs, outputs, held, tuple(build.lints), fp32, nodes=nodes)


def _name(value: ir.Value) -> str:
    assert value.name is not None
    return value.name


def _float_type(node: ir.Node, precision: Precision, float32_names: frozenset[str]) -> str:
    if precision == "float32" or node.name in float32_names or op_of(node) in _ALWAYS_FLOAT32:
        return "fp32"
    return "fp16"


def _take_input(build: Build, value: ir.Value, x: Var) -> None:
    """Bool comes in as float32, int64 as int32, and a scalar as one element."""
    name, dtype, kind = _name(value), dtype_of(value), kind_of(value)
    declared = "int32" if kind == "int" else "float32"
    if dtype.name != declared:
        build.lint(f"input {name!r} is {dtype} in the graph and {declared} in Core ML")
    if not shape_of(value):
        build.lint(f"input {name!r} is a scalar in the graph and has shape [1] in Core ML")
        x = mb.squeeze(x=x, axes=[0])
    build.values[value] = cast(x, "bool") if kind == "bool" else x


def _lower(build: Build, node: ir.Node, float_type: str, pairs: Pairs) -> None:
    def emit(float_type: str) -> Var | Sequence[Var]:
        if node not in pairs:
            return LOWERINGS[op_of(node)].lower(Node(node, build, float_type))
        first, lower = pairs[node]
        return lower(Node(node, build, float_type), Node(first, build, float_type))

    try:
        try:
            out = emit(float_type)
        except NeedsFloat32:
            build.lint(f"{where(node)} computes in float32: a constant does not fit float16")
            out = emit("fp32")
    except MobileCatError:
        raise
    except Exception as e:  # coremltools' checks raise whatever is at hand
        problem = problem_from_coremltools(e, where(node))
        raise UnsupportedError("A node could not be lowered to Core ML", [problem]) from e
    results = list(out) if isinstance(out, (list, tuple)) else [out]
    for value, x in zip(node.outputs, results, strict=False):
        _require_shape(node, value, x)
        build.values[value] = x


def _require_shape(node: ir.Node, value: ir.Value, x: Var) -> None:
    want, have = shape_of(value), shape_of_var(x)
    kinds = {"fp16": "float", "fp32": "float", "int32": "int", "bool": "bool"}
    if want != have or kind_of(value) != kinds[dtype_name(x)]:
        wanted = f"{kind_of(value)} {list(want)}"
        raise ModelError(
            "The graph contradicts itself",
            [
                Problem(
                    f"{value.name!r} is declared {wanted}, but computes to "
                    f"{dtype_name(x)} {list(have)}",
                    where=where(node),
                )
            ],
        )


def _results(
    build: Build, model: ir.Model, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> list[Var]:
    """Return one variable of its own per output, in a type and rank that Core ML hands out."""
    results: list[Var] = []
    for value in model.graph.outputs:
        name, kind = _name(value), kind_of(value)
        found = const_of(value)
        x = build.values[value] if found is None else mb.const(val=found.astype(_numpy(kind)))
        declared = "int32" if kind == "int" else "float32"
        if build.is_nn and kind == "int":
            declared = "float32"
            build.lint(f"output {name!r} is int32 in the graph and float32 in a NeuralNetwork")
        elif dtype_of(value).name != declared:
            build.lint(
                f"output {name!r} is {dtype_of(value)} in the graph and {declared} in Core ML"
            )
        x = cast(x, "int32" if kind == "int" else "fp32")
        if not shape_of(value):
            build.lint(f"output {name!r} is a scalar in the graph and has shape [1] in Core ML")
            x = mb.expand_dims(x=x, axes=[0])
        taken = value.is_graph_input() or any(x is r for r in results)
        if taken or x.op is None or x.op.op_type == "const":
            x = mb.identity(x=x)
        results.append(x)
    return results


def _numpy(kind: str) -> str:
    return {"float": "float32", "int": "int32", "bool": "bool"}[kind]


def _name_variables(
    build: Build,
    model: ir.Model,
    function: Any,
    names: Names,
    outputs: Mapping[str, str],
    results: Sequence[Var],
) -> None:
    """Name variables after graph values, outputs first; what lies between is named by its op."""
    named: dict[int, str] = {id(v): v.name for v in function.inputs.values()}
    for value, x in zip(model.graph.outputs, results, strict=True):
        named[id(x)] = outputs[_name(value)]
    for value, x in build.values.items():
        if id(x) not in named:
            named[id(x)] = names.claim(_name(value))
    for (value, _), x in build.constants.items():
        if id(x) not in named:
            named[id(x)] = names.claim(_name(value))
    for op in function.operations:
        for x in op.outputs:
            x.name = named.get(id(x)) or names.claim(x.name)
        op.name = op.outputs[0].name


def _tap(build: Build, model: ir.Model, name: str) -> Var | None:
    for value, x in build.values.items():
        if value.name == name:
            return x
    return None
