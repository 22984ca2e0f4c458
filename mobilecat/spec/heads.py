"""What a spec may say about a head: one class a kind. Formulas: `mobilecat/heads/<kind>.py`.

A key that may be left out is inferred from the network's shapes, and what was inferred is printed.
Keys that no shape can tell are required.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from mobilecat.value import Value

Units = Literal["pixels", "normalised"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
Activation = Literal["none", "sigmoid", "softmax"]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Count = Annotated[int, Field(ge=1, le=4096)]
Name = Annotated[str, Field(min_length=1)]
Strides = Annotated[tuple[Count, ...], Field(min_length=1)]
Pair = tuple[Positive, Positive]
MapAnchors = Annotated[
    tuple[Annotated[tuple[Pair, ...], Field(min_length=1)], ...], Field(min_length=1)
]
Row = tuple[float, float, float, float]


class HeadValue(Value):
    """What holds for a kind whatever the network.

    suppressed: whether NMS follows. gives_landmarks: None where the network decides.
    nms: the thresholds of the family's authors, where they differ from NmsSpec's.
    """

    suppressed: ClassVar[bool] = True
    gives_landmarks: ClassVar[bool | None] = False
    family_nms: ClassVar[dict[str, Any]] = {}


class RawHead(HeadValue):
    """No decode: the network's outputs as they are."""

    suppressed: ClassVar[bool] = False
    kind: Literal["raw"] = "raw"


class YunetHead(HeadValue):
    """YuNet, both published forms: 2023 (cls, obj, bbox, kps), 2022 (loc, conf, iou)."""

    gives_landmarks: ClassVar[bool | None] = True
    kind: Literal["yunet"]
    version: Literal["2022", "2023"] | None = None
    """Inferred from the output names where left out."""


class AnchorGenerator(Value):
    """Anchors as the TF object detection API's `ssd_anchor_generator` makes them."""

    grids: tuple[tuple[Count, Count], ...] | None = None
    """Columns, rows of each layer; by default ceil(side / 16), then halved, rounding up."""
    layers: Annotated[int, Field(ge=2, le=16)] = 6
    min_scale: Positive = 0.2
    max_scale: Positive = 0.95
    aspect_ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        1.0,
        2.0,
        0.5,
        3.0,
        0.3333,
    )
    reduce_lowest: bool = True
    """Three anchors only in the first layer: (0.1, 1), (min_scale, 2), (min_scale, ½)."""

    @model_validator(mode="after")
    def _consistent(self) -> AnchorGenerator:
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


class YoloV1Head(HeadValue):
    """YOLOv1: one map [1,S,S,5·boxes+C], sigmoid inside."""

    family_nms: ClassVar[dict[str, Any]] = {"score_threshold": 0.1, "iou_threshold": 0.5}
    kind: Literal["yolov1"]
    output: Name | None = None
    boxes: Annotated[int, Field(ge=1, le=16)] = 2
    """Boxes a cell; the last dimension is 5·boxes + C."""
    layout: Literal["NHWC", "NCHW"] | None = None


class YoloV3Head(HeadValue):
    """YOLOv3: raw maps, one a stride, as A·(5+C) channels or with the anchors as a dimension."""

    kind: Literal["yolov3"]
    anchors: MapAnchors | None = None
    """Width, height of each anchor in pixels of the input, a list a map, finest map first; by
    default YOLOv3's own where there are three maps."""


class YoloV5Head(HeadValue):
    """YOLOv5: decoded rows [1,N,5+C], or raw maps."""

    kind: Literal["yolov5"]
    form: Literal["decoded", "maps"] | None = None
    units: Units | None = None
    """Of decoded boxes. Shapes cannot tell: required for the decoded form."""
    output: Name | None = None
    """The decoded output, where there are several that could be it."""
    anchors: MapAnchors | None = None
    """Of raw maps; as for yolov3, by default YOLOv5's own (P5) where there are three maps."""

    @model_validator(mode="after")
    def _consistent(self) -> YoloV5Head:
        problems = []
        if self.form == "maps" and self.units is not None:
            problems.append("units is set, but maps are always decoded to pixels")
        if self.form == "maps" and self.output is not None:
            problems.append("output is set, but maps are found by their shapes")
        if self.form == "decoded" and self.anchors is not None:
            problems.append("anchors is set, but decoded boxes need none")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class YoloV8Head(HeadValue):
    """YOLOv8 and later without objectness: [1,4+C,N] (or [1,N,4+C]), centre boxes."""

    kind: Literal["yolov8"]
    output: Name | None = None
    units: Units = "pixels"
    layout: Literal["rows-last", "rows-first"] | None = None
    """rows-last: [1,4+C,N]. Inferred: N is the longer."""


