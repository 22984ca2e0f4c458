"""The part of a GraphDef between chosen tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_IGNORED_ENDS = frozenset({"Const", "NoOp", "Assert", "Placeholder", "PlaceholderWithDefault"})
_LOOPS = frozenset({"Enter", "RefEnter"})


@dataclass(frozen=True)
class Part:
    """A piece of a graph, and the placeholder that took the place of each tensor it is fed."""

    graph_def: Any
    fed: Mapping[str, str]


def node_of(tensor: str) -> str:
    """Return the node of `split:1`, `^split` or `split`."""
    return tensor.removeprefix("^").partition(":")[0]


def tensor_name(name: str) -> str:
    """Return a graph's tensor name, `concat:0`, for a tensor that may be named by its node."""
    return f"{node_of(name)}:{_port_of(name)}"


def _port_of(tensor: str) -> int:
    return int(tensor.partition(":")[2] or 0)


def absent(graph_def: Any, tensors: Iterable[str]) -> list[str]:
    """Return those of `tensors`, all of existing nodes, whose node has no such output."""
    import tensorflow as tf

    wrong = [t for t in tensors if not (t.partition(":")[2] or "0").isdigit()]
    others = [t for t in tensors if ":" in t and t not in wrong]
    nodes = {n.name: n for n in graph_def.node}
    upstream = _empty_like(graph_def)
    upstream.node.extend(nodes[n] for n in ancestors(nodes, others, control=True))
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(upstream, name="")
    counts = {t: len(graph.get_operation_by_name(node_of(t)).outputs) for t in others}
    return wrong + [t for t in others if _port_of(t) >= counts[t]]


def sinks(graph_def: Any) -> list[str]:
    """Return the nodes that no other reads, in order: what a graph may be there for."""
    read = {node_of(i) for n in graph_def.node for i in n.input}
    return [n.name for n in graph_def.node if n.name not in read and n.op not in _IGNORED_ENDS]


def ancestors(
    nodes: Mapping[str, Any], outputs: Iterable[str], fed: Sequence[str] = (), control: bool = False
) -> list[str]:
    """Return the nodes that `outputs` need, up to the tensors `fed`."""
    seen: dict[str, None] = {}
    queue = [tensor_name(o) for o in outputs]
    while queue:
        tensor = queue.pop()
        if tensor in fed or node_of(tensor) in seen:
            continue
        seen[node_of(tensor)] = None
        reads = nodes[node_of(tensor)].input
        queue += [tensor_name(r) for r in reads if control or not r.startswith("^")]
    return list(seen)


def cut(
    graph_def: Any,
    inputs: Iterable[str],
    outputs: Sequence[str],
    shapes: Mapping[str, tuple[int | None, ...]],
) -> Part:
    """Return the part that computes `outputs`, with `inputs` replaced by placeholders.

    `shapes` gives placeholders a shape that the graph does not know. Control inputs go, as nothing
    at inference has side effects, but for graphs with loops, whose frames they hold together.
    """
    fed = [tensor_name(i) for i in inputs]
    nodes = {n.name: n for n in graph_def.node}
    control = any(nodes[n].op in _LOOPS for n in ancestors(nodes, outputs, fed))
    keep = ancestors(nodes, outputs, fed, control)
    names = {t: _placeholder_name(t, keep) for t in fed}
    part = _empty_like(graph_def)
    for tensor, (dtype, shape) in _facts(graph_def, nodes, fed, shapes).items():
        node = part.node.add(name=names[tensor], op="Placeholder")
        node.attr["dtype"].type = dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(shape.as_proto())
    for name in keep:
        node = part.node.add()
        node.CopyFrom(nodes[name])
        del node.input[:]
        for read in nodes[name].input:
            if not read.startswith("^"):
                node.input.append(names.get(tensor_name(read), read))
            elif control and node_of(read) in keep:
                node.input.append(read)
    return Part(part, {t: f"{n}:0" for t, n in names.items()})


def with_shapes(graph_def: Any, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return the graph with the shapes given for some placeholders, by tensor."""
    import tensorflow as tf

    if not shapes:
        return graph_def
    fixed = tf.compat.v1.GraphDef()
    fixed.CopyFrom(graph_def)
    by_node = {node_of(tensor): shape for tensor, shape in shapes.items()}
    for node in fixed.node:
        if node.name in by_node:
            shape = tf.TensorShape(by_node[node.name]).as_proto()
            node.attr["shape"].shape.CopyFrom(shape)
            node.attr.pop("_output_shapes", None)
    return fixed


def _placeholder_name(tensor: str, keep: Sequence[str]) -> str:
    """Return the fed node's own name, unless another output of it is computed still."""
    name, port = node_of(tensor), _port_of(tensor)
    return name if port == 0 and name not in keep else f"{name}__fed_{port}"


def _facts(
    graph_def: Any,
    nodes: Mapping[str, Any],
    fed: Sequence[str],
    shapes: Mapping[str, tuple[int | None, ...]],
) -> dict[str, tuple[Any, Any]]:
    """Return dtype and shape of each fed tensor, as TensorFlow infers them in the whole graph."""
    import tensorflow as tf

    upstream = _empty_like(graph_def)
    wanted = set(ancestors(nodes, fed, control=True))
    upstream.node.extend(n for n in graph_def.node if n.name in wanted)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(upstream, name="")
    facts = {}
    for tensor in fed:
        found = graph.get_tensor_by_name(tensor)
        given = shapes.get(node_of(tensor))
        facts[tensor] = (found.dtype, found.shape if given is None else tf.TensorShape(given))
    return facts


def _empty_like(graph_def: Any) -> Any:
    import tensorflow as tf

    part = tf.compat.v1.GraphDef()
    part.versions.CopyFrom(graph_def.versions)
    part.library.CopyFrom(graph_def.library)
    return part
