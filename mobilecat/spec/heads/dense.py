"""Dense detectors of several strides: distances to the sides, bins of them, and anchors' deltas."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import Count, HeadValue, Name, Names, Pair, Positive, Strides

Layout = Literal["NCHW", "NHWC"]
Offset = Annotated[float, Field(ge=0, le=1)]
Distances = Literal["strides", "pixels"]
Squashing = Literal["none", "sigmoid"]


class GflHead(HeadValue):
    """NanoDet, PicoDet, GFL, RTMDet: class scores, and distances to the four sides, as numbers or
    as bins over which they are spread.

    The families differ in ways that no shape tells; `family` names them all at once, and each key
    beside it overrides one. Sources: `mobilecat/heads/gfl.py`.
    """

    kind: Literal["gfl"]
    family: Literal["nanodet", "nanodet-plus", "picodet", "gfl", "rtmdet"] | None = None
    """NanoDet before and since Plus, PicoDet, mmdetection's GFL, RTMDet."""
    scores: Names | None = None
    """Output with the class scores, or one a stride."""
    boxes: Names | None = None
    """Output with the distances or their bins, or one a stride."""
    output: Name | None = None
    """Scores and boxes in one output [1,N,C+4·bins], as NanoDet-Plus exports them."""
    strides: Strides | None = None
    """Pixels from cell to cell of each map; by default the family's, or what the outputs fit."""
    bins: Count | None = None
    """Bins a side; 1 where the distances are numbers. Inferred, except from one output."""
    offset: Offset | None = None
    """Where in its cell a point lies: 0 at the cell's corner, 0.5 at its centre."""
    distances: Distances | None = None
    """What distances that are numbers count: strides or pixels. Bins count strides."""
    activation: Squashing | None = None
    """What is still to be applied to the scores."""
    clip: bool | None = None
    """Whether boxes are cut at the model input, as NanoDet does before its NMS."""
    layout: Layout | None = None
    """Of maps whose shape could be read both ways."""


class FcosHead(HeadValue):
    """FCOS: class scores, distances to the four sides, and how central a point is in its box.

    `family` names what no shape tells; each key beside it overrides one of it.
    """

    family_nms: ClassVar[dict[str, Any]] = {"iou_threshold": 0.6}
    kind: Literal["fcos"]
    family: Literal["torchvision", "mmdet", "original"] | None = None
    """Whose conventions the network has: torchvision's, mmdetection's, or the authors' own."""
    scores: Names | None = None
    """Output with the class scores, or one a stride."""
    boxes: Names | None = None
    """Output with the distances, or one a stride."""
    centerness: Names | None = None
    """Output with the centreness, or one a stride."""
    strides: Strides = (8, 16, 32, 64, 128)
    """Pixels from cell to cell of each map."""
    score: Literal["sqrt", "product", "class"] | None = None
    """√(class · centreness), class · centreness, or the class's score alone."""
    offset: Offset | None = None
    """Where in its cell a point lies: 0 at the cell's corner, 0.5 at its centre."""
    distances: Distances | None = None
    """`norm_on_bbox`: strides where the network's distances are to be multiplied by the stride."""
    activation: Squashing = "sigmoid"
    """What is still to be applied to scores and centreness."""
    clip: bool | None = None
    """Whether boxes are cut at the model input before the NMS."""
    layout: Layout | None = None
    """Of maps whose shape could be read both ways."""


class RetinanetHead(HeadValue):
    """RetinaNet: class scores and deltas, one an anchor.

    `family` names the anchors and clamps of a library; or `sizes` or `scales`, `ratios` and the
    other keys say them one by one.
    """

    family_nms: ClassVar[dict[str, Any]] = {"score_threshold": 0.05, "iou_threshold": 0.5}
    kind: Literal["retinanet"]
    family: Literal["torchvision", "detectron2", "mmdet"] | None = None
    """Whose anchors, clamps and cuts the network has."""
    scores: Names | None = None
    """Output with the class scores, or one a stride."""
    boxes: Names | None = None
    """Output with the deltas, or one a stride."""
    strides: Strides = (8, 16, 32, 64, 128)
    """Pixels from cell to cell of each map."""
    sizes: (
        Annotated[
            tuple[Annotated[tuple[Positive, ...], Field(min_length=1)], ...], Field(min_length=1)
        ]
        | None
    ) = None
    """Sides of square anchors in pixels, a list a stride."""
    scales: Annotated[tuple[Positive, ...], Field(min_length=1)] | None = None
    """The same in strides, one list for all."""
    ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.5, 1.0, 2.0)
    """Height / width."""
    order: Literal["ratios-then-sizes", "sizes-then-ratios"] | None = None
    """Which of a cell's anchors come first: all sizes of the first ratio, or all ratios of the
    first size."""
    rounded: bool | None = None
    """Whether the anchors' corners are rounded to whole pixels, as torchvision's are."""
    offset: Offset | None = None
    """Where in its cell an anchor's centre lies: 0 at the cell's corner, 0.5 at its centre."""
    clamp: Literal["above", "both", "none"] | None = None
    """Whether log sizes are kept below log(1000/16), or within ±log(1000/16)."""
    clip: bool | None = None
    """Whether boxes are cut at the model input before the NMS."""
    variances: Pair = (1.0, 1.0)
    """What deltas are multiplied by: of the centre, of the log size."""
    activation: Literal["none", "sigmoid", "softmax"] = "sigmoid"
    """What is still to be applied to the scores."""
    layout: Layout | None = None
    """Of maps whose shape could be read both ways."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sizes is not None and self.scales is not None:
            raise ValueError("sizes and scales are both set: pixels a stride, or strides for all")
        if self.sizes is not None and len(self.sizes) != len(self.strides):
            raise ValueError(f"sizes has {len(self.sizes)} lists for {len(self.strides)} strides")
        if self.sizes and len({len(row) for row in self.sizes}) > 1:
            raise ValueError("sizes has lists of different lengths")
        return self