class YoloXHead(HeadValue):
    """YOLOX: [1,N,5+C], boxes relative to their cells, scores already sigmoid."""

    kind: Literal["yolox"]
    output: Name | None = None
    strides: Strides = (8, 16, 32)


class UltrafaceHead(HeadValue):
    """UltraFace: scores [1,N,2], boxes [1,N,4]."""

    kind: Literal["ultraface"]
    form: Literal["raw", "decoded"]
    """raw: encodings of priors; decoded: xyxy in 0..1. Both have the same names and shapes."""
    scores: Name | None = None
    boxes: Name | None = None


class BlazefaceHead(HeadValue):
    """BlazeFace: boxes and points [1,N,4+2L], logits [1,N,1]."""

    gives_landmarks: ClassVar[bool | None] = True
    kind: Literal["blazeface"]
    boxes: Name | None = None
    scores: Name | None = None
    layers: Annotated[tuple[tuple[Count, Count], ...], Field(min_length=1)] | None = None
    """[stride, anchors a cell] of each layer; inferred where the number of rows is a known one."""


class CenternetHead(HeadValue):
    """CenterFace: heat map, size, offset and landmark maps of one stride."""

    gives_landmarks: ClassVar[bool | None] = None
    family_nms: ClassVar[dict[str, Any]] = {"iou_threshold": 0.3}
    kind: Literal["centernet"]
    heatmap: Name | None = None
    size: Name | None = None
    """log height, log width, in cells."""
    offset: Name | None = None
    """y, x within the cell."""
    points: Name | None = None
    """Landmarks y, x, relative to the box."""


class BoxHead(HeadValue):
    """One box a picture: [1,4], or four columns of [1,D]."""

    suppressed: ClassVar[bool] = False
    kind: Literal["box"]
    format: BoxFormat
    units: Units
    output: Name | None = None
    start: Annotated[int, Field(ge=0)] = 0
    """First column of the box, where the output has more than four."""
    score: Name | None = None
    """Output with the score, [1,1], or [1,2] with the background first; without it 1."""


class BoxClassHead(HeadValue):
    """One box and one class a picture: [1,4] and [1,C]."""

    suppressed: ClassVar[bool] = False
    kind: Literal["box+class"]
    format: BoxFormat
    units: Units
    boxes: Name | None = None
    scores: Name | None = None
    activation: Activation = "none"
    """What is still to be applied to the class scores."""


class LandmarksHead(HeadValue):
    """One set of points a picture or crop: [1,2L]."""

    suppressed: ClassVar[bool] = False
    gives_landmarks: ClassVar[bool | None] = True
    kind: Literal["landmarks"]
    units: Units
    """normalised: 0..1 of the model's input, that is of the crop stretched into it."""
    order: Literal["xy", "yx", "x-then-y"] = "xy"
    """x,y a point; y,x a point; or all x, then all y."""
    output: Name | None = None
    start: Annotated[int, Field(ge=0)] = 0
    """First column of the points, where the output has more."""
    count: Count | None = None
    """Number of points; by default all columns from `start`."""
    score: Name | None = None
    """Output with the score, [1,1], or [1,2] with the background first; without it 1."""


HeadSpec = Annotated[
    RawHead
    | YunetHead
    | SsdHead
    | YoloV1Head
    | YoloV3Head
    | YoloV5Head
    | YoloV8Head
    | YoloXHead
    | UltrafaceHead
    | BlazefaceHead
    | CenternetHead
    | BoxHead
    | BoxClassHead
    | LandmarksHead,
    Field(discriminator="kind"),
]
HEADS: dict[str, type[HeadValue]] = {
    "raw": RawHead,
    "yunet": YunetHead,
    "ssd": SsdHead,
    "yolov1": YoloV1Head,
    "yolov3": YoloV3Head,
    "yolov5": YoloV5Head,
    "yolov8": YoloV8Head,
    "yolox": YoloXHead,
    "ultraface": UltrafaceHead,
    "blazeface": BlazefaceHead,
    "centernet": CenternetHead,
    "box": BoxHead,
    "box+class": BoxClassHead,
    "landmarks": LandmarksHead,
}
HEAD_KINDS = tuple(HEADS)
