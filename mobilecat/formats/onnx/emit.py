"""The frozen graph as an .onnx artifact."""

from __future__ import annotations

from pathlib import Path

from mobilecat.bake import Baked
from mobilecat.bake.endings import Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.onnx.target import OnnxTarget
from mobilecat.formats.onnx.write import write_onnx
from mobilecat.spec import Spec


def variant(target: OnnxTarget, plain: Baked, spec: Spec) -> tuple[Form, Ending]:
    return "uint8", target.contract


def require(target: OnnxTarget, baked: Baked) -> None:
    """Nothing: every frozen graph is an ONNX graph; an opset is tried when it is written."""


def emit(
    target: OnnxTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> Emitted:
    write_onnx(baked.model, path, target.opset)
    names = {v.name or "": v.name or "" for v in baked.model.graph.inputs}
    outputs = {v.name or "": v.name or "" for v in baked.model.graph.outputs}
    return Emitted(names, outputs, {t: t for t in taps}, "uint8" if baked.image else None)
