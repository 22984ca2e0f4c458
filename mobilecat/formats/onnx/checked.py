"""What every ONNX file must be before anything is done with it: known ops, ONNX's own check."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import onnx

from mobilecat.errors import ModelError, Problem
from mobilecat.foreign import problem_from_onnx

OLDEST_OPSET = 9
NEWEST_OPSET = min(26, onnx.defs.onnx_opset_version())
"""What onnxruntime 1.31 executes; onnx itself knows opsets that are still being written."""

_DEFAULT_DOMAINS = ("", "ai.onnx")
_CUT = "cut it off: import.outputs names values before it"


def require_known_ops(proto: onnx.ModelProto, path: Path) -> None:
    opset = default_opset(proto)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelError(
            f"{path.name}: opset {opset} cannot be read",
            [
                Problem(
                    f"opsets {OLDEST_OPSET} to {NEWEST_OPSET} can",
                    str(path),
                    "export the model again with an opset in that range",
                )
            ],
        )
    own = {(f.domain, f.name) for f in proto.functions}
    problems = []
    for node in all_nodes(proto.graph):
        named = f"{node.op_type} {node.name or (node.output[0] if node.output else '')!r}"
        if (node.domain, node.op_type) in own:
            continue
        if node.domain not in _DEFAULT_DOMAINS:
            problems.append(
                Problem(
                    f"custom op of domain {node.domain!r}",
                    named,
                    f"export the model without it, or {_CUT}",
                )
            )
        elif not _known(node.op_type, opset):
            fix = f"export the model again, or {_CUT}"
            problems.append(Problem(f"ONNX has no such op in opset {opset}", named, fix))
    if problems:
        raise ModelError(f"{path.name}: {len(problems)} nodes are not standard ONNX", problems)


@cache
def _known(op_type: str, opset: int) -> bool:
    if not onnx.defs.has(op_type):
        return False
    try:
        onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return False
    return True


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for a in node.attribute:
            for sub in ([a.g] if a.HasField("g") else []) + list(a.graphs):
                yield from all_graphs(sub)


def all_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes of a graph and of all graphs inside it."""
    return [node for each in all_graphs(graph) for node in each.node]


def default_opset(proto: onnx.ModelProto) -> int:
    """Return the version of the default domain; 1 where the model does not say (ONNX's rule)."""
    return max((o.version for o in proto.opset_import if o.domain in _DEFAULT_DOMAINS), default=1)


def check(proto: onnx.ModelProto, path: Path) -> None:
    """Hold the model to ONNX's checker, but for one rule that no engine keeps: that every input and
    output states its shape. Shapes are inferred, or asked for, later on."""
    values = (*proto.graph.input, *proto.graph.output)
    tensors = [v.type.tensor_type for v in values if v.type.HasField("tensor_type")]
    bare = [t for t in tensors if not t.HasField("shape")]
    for tensor in bare:
        tensor.shape.SetInParent()
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as e:
        raise ModelError(f"{path.name} is broken", [problem_from_onnx(e)]) from e
    finally:
        for tensor in bare:
            tensor.ClearField("shape")


def read_by(node: onnx.NodeProto) -> set[str]:
    """Return what a node reads, the graphs inside it included."""
    read = set(node.input)
    for a in node.attribute:
        for sub in ([a.g] if a.HasField("g") else []) + list(a.graphs):
            for inner in sub.node:
                read |= read_by(inner)
            read |= {o.name for o in sub.output}
    return read
