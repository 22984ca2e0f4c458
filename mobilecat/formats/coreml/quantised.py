"""What a file says of its quantised activations, held to the ranges that were calibrated.

No picture shows a zero point that is off by one, nor a range that is wider than it need be: the
file does. Worked out from bundle.json's ranges, not by what writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.facts import ACTIVATIONS, Fact
from mobilecat.formats.coreml.runtime.mil.interpret import walk
from mobilecat.formats.coreml.runtime.mil.program import Literal, Operation, parse_function
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.values import literal
from mobilecat.formats.coreml.runtime.weights import WeightFiles

_CLOSE = 1e-3
"""A scale in float16 is off by half of this at most."""


def quantised_facts(path: Path, record: ArtifactRecord) -> Iterator[Fact]:
    """Yield which tensors are int8, with which scale and zero point, and how they come back."""
    package = read_package(path)
    files = WeightFiles(package.model_dir)
    operations = list(_operations(package.spec))
    constants = {op.name: op.attributes["val"] for op in operations if op.type == "const"}

    def number(op: Operation, name: str) -> Any:
        at = (*op.inputs.get(name, ()), *([op.attributes[name]] if name in op.attributes else ()))
        if not at:
            return None
        found = constants[at[0]] if isinstance(at[0], str) else at[0]
        assert isinstance(found, Literal)
        return np.asarray(literal(found.proto, files, op.name)).reshape(-1)

    made = {op.name: op for op in operations if op.type == "quantize"}
    if not made and not record.ranges:
        return
    yield Fact(ACTIVATIONS, "tensors", tuple(sorted(made)), tuple(sorted(record.ranges)))
    for name, op in made.items():
        if name in record.ranges:
            yield from _held(name, op, number, record.ranges[name])
    for op in operations:
        if op.type == "dequantize" and (source := made.get(str(op.inputs["input"][0]))):
            pair = [
                (_said(number(o, "scale")), _said(number(o, "zero_point"))) for o in (op, source)
            ]
            yield Fact(ACTIVATIONS, f"scale and zero point of {op.name!r}", *pair)


def _held(name: str, op: Operation, number: Any, limits: tuple[float, float]) -> Iterator[Fact]:
    low, high = min(limits[0], 0.0), max(limits[1], 0.0)
    kind = str(number(op, "output_dtype")[0])
    scale, zero = number(op, "scale"), number(op, "zero_point")
    wanted = (high - low) / 255
    yield Fact(ACTIVATIONS, f"type of {name!r}", kind, "int8")
    if scale is None or scale.size != 1:
        yield Fact(ACTIVATIONS, f"scale of {name!r}", _said(scale), f"{wanted:.4g}")
        return
    found = float(scale[0])
    near = abs(found - wanted) <= max(_CLOSE * wanted, 6e-8)
    yield Fact(
        ACTIVATIONS, f"scale of {name!r}", f"{wanted if near else found:.4g}", f"{wanted:.4g}"
    )
    middle = int(np.clip(np.rint(-128 - low / found), -128, 127)) if found > 0 else None
    yield Fact(ACTIVATIONS, f"zero point of {name!r}", _said(zero), str(middle))


def _said(values: Any) -> str:
    return "none" if values is None else ", ".join(f"{v:.6g}" for v in values.astype(float))


def _operations(spec: Any) -> Iterator[Operation]:
    kind = spec.WhichOneof("Type")
    if kind == "pipeline":
        for stage in spec.pipeline.models:
            yield from _operations(stage)
    elif kind == "mlProgram":
        for name, function in spec.mlProgram.functions.items():
            yield from walk(parse_function(name, function).body)
