"""The child: `OUT LIMIT SECONDS PROGRAM SOURCE ENTRY`. It alone loads Apple's parser.

ENTRY "" asks for facts.json; `*` or a name for graph.onnx and graph.json. PROGRAM is the bytecode,
SOURCE what messages call it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.formats.coreai.read import child
from mobilecat.formats.coreai.read.bindings import read_module
from mobilecat.formats.coreai.read.bytecode import Blobs, blobs_of
from mobilecat.formats.coreai.read.decode import GraphFacts, PortFacts
from mobilecat.formats.coreai.read.ir import ELEMENTS, Graph, Image, Module, Tensor, Type
from mobilecat.formats.coreai.read.lints import lints
from mobilecat.formats.coreai.read.suppression import written
from mobilecat.formats.coreai.read.translate import count_ops, translate, unread

_WEIGHT = 16  # elements: smaller constants are sides and axes


def main(argv: list[str]) -> None:
    out, (program, source, entry) = child.begin(argv)
    try:
        blobs = blobs_of(Path(program))
        module = _module(Path(program), source, blobs)
        if not entry:
            _facts(out, module)
        else:
            _graph(out, module, _entry(module, entry, source), blobs)
    except MobileCatError as e:
        child.end(out, e)
    except MemoryError:
        child.end(out, ArtifactError("This Core AI model is too large", [Problem(source)]))


def _module(program: Path, source: str, blobs: Blobs) -> Module:
    try:
        return read_module(program, blobs)
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as e:
        said = " ".join(str(e).split())[:300]
        raise ArtifactError(
            "This Core AI model is damaged or no Core AI model",
            [Problem(f"its program cannot be parsed: {said}", source)],
        ) from None


def _entry(module: Module, entry: str, source: str) -> str:
    public = [g.name for g in module.graphs.values() if not g.private]
    if entry in module.graphs:
        return entry
    if entry == "*" and ("main" in public or len(public) == 1):
        return "main" if "main" in public else public[0]
    what = f"there is no graph {entry!r}" if entry != "*" else "it has several graphs"
    fix = f"one of {', '.join(public)}" if public else "it has none"
    raise ArtifactError("Which graph of the Core AI model?", [Problem(what, source, fix)])


def _graph(out: Path, module: Module, entry: str, blobs: Blobs) -> None:
    """Write the graph, and where its large constants lie: in the program, or in weights.bin."""
    found = translate(module, entry)
    (out / "graph.onnx").write_bytes(found.model.SerializeToString())
    beside = {}
    with (out / "weights.bin").open("wb") as own:
        for name, array in found.arrays.items():
            at = blobs.offset_of(array)
            beside[name] = [at is None, own.tell() if at is None else at]
            if at is None:
                own.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    about: dict[str, Any] = {"entry": entry, "taps": dict(found.taps)}
    about |= {"checks": list(found.checks), "beside": beside}
    (out / "graph.json").write_text(json.dumps(about), "utf-8")


def _facts(out: Path, module: Module) -> None:
    found = {
        "graphs": [asdict(_about(module, g)) for g in module.graphs.values()],
        "weights": dict(_weights(module)),
        "lints": list(lints(module)),
        "suppression": written(module),
    }
    (out / "facts.json").write_text(json.dumps(found), "utf-8")


def _about(module: Module, graph: Graph) -> GraphFacts:
    counts = count_ops(module, graph)
    ops = {n.removeprefix("coreai."): k for n, k in counts.most_common() if _is_op(n)}
    return GraphFacts(
        graph.name,
        graph.private,
        tuple(_port(n, t) for n, t in zip(graph.inputs, graph.body.types, strict=True)),
        tuple(_port(n, t) for n, t in zip(graph.outputs, graph.results, strict=True)),
        ops,
        tuple(p.what for p in unread(module, graph)),
    )


def _is_op(name: str) -> bool:
    return name not in ("coreai.constant", "coreai.output", "coreai.yield", "coreai.condition")


def _port(name: str, type_: Type) -> PortFacts:
    if isinstance(type_, Image):
        detail = f"{type_.fourcc} {type_.width}×{type_.height}"
        return PortFacts(name, "image", (type_.height, type_.width), detail)
    if isinstance(type_, Tensor):
        known = type_.element in ELEMENTS
        dtype = ELEMENTS[type_.element].name if known else type_.element
        return PortFacts(name, dtype, tuple("?" if d is None else d for d in type_.dims))
    return PortFacts(name, str(type_)[:80], None)


def _weights(module: Module) -> Counter[str]:
    """Return how many numbers of each element type the constants hold, sides and axes apart."""
    counts: Counter[str] = Counter()
    todo = [g.body for g in module.graphs.values()]
    while todo:
        for op in todo.pop().ops:
            todo += op.regions
            if op.name == "coreai.constant" and isinstance(op.types[0], Tensor):
                number = 1
                for d in op.types[0].dims:
                    number *= d or 0
                if number > _WEIGHT:
                    counts[op.types[0].element] += number
    return counts


if __name__ == "__main__":
    main(sys.argv[1:])
    child.leave()
