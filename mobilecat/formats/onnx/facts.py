"""What an .onnx says: inputs and outputs, which apps also read by their place, and its opset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.formats.base.facts import (
    INTERFACE,
    VERSION,
    Fact,
    ports,
    tensor_inputs,
    tensor_outputs,
)
from mobilecat.formats.onnx.inspect import inspect_model
from mobilecat.formats.onnx.target import OnnxTarget

FROZEN_OPSET = 18
"""What a graph is frozen at, unless its source is newer."""


def facts(path: Path, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    from mobilecat.formats.onnx.read import read_onnx

    found = inspect_model(path, "onnx")
    yield from ports("input", found.inputs, tensor_inputs(bundle, record))
    yield from ports("output", found.outputs, tensor_outputs(bundle, record))
    proto = read_onnx(path)
    fed = {i.name for i in proto.graph.input}
    both = tuple(i.name for i in proto.graph.initializer if i.name in fed)
    yield Fact(INTERFACE, "constants that an app could replace", both, ())
    opsets = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    target = bundle.target_of(record)
    asked = target.opset if isinstance(target, OnnxTarget) else None
    have = opsets[0] if len(opsets) == 1 else tuple(opsets)
    if asked is not None or not isinstance(have, int):
        yield Fact(VERSION, "opset", have, asked or FROZEN_OPSET)
    else:
        yield Fact(VERSION, "opset", min(have, FROZEN_OPSET), FROZEN_OPSET)
