"""How it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.onnx.write import onnx_from_graph

MAGIC = b"TOY0"


def variant(target: Any, plain: Any, spec: Any) -> tuple[str, str]:
    return "uint8", "tensor"


def require(target: Any, baked: Any) -> None:
    """It has every op."""


def emit(target: Any, baked: Any, spec: Any, path: Path, taps: tuple[str, ...]) -> Emitted:
    path.write_bytes(MAGIC + onnx_from_graph(baked.model))
    inputs = {v.name: v.name for v in baked.model.graph.inputs}
    outputs = {v.name: v.name for v in baked.model.graph.outputs}
    return Emitted(inputs, outputs, {t: t for t in taps}, "uint8" if baked.image else None)
