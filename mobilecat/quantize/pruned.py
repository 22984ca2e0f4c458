"""What leads to some values of a graph, and nothing else: decode and suppression need not run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import onnx


def pruned(proto: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Return a copy of `proto` with the nodes that lead to `names`, and the constants they read."""
    wanted = set(names)
    kept = []
    for node in reversed(proto.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(_read(node))
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    del made.graph.node[:]
    made.graph.node.extend(reversed(kept))
    for field in (made.graph.initializer, made.graph.value_info):
        own = [v for v in field if v.name in wanted]
        del field[:]
        field.extend(own)
    return made


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """Yield what a node reads, graphs inside it included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for other in inner.node:
                yield from _read(other)
