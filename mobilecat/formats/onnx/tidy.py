"""What engines take though ONNX's text forbids it, put right before anything reads it."""

from __future__ import annotations

import onnx
from onnx import helper

from mobilecat.formats.onnx.checked import all_graphs, default_opset, read_by


def tidy(proto: onnx.ModelProto) -> list[str]:
    """Put nodes in order and list every output once, in place; return what a user should know."""
    for graph in all_graphs(proto.graph):
        _sort(graph)
        if default_opset(proto) in _GROUPED:
            _one_scale_a_group(graph)
    return _list_outputs_once(proto.graph)


def _sort(graph: onnx.GraphProto) -> None:
    """Order nodes so that values are made before they are read; a circle stays as it is.

    onnxruntime sorts by itself, so some exporters do not. Nodes in order keep their place.
    """
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    needs = [{makers[n] for n in read_by(node) if n in makers} for node in graph.node]
    if all(m < i for i, made in enumerate(needs) for m in made):
        return
    order: list[int] = []
    state = [0] * len(needs)  # 1: waiting for what it reads, 2: placed
    for first in range(len(needs)):
        stack = [first]
        while stack:
            i = stack[-1]
            waiting = sorted((m for m in needs[i] if state[m] == 0), reverse=True)
            if state[i] == 0 and any(state[m] == 1 for m in needs[i]):
                return
            if state[i] == 2 or not waiting:
                stack.pop()
                if state[i] != 2:
                    order.append(i)
                state[i] = 2
                continue
            state[i] = 1
            stack.append(waiting[-1])
    nodes = [graph.node[i] for i in order]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _list_outputs_once(graph: onnx.GraphProto) -> list[str]:
    names = [o.name for o in graph.output]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        kept = list({o.name: o for o in reversed(graph.output)}.values())[::-1]
        del graph.output[:]
        graph.output.extend(kept)
    return [f"output {n!r} is listed {names.count(n)} times: taken once" for n in twice]


_GROUPED = range(18, 21)
"""Opsets whose GroupNormalization has one scale a group. ONNX took it back for opset 21, and its
checker refuses it in the opsets that have it; onnxruntime runs it."""


def _one_scale_a_group(graph: onnx.GraphProto) -> None:
    """Given:   GroupNormalization(x, scale[G], bias[G])
    Result:  Reshape[N,G,-1] → InstanceNormalization(scale, bias) → Reshape to what x was
    """
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "GroupNormalization" or node.domain not in ("", "ai.onnx"):
            nodes.append(node)
            continue
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        base = node.name or node.output[0]
        groups, rows, shape = (f"{base}__{part}" for part in ("groups", "rows", "shape"))
        sizes = helper.make_tensor(f"{base}__by_group", onnx.TensorProto.INT64, [3], [0, 0, -1])
        sizes.int64_data[1] = settings["num_groups"]
        graph.initializer.append(sizes)
        more = {"epsilon": settings["epsilon"]} if "epsilon" in settings else {}
        x, scale, bias = node.input
        normed = f"{base}__normed"
        nodes += [
            helper.make_node("Reshape", [x, sizes.name], [groups], groups),
            helper.make_node(
                "InstanceNormalization", [groups, scale, bias], [normed], rows, **more
            ),
            helper.make_node("Shape", [x], [shape], shape),
            helper.make_node("Reshape", [normed, shape], node.output, node.name),
        ]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(copies)
