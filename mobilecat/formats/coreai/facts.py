"""What an .aimodel says: the main function's values, its picture, its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.formats.base.facts import (
    METADATA,
    Fact,
    ports,
    tensor_inputs,
    tensor_outputs,
)
from mobilecat.formats.base.inspection import Port
from mobilecat.formats.coreai.inspect import inspect_model

SETTLED = "settled"
"""Whether the suppression came to its end; no output of the bundle's contract."""


def facts(path: Path, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    """Apps take values by name: their order says nothing."""
    found = inspect_model(path, "coreai")
    takes = [_picture(p, bundle) for p in tensor_inputs(bundle, record)]
    yield from ports("input", _sorted(found.inputs), _sorted(takes))
    yield from ports("output", _sorted(found.outputs), _sorted(_outputs(bundle, record)))
    spec, said = bundle.spec, found.metadata
    yield Fact(METADATA, "description", said.get("description"), f"{spec.name}, made by mobilecat")
    own = json.loads(said.get("mobilecat", "{}"))
    yield Fact(METADATA, "name", own.get("name"), spec.name)
    yield Fact(METADATA, "mobilecat", own.get("version"), bundle.versions.get("mobilecat"))


def _picture(port: Port, bundle: Bundle) -> Port:
    image = bundle.spec.input
    if image is None or port.dtype != "bgra":
        return port
    width, height = image.size
    return Port(port.name, "image", (height, width), f"32BGRA {width}×{height}")


def _outputs(bundle: Bundle, record: ArtifactRecord) -> list[Port]:
    found = tensor_outputs(bundle, record)
    if SETTLED in record.outputs:
        found.append(Port(record.outputs[SETTLED], "int32", (1,)))
    return found


def _sorted(found: Iterable[Port]) -> list[Port]:
    return sorted(found, key=lambda p: p.name)
