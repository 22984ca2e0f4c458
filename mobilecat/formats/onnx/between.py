"""`import.inputs` and `import.outputs` of an ONNX file: the part between those values, alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnx

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.onnx.checked import read_by

_SHOWN = 8

Values = dict[str, onnx.ValueInfoProto]


def between(proto: onnx.ModelProto, options: ImportOptions, path: Path) -> onnx.ModelProto:
    """Cut the model, in place, down to what lies between the values that `options` names.

    What leads to no output is gone, custom ops and all; values keep their names.
    Errors: ModelError for values that the graph has not, and for a part that needs more inputs.
    """
    if problems := options.unusable(("signature",), "only a SavedModel has signatures"):
        raise ModelError(f"{path.name}: an ONNX file has one graph", problems)
    if not options.inputs and not options.outputs:
        return proto
    graph = proto.graph
    made = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    weights = {t.name for t in graph.initializer}
    own = [v.name for v in graph.input if v.name not in weights]
    _require_values(options, [*own, *made], path)
    outputs = options.outputs or tuple(o.name for o in graph.output)
    starts = set(options.inputs or own)
    nodes, read = _leading_to(outputs, graph, made, starts)
    _require_closed(options, read, own, path)
    known = _known(proto)
    if options.outputs:
        _list(graph.output, outputs, known)
    _list(graph.input, [n for n in options.inputs or own if n in read], known)
    _keep(graph.initializer, [i for i, t in enumerate(graph.initializer) if t.name in read])
    _keep(graph.node, sorted(nodes))
    del graph.value_info[:]
    return proto


def _require_values(options: ImportOptions, names: Sequence[str], path: Path) -> None:
    problems = []
    for key in ("inputs", "outputs"):
        for name in getattr(options, key):
            if name in names:
                continue
            close = difflib.get_close_matches(name, names, n=_SHOWN, cutoff=0.5)
            shown = close or names[-_SHOWN:]
            fix = f"{'did you mean' if close else 'the last are'} {', '.join(map(repr, shown))}"
            problems.append(Problem(f"the graph has no value {name!r}", f"import.{key}", fix))
    if problems:
        raise ModelError(f"{path.name} cannot be cut there", problems)


def _leading_to(
    outputs: Iterable[str], graph: onnx.GraphProto, made: dict[str, int], starts: set[str]
) -> tuple[set[int], set[str]]:
    """Return the nodes behind `outputs` up to `starts`, and every name that is read there."""
    nodes: set[int] = set()
    read: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name in read:
            continue
        read.add(name)
        if name in made and name not in starts and made[name] not in nodes:
            nodes.add(made[name])
            waiting += read_by(graph.node[made[name]])
    return nodes, read


def _require_closed(options: ImportOptions, read: set[str], own: list[str], path: Path) -> None:
    if not options.inputs:
        return
    problems = [
        Problem(f"input {name!r} is needed too", "import.inputs", "name it as well, or cut later")
        for name in own
        if name in read and name not in options.inputs
    ]
    problems += [
        Problem(
            f"nothing between it and the outputs reads {name!r}", "import.inputs", "leave it out"
        )
        for name in options.inputs
        if name not in read
    ]
    if problems:
        raise ModelError(f"{path.name} cannot be cut there", problems)


def _known(proto: onnx.ModelProto) -> Values:
    """Return what is known of every value's type and shape."""
    graph = proto.graph
    values = {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}
    try:
        inferred = onnx.shape_inference.infer_shapes(proto).graph
    except Exception:  # a graph that inference does not take is refused later, by node
        return values
    return {**{v.name: v for v in inferred.value_info}, **values}


def _list(ends: object, names: Sequence[str], known: Values) -> None:
    """Let `ends`, a graph's inputs or outputs, be the values `names`."""
    values = []
    for name in names:
        value = onnx.ValueInfoProto(name=name)
        found = known.get(name)
        if found is not None and found.type.HasField("tensor_type"):
            value.CopyFrom(found)
        else:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        values.append(value)
    del ends[:]  # type: ignore[attr-defined]
    ends.extend(values)  # type: ignore[attr-defined]


def _keep(field: object, indices: Sequence[int]) -> None:
    kept = set(indices)
    for i in reversed(range(len(field))):  # type: ignore[arg-type]
        if i not in kept:
            del field[i]  # type: ignore[attr-defined]
