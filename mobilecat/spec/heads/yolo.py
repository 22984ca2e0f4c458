"""The YOLO family."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import (
    HeadValue,
    MapAnchors,
    Name,
    Strides,
    Units,
    require_one_form,
)


class YoloV1Head(HeadValue):
    """YOLOv1: one map [1,S,S,5·boxes+C], sigmoid inside."""

    family_nms: ClassVar[dict[str, Any]] = {"score_threshold": 0.1, "iou_threshold": 0.5}
    kind: Literal["yolov1"]
    output: Name | None = None
    """The output with the map, where there are several that could be it."""
    boxes: Annotated[int, Field(ge=1, le=16)] = 2
    """Boxes a cell; the last dimension is 5·boxes + C."""
    layout: Literal["NHWC", "NCHW"] | None = None
    """Inferred: the dimension that is 5·boxes + C."""


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
    """Inferred: one output of rows is decoded, three or more of maps are not."""
    units: Units | None = None
    """Of decoded boxes. Shapes cannot tell: required for the decoded form."""
    output: Name | None = None
    """The decoded output, where there are several that could be it."""
    anchors: MapAnchors | None = None
    """Of raw maps; as for yolov3, by default YOLOv5's own (P5) where there are three maps."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        require_one_form(self.form, self.units, self.output, self.anchors)
        return self


class YoloV8Head(HeadValue):
    """YOLOv8 and later without objectness: [1,4+C,N] (or [1,N,4+C]), centre boxes."""

    kind: Literal["yolov8"]
    output: Name | None = None
    """The output with the rows, where there are several that could be it."""
    units: Units = "pixels"
    """Of boxes: pixels of the input, or 0..1 of it."""
    layout: Literal["rows-last", "rows-first"] | None = None
    """rows-last: [1,4+C,N]. Inferred: N is the longer."""


class YoloXHead(HeadValue):
    """YOLOX: [1,N,5+C], boxes relative to their cells, scores already sigmoid."""

    kind: Literal["yolox"]
    output: Name | None = None
    """The output with the rows, where there are several that could be it."""
    strides: Strides = (8, 16, 32)
    """Pixels a cell of each map, in the order of the rows."""
