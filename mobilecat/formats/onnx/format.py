"""ONNX as a value."""

from mobilecat.formats.base.format import Engine, Format, late, left_to_app
from mobilecat.formats.onnx.target import OnnxTarget

_ROOM = "mobilecat.formats.onnx"

ONNX = Format(
    name="onnx",
    title="ONNX",
    suffixes=(".onnx",),
    target=OnnxTarget,
    bare=(OnnxTarget(),),
    variant=late(_ROOM, "emit:variant"),
    require=late(_ROOM, "emit:require"),
    emit=late(_ROOM, "emit:emit"),
    engines=(
        Engine("onnx", "the .onnx artifact in onnxruntime", late(_ROOM, "run:open_artifact")),
    ),
    contracts=(left_to_app("onnx"),),
    inspect=late(_ROOM, "inspect:inspect_model"),
    facts=late(_ROOM, "facts:facts"),
    nms=late(_ROOM, "nms:written"),
    cut=late(_ROOM, "cut:open_cut"),
    inner=late(_ROOM, "inner:inner_values"),
    sources=("onnx",),
    dims=late(_ROOM, "source:dims"),
    read=late(_ROOM, "source:read"),
    reference=late(_ROOM, "source:reference"),
    changed=late(_ROOM, "changed:changed"),
    android=True,
)
