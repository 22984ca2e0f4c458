"""Functions that an ONNX file defines itself: how many nodes they come to, before they are inlined.

https://onnx.ai/onnx/repo-docs/IR.html#functions forbids that one calls itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from mobilecat.errors import ModelError, Problem

_MOST_NODES = 200_000
"""Of a whole network; the largest that a phone runs have some ten thousand."""

Name = tuple[str, str, str]


def require_finite(proto: onnx.ModelProto, path: Path) -> None:
    """Raise ModelError where functions call each other without end, or to more than can be built.

    Given:   f0 calls f1 twice, f1 calls f2 twice, …, f40
    Result:  refused: 2⁴⁰ nodes
    """
    bodies = {_name(f): list(_nodes(f.node)) for f in proto.functions}
    sizes: dict[Name, int] = {}
    for name in bodies:
        _measure(name, bodies, sizes, path)
    total = sum(_size(n, bodies, sizes) for n in _nodes(proto.graph.node))
    if total > _MOST_NODES:
        what = f"comes to {total:,} nodes once its functions are inlined" if total < 10**15 else (
            "comes to more nodes than can be built once its functions are inlined"
        )  # fmt: skip
        raise ModelError(f"{path.name} is too large", [Problem(what, str(path))])


def _measure(
    start: Name, bodies: dict[Name, list[onnx.NodeProto]], sizes: dict[Name, int], path: Path
) -> None:
    """Fill in the size of `start`, and of all it calls. A loop: the depth is the file's choice."""
    waiting: list[Name] = [start]
    while waiting:
        name = waiting[-1]
        if name in sizes:
            waiting.pop()
            continue
        called = {n for node in bodies[name] if (n := _call(node)) in bodies}
        missing = [n for n in called if n not in sizes]
        if any(n in waiting for n in missing):
            raise ModelError(
                f"{path.name} is broken",
                [Problem("a function calls itself, without end", f"function {name[1]!r}")],
            )
        if missing:
            waiting += missing
            continue
        sizes[name] = sum(_size(n, bodies, sizes) for n in bodies[name])
        waiting.pop()


def _size(
    node: onnx.NodeProto, bodies: dict[Name, list[onnx.NodeProto]], sizes: dict[Name, int]
) -> int:
    return sizes[_call(node)] if _call(node) in bodies else 1


def _call(node: onnx.NodeProto) -> Name:
    return (node.domain, node.op_type, getattr(node, "overload", ""))


def _name(function: onnx.FunctionProto) -> Name:
    return (function.domain, function.name, getattr(function, "overload", ""))


def _nodes(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for a in node.attribute:
            for inner in (*([a.g] if a.HasField("g") else []), *a.graphs):
                yield from _nodes(inner.node)
