"""Graphs and SavedModels are read as data, every node of them, before TensorFlow builds any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.tensorflow.child.cut import node_of
from mobilecat.formats.tensorflow.child.graph_ops import RESTORING, SAVING, refused_op

_SHOWN = 20
_LOUD = (b"stderr", b"stdout", b"log(info)", b"log(warning)", b"log(error)")
_VARIABLES = ("variables", "trainable_variables", "model_variables", "local_variables")
_PLAIN: frozenset[str] = frozenset()
_REGISTERED = ("", "tf.StaticHashTable", "tf.TrackableConstant")
"""Classes of TensorFlow's own by which objects are rebuilt."""
Nodes = dict[str, Any]


def check_graph(graph_def: Any, path: Path) -> None:
    """Raise ModelError naming every op of a frozen graph, and of its functions, that may act."""
    found = list(_refused(graph_def.node, "", _PLAIN))
    for function in graph_def.library.function:
        found += _refused(function.node_def, function.signature.name, _PLAIN)
    _raise(found, path)


def check_saved_model(path: Path) -> None:
    """Raise ModelError naming every op in the folder that may act, whichever part would run it.

    Saving and restoring of variables is there in every SavedModel: `RestoreV2` is allowed where it
    reads the model's own variables, and saving where nothing that is run leads to it.
    """
    _refuse_links(path)
    found: list[Problem] = []
    model = _parsed(path)
    old = len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def")
    for meta_graph in model.meta_graphs:
        found += _refused_parts(meta_graph)
        found += _refused_nodes(_Graph.of(meta_graph.graph_def), meta_graph, old)
    _raise(found, path)


def _parsed(path: Path) -> Any:
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        if (path / "saved_model.pb").is_file():
            model.ParseFromString((path / "saved_model.pb").read_bytes())
        else:
            text_format.Parse((path / "saved_model.pbtxt").read_text("utf-8"), model)
    except Exception as e:
        raise ModelError(
            "The model cannot be read",
            [
                Problem(
                    "not a whole SavedModel: its graph is damaged or cut short",
                    str(path),
                    "copy the folder again, with variables/ and assets/",
                )
            ],
        ) from e
    return model


@dataclass
class _Graph:
    """nodes: of the graph itself, by name. functions: nodes by function, then by name."""

    nodes: Nodes
    functions: dict[str, Nodes] = field(default_factory=dict)

    @staticmethod
    def of(graph_def: Any) -> _Graph:
        functions = {
            f.signature.name: {n.name: n for n in f.node_def} for f in graph_def.library.function
        }
        return _Graph({n.name: n for n in graph_def.node}, functions)

    def reached(self, names: Iterable[str], functions: Iterable[str] = ()) -> set[tuple[str, str]]:
        """Return the nodes, as function and name, that `names` of the graph and all of the nodes of
        `functions` need, in the functions that they call too. A function is "" for the graph."""
        seen: set[tuple[str, str]] = set()
        waiting = [("", node_of(n)) for n in names]
        called = list(functions)
        entered: set[str] = set()
        while waiting or called:
            while called:
                name = called.pop()
                if name in self.functions and name not in entered:
                    entered.add(name)
                    waiting += [(name, n) for n in self.functions[name]]
            if not waiting:
                break
            place = waiting.pop()
            node = self._node(place)
            if place in seen or node is None:
                continue
            seen.add(place)
            waiting += [(place[0], node_of(read)) for read in node.input]
            called += _called(node)
        return seen

    def _node(self, place: tuple[str, str]) -> Any:
        function, name = place
        return (self.functions[function] if function else self.nodes).get(name)


def _called(node: Any) -> list[str]:
    """Return the functions that a node may call: those in its attributes, and one of its op."""
    values = node.attr.values()
    named = [v.func.name for v in values if v.HasField("func")]
    return [node.op, *named, *(f.name for v in values for f in v.list.func)]


