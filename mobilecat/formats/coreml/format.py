"""Core ML as a value."""

from mobilecat.formats.base.format import Contract, Engine, Format, late, left_to_app
from mobilecat.formats.coreml.target import CoreMLTarget

_ROOM = "mobilecat.formats.coreml"

COREML = Format(
    name="coreml",
    title="Core ML",
    suffixes=(".mlmodel", ".mlpackage"),
    is_folder=(".mlpackage",),
    target=CoreMLTarget,
    bare=(
        CoreMLTarget(format="mlpackage", precision="float32"),
        CoreMLTarget(format="mlmodel", precision="float32"),
    ),
    variant=late(_ROOM, "emit:variant"),
    require=late(_ROOM, "emit:require"),
    emit=late(_ROOM, "emit:emit"),
    rounded=late(_ROOM, "compress.rounded:rounded"),
    engines=(
        Engine(
            "coreml",
            "the Core ML artifacts in mobilecat.runtime, on any machine",
            late(_ROOM, "run:open_artifact"),
            scalars=False,
        ),
        Engine(
            "coreml-native",
            "the Core ML artifacts in Apple's own runtime, on macOS",
            late(_ROOM, "native:open_artifact"),
            taps=False,  # it returns a model's outputs and nothing else
            apples=True,
            scalars=False,
        ),
    ),
    contracts=(
        Contract("vision", late(_ROOM, "vision_tensors:VisionAsTensors")),
        Contract(
            "classifier",
            late("mobilecat.formats.base", "classifier:ClassifierAsTensors"),
            heads=("classify",),
        ),
        left_to_app("coreml"),
    ),
    inspect=late(_ROOM, "inspect:inspect_model"),
    operations=late(_ROOM, "operations:operations"),
    facts=late(_ROOM, "facts:facts"),
    nms=late(_ROOM, "nms:written"),
    unrounded=late(_ROOM, "run:open_unrounded"),
    wide=late(_ROOM, "runtime.halves:constants_of"),
    cut=late(_ROOM, "run:open_cut"),
    inner=late(_ROOM, "inner:inner_values"),
    sources=("mlmodel", "mlpackage"),
    dims=late(_ROOM, "source:dims"),
    read=late(_ROOM, "source:read"),
    reference=late(_ROOM, "source:reference"),
    changed=late(_ROOM, "source:changed"),
    app=True,
)
