"""The toy as a value."""

from mobilecat.formats.base.format import Engine, Format, late
from tests.formats.toy.target import ToyTarget

_ROOM = "tests.formats.toy"

TOY = Format(
    name="toy",
    title="Toy",
    suffixes=(".toy",),
    target=ToyTarget,
    bare=(ToyTarget(),),
    variant=late(_ROOM, "emit:variant"),
    require=late(_ROOM, "emit:require"),
    emit=late(_ROOM, "emit:emit"),
    engines=(Engine("toy", "the .toy in onnx's own evaluator", late(_ROOM, "run:open_artifact")),),
    inspect=late(_ROOM, "run:inspect_model"),
    nms=late(_ROOM, "run:written"),
    inner=late(_ROOM, "run:inner_values"),
)
