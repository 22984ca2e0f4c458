"""TFLite as a value."""

from mobilecat.formats.base.format import Contract, Engine, Format, late, left_to_app
from mobilecat.formats.tflite.target import TfliteTarget

_ROOM = "mobilecat.formats.tflite"

TFLITE = Format(
    name="tflite",
    title="TFLite",
    suffixes=(".tflite",),
    target=TfliteTarget,
    bare=(TfliteTarget(input="float32"),),
    variant=late(_ROOM, "emit:variant"),
    require=late(_ROOM, "emit:require"),
    emit=late(_ROOM, "emit:emit"),
    rounded=late(_ROOM, "rounded:rounded"),
    engines=(Engine("tflite", "the .tflite artifact in LiteRT", late(_ROOM, "run:open_artifact")),),
    contracts=(
        Contract("detection", late(_ROOM, "detection_tensors:DetectionAsTensors")),
        Contract(
            "classifier",
            late("mobilecat.formats.base", "classifier:ClassifierAsTensors"),
            heads=("classify",),
        ),
        left_to_app("tflite"),
    ),
    inspect=late(_ROOM, "inspect:inspect_model"),
    operations=late(_ROOM, "operations:operations"),
    taps=late(_ROOM, "facts:taps"),
    facts=late(_ROOM, "facts:facts"),
    nms=late(_ROOM, "nms:written"),
    unrounded=late(_ROOM, "unrounded:open_unrounded"),
    wide=late(_ROOM, "unrounded:constants_of"),
    cut=late(_ROOM, "cut:open_cut"),
    inner=late(_ROOM, "inner:inner_values"),
    sources=("tflite",),
    dims=late(_ROOM, "source:dims"),
    read=late(_ROOM, "source:read"),
    reference=late(_ROOM, "source:reference"),
    changed=late(_ROOM, "source:changed"),
    android=True,
)
