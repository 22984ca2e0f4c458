"""What a .tflite says of its quantised values, held to the ranges that were calibrated.

Worked out from bundle.json's ranges by the specification, not by what writes the file:
https://ai.google.dev/edge/litert/models/quantization_spec
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.facts import ACTIVATIONS, Fact
from mobilecat.formats.tflite.flatbuffer import TYPES
from mobilecat.formats.tflite.floats import constant, quant_of, text

_KINDS = {TYPES[n]: np.iinfo(n) for n in ("int8", "uint8", "int16")}
_CLOSE = 1e-5


def quantised_facts(model: Any, record: ArtifactRecord) -> Iterator[Fact]:
    """Yield which values are whole numbers, and their scales and zero points."""
    found = {}
    graph = model.subgraphs[0]
    pictures = {int(i) for i in graph.inputs}  # a fact of their own
    for i, tensor in enumerate(graph.tensors):
        if i in pictures:
            continue
        quant = quant_of(tensor)
        if quant is not None and tensor.type in _KINDS and constant(model, tensor) is None:
            found[text(tensor.name)] = tensor.type, quant
    if not record.ranges and not found:
        return
    if record.ranges and not any(found):  # a tool stripped every name
        return
    yield Fact(ACTIVATIONS, "tensors", tuple(sorted(found)), tuple(sorted(record.ranges)))
    for name, (kind, (scales, zeros)) in found.items():
        if name not in record.ranges:
            continue
        if scales.size != 1 or zeros.size != 1:
            yield Fact(ACTIVATIONS, f"scales of {name!r}", scales.size, 1)
            continue
        scale, zero = scales.item(), zeros.item()
        wanted = _scale(*record.ranges[name], _KINDS[kind])
        near = abs(scale - wanted) <= _CLOSE * wanted
        step = wanted if near else scale
        yield Fact(ACTIVATIONS, f"scale of {name!r}", f"{step:.5g}", f"{wanted:.5g}")
        middle = _zero(record.ranges[name][0], scale, _KINDS[kind]) if scale > 0 else None
        yield Fact(ACTIVATIONS, f"zero point of {name!r}", int(zero), middle)


def _scale(low: float, high: float, kind: Any) -> float:
    low, high = min(low, 0.0), max(high, 0.0)
    if kind.max > 255:  # int16 is symmetric
        return float(max(-low, high) / kind.max)
    return float((high - low) / (kind.max - kind.min))


def _zero(low: float, scale: float, kind: Any) -> int:
    if kind.max > 255:
        return 0
    return int(np.clip(np.rint(kind.min - min(low, 0.0) / scale), kind.min, kind.max))