def _refused_nodes(graph: _Graph, meta_graph: Any, old: bool) -> Iterator[Problem]:
    saver = meta_graph.saver_def
    saving = graph.reached([saver.save_tensor_name])
    restoring = graph.reached([saver.restore_op_name])
    of_saver = {name for function, name in saving | restoring if not function}
    roots = [n for n in graph.nodes if n not in of_saver] + list(_roots(meta_graph))
    run = graph.reached(roots, meta_graph.object_graph_def.concrete_functions)
    if old:  # TensorFlow 1 runs the graph's own restoring; TensorFlow 2 never does
        run |= {place for place in restoring if place[0]}
        yield from _of_other_files(graph, restoring, saver)
    for function, nodes in {"": graph.nodes, **graph.functions}.items():
        for name, node in nodes.items():
            place = (function, name)
            also = _PLAIN if place in run else RESTORING
            if place not in run and not (old and place in restoring):
                also |= SAVING
            yield from _refused([node], function, also, graph.functions)


def _roots(meta_graph: Any) -> Iterator[str]:
    """Give the tensors of a graph that may be run: of signatures, initialisers, variables."""
    from tensorflow.core.framework import variable_pb2

    for signature in meta_graph.signature_def.values():
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            yield tensor.name
    for key, collection in meta_graph.collection_def.items():
        yield from collection.node_list.value
        for data in collection.bytes_list.value if key in _VARIABLES else ():
            variable = variable_pb2.VariableDef.FromString(data)
            yield from (variable.initializer_name, variable.initial_value_name)
            yield from (variable.snapshot_name, variable.variable_name)


def _of_other_files(
    graph: _Graph, restoring: set[tuple[str, str]], saver: Any
) -> Iterator[Problem]:
    """Find where a graph restores from another file than the one that it is given."""
    for function, name in restoring:
        node = graph.nodes.get(name) if not function else None
        if node is None or node.op not in RESTORING or not node.input:
            continue
        source, seen = node_of(node.input[0]), set()
        while source != node_of(saver.filename_tensor_name) and source not in seen:
            seen.add(source)
            before = graph.nodes.get(source)
            if before is None or before.op != "Identity" or not before.input:
                yield _problem(node, "", "restores from another file than its own variables")
                break
            source = node_of(before.input[0])


def _refused(
    nodes: Iterable[Any], function: str, also: frozenset[str], own: Mapping[str, Any] = {}
) -> Iterator[Problem]:
    for node in nodes:
        if node.op in own:
            continue
        if node.op == "PrintV2" and node.attr["output_stream"].s in _LOUD:
            continue
        if why := refused_op(node.op, also):
            yield _problem(node, function, why)


def _problem(node: Any, function: str, why: str) -> Problem:
    where = f"{node.op} {node.name!r}"
    return Problem(
        f"this op {why}",
        f"{where} in function {function!r}" if function else where,
        "export the model again without it: freeze it where its checkpoint and files are",
    )


def _refused_parts(meta_graph: Any) -> Iterator[Problem]:
    fix = "export it without: tables can be filled from constants"
    for asset in meta_graph.asset_file_def:
        yield Problem(f"reads a file of its own: {asset.filename!r}", "assets", fix)
    for i, node in enumerate(meta_graph.object_graph_def.nodes):
        if node.WhichOneof("kind") == "asset":
            yield Problem("is a file that it reads", f"object {i}", fix)
        for named in (node.registered_name, node.registered_saver):
            if named not in _REGISTERED:
                yield Problem(f"names Python code: {named!r}", f"object {i}", fix)


def _refuse_links(path: Path) -> None:
    """Raise ModelError where part of the folder lies elsewhere: its variables are then what some
    other file holds."""
    folder = path.resolve()
    found = [
        Problem("is a link out of the model's folder", str(p), "put the file itself there")
        for p in path.rglob("*")
        if p.is_symlink() and not p.resolve().is_relative_to(folder)
    ]
    if found:
        raise ModelError("The model cannot be read", found)


def _raise(found: list[Problem], path: Path) -> None:
    found = list(dict.fromkeys(found))
    if not found:
        return
    more = len(found) - _SHOWN
    shown = found[:_SHOWN] + ([Problem(f"and {more} more")] if more > 0 else [])
    count = f"{len(found)} part{'s' if len(found) > 1 else ''}"
    raise ModelError(f"{path.name}: {count} may do more than compute, and nothing was run", shown)
