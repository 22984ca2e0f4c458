"""What a .aimodel holds, whoever made it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mobilecat.disk import size_of
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.coreai.read import GraphFacts, PortFacts, facts_of
from mobilecat.formats.coreai.read.bytecode import Head
from mobilecat.formats.coreai.read.package import HASH, Package, read_package

_PRECISION = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "i1": "bool"}
_MAX_TEXT = 300
_KNOWN = ("author", "license", "description", "producer", "assetVersion", "creationDate")


def inspect_model(path: Path, kind: str = "coreai") -> Inspection:
    """Read the folder at `path`. Of several public graphs each is a part of its own."""
    package = read_package(path)
    facts = facts_of(package)
    main = facts.public[0] if len(facts.public) == 1 else None
    lints = [*_hash_lint(package), *facts.lints]
    for graph in facts.public:
        lints += [f"not executed by the lane `coreai`: {r}" for r in graph.refused]
    ops: Counter[str] = Counter()
    for graph in facts.public:
        ops.update(graph.ops)
    return Inspection(
        file=str(path),
        format="Core AI",
        bytes=size_of(path),
        inputs=_ports(main.inputs) if main else (),
        outputs=_ports(main.outputs) if main else (),
        ops=dict(ops.most_common()),
        parameters=sum(facts.weights.values()),
        metadata={
            **_metadata(package),
            "weights": ", ".join(
                f"{_precision(element)} {number:,}" for element, number in facts.weights.items()
            ),
            "program": _program(facts.head),
        },
        parts=() if main else tuple(_part(path, g) for g in facts.public),
        lints=tuple(dict.fromkeys(lints)),
    )


def _program(head: Head) -> str:
    dialects = [f"{name} {version}" if version else name for name, version in head.dialects.items()]
    return f"MLIR bytecode {head.version} of {head.producer}, {', '.join(dialects)}"


def _hash_lint(package: Package) -> list[str]:
    if package.hash_held:
        return []
    if not package.stated:
        return [f"it has no {HASH}; Apple's Linux runtime does not ask for it"]
    return [f"{HASH} is not the SHA-256 of the program: it was changed after it was written"]


def _metadata(package: Package) -> dict[str, str]:
    """Return metadata.json's entries as words; what its author defined comes last."""
    found = {k: _words(package.metadata[k]) for k in _KNOWN if k in package.metadata}
    own = package.metadata.get("creatorDefinedMetadata")
    if isinstance(own, dict):
        found |= {str(k)[:_MAX_TEXT]: _words(v) for k, v in sorted(own.items())}
    return {k: v for k, v in found.items() if v}


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _precision(element: str) -> str:
    signs = {"si": "int", "ui": "uint"}
    return _PRECISION.get(element) or signs.get(element[:2], element[:2]) + element[2:]


def _ports(ports: tuple[PortFacts, ...]) -> tuple[Port, ...]:
    return tuple(Port(p.name, p.dtype, p.shape, p.detail) for p in ports)


def _part(path: Path, graph: GraphFacts) -> Inspection:
    return Inspection(
        file=f"{path} › {graph.name}",
        format="Core AI graph",
        bytes=0,
        inputs=_ports(graph.inputs),
        outputs=_ports(graph.outputs),
        ops=dict(graph.ops),
        parameters=0,
    )
