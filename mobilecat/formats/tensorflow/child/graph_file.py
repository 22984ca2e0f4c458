"""Graphs with the weights inside: TF1 frozen `.pb` files, and signatures made into one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.tensorflow.child.cut import (
    Part,
    absent,
    ancestors,
    cut,
    node_of,
    sinks,
    tensor_name,
    with_shapes,
)
from mobilecat.formats.tensorflow.child.detection_api import (
    anchors_of,
    note_of,
    recognise,
    without_tflite_op,
)
from mobilecat.formats.tensorflow.child.graph_check import check_graph
from mobilecat.formats.tensorflow.child.network import (
    Frozen,
    Given,
    Network,
    Say,
    dims,
    unique,
    unknown,
)
from mobilecat.formats.tensorflow.child.reason import reason
from mobilecat.graph import Array

__all__ = ["network_from_graph", "open_graph", "recognise"]

_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp"})


def open_graph(path: Path, options: ImportOptions, say: Say) -> Network:
    """Read a frozen graph, cut between the tensors asked for, or where the detection API's is."""
    problems = options.unusable(("signature",), "a frozen graph has no signatures")
    if problems:
        raise ModelError(f"{path.name}: options that do not fit", problems)
    say("reading the graph")
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
    except Exception as e:
        raise _unreadable(path) from e
    if not graph_def.node:
        raise _unreadable(path)
    check_graph(graph_def, path)
    return network_from_graph(graph_def, path, options, ())


def network_from_graph(
    graph_def: Any, path: Path, options: ImportOptions, notes: tuple[str, ...]
) -> Network:
    """Return the part of a graph that was asked for, or that is recognised, as a network."""
    found = recognise(graph_def)
    graph_def = without_tflite_op(graph_def)
    nodes = {n.name: n for n in graph_def.node}
    if found is not None and not (options.inputs or options.outputs):
        inputs, outputs = {found.input: found.input}, dict(found.outputs)
        notes += (note_of(found),)
    else:
        inputs, outputs = _chosen(graph_def, nodes, options, path)
    shapes: dict[str, tuple[int | None, ...]] = {}
    if found is not None and found.size_hw and found.input in inputs.values():
        shapes[found.input] = (None, *found.size_hw, 3)
    part = cut(graph_def, inputs.values(), list(outputs.values()), shapes)
    _require_frozen(part, path)
    _require_fed(part, path)
    anchors = None
    if found is not None and found.input in inputs.values():
        anchors = anchors_of(graph_def, found)
    fed = {k: part.fed[tensor_name(v)] for k, v in inputs.items()}
    return _network(_import(part.graph_def, path), fed, outputs, notes, anchors)


def _network(
    graph: Any,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    notes: tuple[str, ...],
    anchors: Array | None,
) -> Network:
    import tensorflow as tf

    feeds_of = {k: graph.get_tensor_by_name(v) for k, v in inputs.items()}
    fetches = {k: graph.get_tensor_by_name(tensor_name(v)) for k, v in outputs.items()}
    session = tf.compat.v1.Session(graph=graph)

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        made: dict[str, Array] = session.run(fetches, {feeds_of[k]: v for k, v in feeds.items()})
        return made

    def freeze(given: Given) -> Frozen:
        names = {k: t.name for k, t in feeds_of.items()}
        return Frozen(
            with_shapes(graph.as_graph_def(), {names[k]: v for k, v in given.items()}),
            names,
            {k: t.name for k, t in fetches.items()},
        )

    return Network(
        {k: dims(t.shape) for k, t in feeds_of.items()},
        {k: dims(t.shape) for k, t in fetches.items()},
        run,
        freeze,
        notes,
        anchors,
    )


def _chosen(
    graph_def: Any, nodes: Mapping[str, Any], options: ImportOptions, path: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tensors asked for; those left out where only one choice is left."""
    placeholders = [n.name for n in graph_def.node if n.op == "Placeholder"]
    ends = sinks(graph_def)
    inputs, outputs = list(options.inputs), list(options.outputs)
    problems = []
    for key, names, likely in (("inputs", inputs, placeholders), ("outputs", outputs, ends)):
        wanted = [node_of(n) for n in names]
        missing = unknown(wanted, nodes, "node", key, likely)
        there = [n for n in names if node_of(n) in nodes]
        missing += [
            Problem(f"there is no tensor {n!r}", f"import.{key}") for n in absent(graph_def, there)
        ]
        problems += missing
    if not outputs and len(ends) != 1:
        what = f"which of {len(ends)} ends of the graph is the output? {_some(ends)}"
        problems.append(Problem(what, "import.outputs", "name what to compile"))
    if not problems:
        outputs = outputs or ends
        inputs = inputs or [p for p in placeholders if p in ancestors(nodes, outputs)]
    if not problems and not inputs:
        what = "the graph has no placeholder that leads to its outputs"
        problems.append(Problem(what, "import.inputs", "name the tensors that take the inputs"))
    if problems:
        raise ModelError(f"{path.name}: what part of the graph?", problems)
    names = unique(_short(n) for n in (*inputs, *outputs))
    return (
        dict(zip(names[: len(inputs)], inputs, strict=True)),
        dict(zip(names[len(inputs) :], outputs, strict=True)),
    )


def _short(name: str) -> str:
    """Return our name of a tensor: `concat`; `split_1` for split:1, as an input of the name that a
    tensor inside has would be taken for it."""
    return name.removesuffix(":0").replace(":", "_")


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _import(graph_def: Any, path: Path) -> Any:
    import tensorflow as tf

    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
    except Exception as e:
        raise ModelError(
            f"{path.name}: TensorFlow cannot build this graph", [Problem(reason(e), str(path))]
        ) from e
    return graph


def _require_fed(part: Part, path: Path) -> None:
    fed = {node_of(t) for t in part.fed.values()}
    open_ends = [n for n in part.graph_def.node if n.op == "Placeholder" and n.name not in fed]
    if open_ends:
        raise ModelError(
            f"{path.name}: the inputs do not lead to all of the outputs",
            [
                Problem(
                    f"an output needs placeholder {n.name!r}, which is no input", "import.inputs"
                )
                for n in open_ends
            ],
        )


def _require_frozen(part: Part, path: Path) -> None:
    found = [n for n in part.graph_def.node if n.op in _VARIABLES]
    if found:
        raise ModelError(
            f"{path.name}: the graph is not frozen: {len(found)} variables have no values in it",
            [Problem(f"a {n.op}", n.name) for n in found[:8]]
            + [Problem("freeze it where its checkpoint is, or give the SavedModel", str(path))],
        )


def _unreadable(path: Path) -> ModelError:
    return ModelError(
        "The model cannot be read",
        [
            Problem(
                f"not a TensorFlow graph, or cut short ({path.stat().st_size:,} bytes)",
                str(path),
                "download it again, and compare its size or hash with the original's",
            )
        ],
    )
