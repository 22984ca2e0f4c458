"""Which outputs of a network are in the order of a TopK, so that ties have no order of their own.

A query detector keeps the best N of many rows. Where two score the same but for rounding, an engine
may give them in either order, and every output row with them.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx


def ranks_of(proto: onnx.ModelProto) -> dict[str, str]:
    """Return output → the value that its rows are sorted by, falling: that of the last TopK."""
    made = {o: n for n in proto.graph.node for o in n.output if o}
    found: dict[str, str] = {}
    for output in proto.graph.output:
        ranked = [n for n in _before(output.name, made) if n.op_type == "TopK" and _falling(n)]
        # The last one: that which leads to no other.
        ends = [n for n in ranked if not any(_leads(n, o, made) for o in ranked if o is not n)]
        if len(ends) == 1:
            found[output.name] = ends[0].output[0]
    return found


def _before(value: str, made: Mapping[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Return the nodes that lead to a value, each once."""
    seen: dict[int, onnx.NodeProto] = {}
    waiting = [value]
    while waiting:
        node = made.get(waiting.pop())
        if node is not None and id(node) not in seen:
            seen[id(node)] = node
            waiting += [i for i in node.input if i]
    return list(seen.values())


def _leads(one: onnx.NodeProto, other: onnx.NodeProto, made: Mapping[str, onnx.NodeProto]) -> bool:
    return any(one is n for i in other.input if i for n in _before(i, made))


def _falling(node: onnx.NodeProto) -> bool:
    """Return whether a TopK gives its largest first."""
    said = {a.name: a.i for a in node.attribute}
    return bool(said.get("largest", 1) and said.get("sorted", 1) and node.output[0])
