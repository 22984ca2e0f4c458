"""What the kinds of head share: their types, and what holds for a kind whatever the network."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mobilecat.value import Value

Units = Literal["pixels", "normalised"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
Activation = Literal["none", "sigmoid", "softmax"]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Count = Annotated[int, Field(ge=1, le=4096)]
Name = Annotated[str, Field(min_length=1)]
Names = Name | Annotated[tuple[Name, ...], Field(min_length=1)]
"""An output, or one a stride, the smallest first."""
Strides = Annotated[tuple[Count, ...], Field(min_length=1)]
Pair = tuple[Positive, Positive]
MapAnchors = Annotated[
    tuple[Annotated[tuple[Pair, ...], Field(min_length=1)], ...], Field(min_length=1)
]
Row = tuple[float, float, float, float]


class HeadValue(Value):
    """What holds for a kind whatever the network.

    tasks: what a file's own metadata may call a network of this kind (`graph.declared`).
    suppressed: whether NMS follows. gives_landmarks: None where the network decides.
    one_set_of_points: whether it gives one set of points a picture or crop, as a cascade needs.
    carries: other row values that every network of the kind gives (`mobilecat.rows`).
    family_nms: the thresholds of the family's authors, where they differ from NmsSpec's.
    turned: whether boxes are turned by `angles`, which no suppression in a file knows.
    whole_picture: whether its classes are of the picture as a whole.
    gives_class_map: whether it gives the class of each pixel, as `mobilecat.rows.MAPS` has it.
    counts_labels: whether `classes` is the number of labels where the spec leaves it out.
    """

    tasks: ClassVar[tuple[str, ...]] = ("detect",)
    suppressed: ClassVar[bool] = True
    gives_landmarks: ClassVar[bool | None] = False
    carries: ClassVar[tuple[str, ...]] = ()
    one_set_of_points: ClassVar[bool] = False
    family_nms: ClassVar[dict[str, Any]] = {}
    turned: ClassVar[bool] = False
    whole_picture: ClassVar[bool] = False
    gives_class_map: ClassVar[bool] = False
    counts_labels: ClassVar[bool] = False

    @classmethod
    def own_nms(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of [nms] that the family settles. said: the head's own keys."""
        return cls.family_nms


class RawHead(HeadValue):
    """No decode: the network's outputs as they are."""

    suppressed: ClassVar[bool] = False
    kind: Literal["raw"] = "raw"


def require_one_form(
    form: Literal["decoded", "maps"] | None, units: object, output: object, anchors: object
) -> None:
    """Raise ValueError for keys that belong to the other form of YOLOv5 and what came of it."""
    problems = []
    if form == "maps" and units is not None:
        problems.append("units is set, but maps are always decoded to pixels")
    if form == "maps" and output is not None:
        problems.append("output is set, but maps are found by their shapes")
    if form == "decoded" and anchors is not None:
        problems.append("anchors is set, but decoded boxes need none")
    if problems:
        raise ValueError("; ".join(problems))
