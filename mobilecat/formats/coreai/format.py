"""Core AI as a value."""

from mobilecat.formats.base.format import Engine, Format, late, left_to_app
from mobilecat.formats.coreai.target import CoreAITarget

_ROOM = "mobilecat.formats.coreai"

COREAI = Format(
    name="coreai",
    title="Core AI",
    suffixes=(".aimodel",),
    is_folder=(".aimodel",),
    target=CoreAITarget,
    bare=(CoreAITarget(),),
    variant=late(_ROOM, "emit:variant"),
    require=late(_ROOM, "emit:require"),
    emit=late(_ROOM, "emit:emit"),
    brings=True,
    missing=late(_ROOM, "dialect:missing"),
    versions=late(_ROOM, "dialect:versions"),
    engines=(
        Engine(
            "coreai",
            "the .aimodel's bytes, rebuilt as ONNX, in onnxruntime",
            late(_ROOM, "run:open_artifact"),
        ),
        Engine(
            "coreai-apple",
            "the .aimodel in Apple's own interpreter (coreai-core), slow",
            late(_ROOM, "apple:open_artifact"),
            inner=late(_ROOM, "inner:apples_values"),
            slow=True,
        ),
        Engine(
            "coreai-native",
            "the .aimodel in Core AI itself, on macOS 27",
            late(_ROOM, "native:open_artifact"),
            taps=False,
            apples=True,
        ),
    ),
    contracts=(left_to_app("coreai"),),
    inspect=late(_ROOM, "inspect:inspect_model"),
    facts=late(_ROOM, "facts:facts"),
    nms=late(_ROOM, "nms:written"),
    inner=late(_ROOM, "inner:inner_values"),
    cut=late(_ROOM, "run:open_cut"),
    sources=("aimodel",),
    dims=late(_ROOM, "source:dims"),
    read=late(_ROOM, "source:read"),
    reference=late(_ROOM, "source:reference"),
    changed=late(_ROOM, "source:changed"),
    app=True,
)
