"""SSD, and the anchors that it can be told."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mobilecat.spec.heads.base import (
    Activation,
    Count,
    HeadValue,
    Name,
    Positive,
    Row,
)
from mobilecat.value import Value


class AnchorGenerator(Value):
    """Anchors as the TF object detection API's `ssd_anchor_generator` makes them."""

    grids: tuple[tuple[Count, Count], ...] | None = None
    """Columns, rows of each layer; by default ceil(side / 16), then halved, rounding up."""
    layers: Annotated[int, Field(ge=2, le=16)] = 6
    """Maps of the network, finest first."""
    min_scale: Positive = 0.2
    """Side of the anchors of the first layer, as a share of the input."""
    max_scale: Positive = 0.95
    """The same of the last layer; those between are spaced evenly."""
    aspect_ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        1.0,
        2.0,
        0.5,
        3.0,
        0.3333,
    )
    """Width ÷ height of the anchors of a cell."""
    reduce_lowest: bool = True
    """Three anchors only in the first layer: (0.1, 1), (min_scale, 2), (min_scale, ½)."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.grids is not None and len(self.grids) != self.layers:
            raise ValueError(f"grids has {len(self.grids)} entries for {self.layers} layers")
        if self.min_scale > self.max_scale:
            raise ValueError(f"min_scale {self.min_scale} is above max_scale {self.max_scale}")
        return self


def _anchors_tag(value: Any) -> str:
    return "settings" if isinstance(value, (dict, AnchorGenerator)) else "rows"


Anchors = Annotated[
    Annotated[AnchorGenerator, Tag("settings")]
    | Annotated[tuple[Row, ...], Field(min_length=1), Tag("rows")],
    Discriminator(_anchors_tag),
]


class SsdHead(HeadValue):
    """SSD: box encodings and class scores, one an anchor.

    Without `anchors`, those that came with the graph (TF object detection API), else the API's
    generator with its defaults, where that makes as many as the network has.
    """

    kind: Literal["ssd"]
    boxes: Name | None = None
    """Output with the encodings [1,N,4]."""
    scores: Name | None = None
    """Output with the class scores [1,N,C]."""
    anchors: Anchors | None = None
    """Generator settings; or an .npy or .json file of rows centre y, centre x, height, width, in
    0..1 of the input."""
    scales: tuple[Positive, Positive, Positive, Positive] = (10.0, 10.0, 5.0, 5.0)
    """What the encodings are divided by, in their own order. Variances 0.1, 0.2 are 10, 5."""
    order: Literal["yxhw", "xywh"] = "yxhw"
    """Order within an encoding: ty,tx,th,tw (TensorFlow) or tx,ty,tw,th."""
    activation: Activation = "sigmoid"
    """What is still to be applied to the scores."""
    background: bool = True
    """Whether class 0 is the background, which is dropped."""
