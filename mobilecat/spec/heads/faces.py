"""The detectors of faces, each a family of its own."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import (
    Activation,
    Count,
    HeadValue,
    MapAnchors,
    Name,
    Names,
    Pair,
    Positive,
    Strides,
    Units,
    require_one_form,
)


class YunetHead(HeadValue):
    """YuNet, both published forms: 2023 (cls, obj, bbox, kps), 2022 (loc, conf, iou)."""

    gives_landmarks: ClassVar[bool | None] = True
    kind: Literal["yunet"]
    version: Literal["2022", "2023"] | None = None
    """Inferred from the output names where left out."""


class UltrafaceHead(HeadValue):
    """UltraFace: scores [1,N,2], boxes [1,N,4]."""

    kind: Literal["ultraface"]
    form: Literal["raw", "decoded"]
    """raw: encodings of priors; decoded: xyxy in 0..1. Both have the same names and shapes."""
    scores: Name | None = None
    """The output with the scores; inferred from its shape."""
    boxes: Name | None = None
    """The output with the boxes; inferred from its shape."""


class BlazefaceHead(HeadValue):
    """BlazeFace: boxes and points [1,N,4+2L], logits [1,N,1]."""

    gives_landmarks: ClassVar[bool | None] = True
    kind: Literal["blazeface"]
    boxes: Name | None = None
    """The output with boxes and points; inferred from its shape."""
    scores: Name | None = None
    """The output with the logits; inferred from its shape."""
    layers: Annotated[tuple[tuple[Count, Count], ...], Field(min_length=1)] | None = None
    """[stride, anchors a cell] of each layer; inferred where the number of rows is a known one."""


class CenternetHead(HeadValue):
    """CenterFace: heat map, size, offset and landmark maps of one stride."""

    gives_landmarks: ClassVar[bool | None] = None
    family_nms: ClassVar[dict[str, Any]] = {"iou_threshold": 0.3}
    kind: Literal["centernet"]
    heatmap: Name | None = None
    """The output with a score a cell; inferred, as those below, from names and channels."""
    size: Name | None = None
    """log height, log width, in cells."""
    offset: Name | None = None
    """y, x within the cell."""
    points: Name | None = None
    """Landmarks y, x, relative to the box."""


class RetinafaceHead(HeadValue):
    """RetinaFace: encodings [1,N,4], scores [1,N,2] and points [1,N,2L] of square priors; one
    output each, one a stride, or all columns in one."""

    gives_landmarks: ClassVar[bool | None] = True
    family_nms: ClassVar[dict[str, Any]] = {"iou_threshold": 0.4}
    kind: Literal["retinaface"]
    form: Literal["raw", "decoded"]
    """raw: encodings of priors; decoded: xyxy and points in 0..1. Both have the same shapes."""
    boxes: Names | None = None
    """Output with the encodings, or one a stride."""
    scores: Names | None = None
    """Output with the two scores, or one a stride."""
    points: Names | None = None
    """Output with the landmarks, or one a stride."""
    output: Name | None = None
    """The one output with all columns."""
    columns: Literal["boxes-scores-points", "boxes-points-scores"] | None = None
    """Their order in it, which no shape tells."""
    priors: Annotated[
        tuple[Annotated[tuple[Positive, ...], Field(min_length=1)], ...], Field(min_length=1)
    ] = ((16.0, 32.0), (64.0, 128.0), (256.0, 512.0))
    """Sides of the priors in pixels, a list a stride."""
    strides: Strides = (8, 16, 32)
    """Pixels from cell to cell of each map."""
    variances: Pair = (0.1, 0.2)
    """What encodings are multiplied by: of centre and points, of the log size."""
    activation: Activation = "none"
    """What is still to be applied to the two scores, background and face."""
    layout: Literal["NCHW", "NHWC"] | None = None
    """Of maps whose shape could be read both ways."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.priors) != len(self.strides):
            raise ValueError(f"priors has {len(self.priors)} lists for {len(self.strides)} strides")
        if len({len(row) for row in self.priors}) > 1:
            raise ValueError("priors has lists of different lengths")
        return self


class ScrfdHead(HeadValue):
    """SCRFD: scores, distances to the four sides and points, an output each a stride."""

    gives_landmarks: ClassVar[bool | None] = None
    family_nms: ClassVar[dict[str, Any]] = {"score_threshold": 0.5, "iou_threshold": 0.4}
    kind: Literal["scrfd"]
    scores: Names | None = None
    """Output with the scores, or one a stride."""
    boxes: Names | None = None
    """Output with the distances, in strides, or one a stride."""
    points: Names | None = None
    """Output with the landmarks, in strides, or one a stride."""
    strides: Strides | None = None
    """Inferred: 8, 16, 32 with two anchors a cell, or 8 to 128 with one."""
    anchors: Count | None = None
    """Anchors a cell, which share its corner."""
    activation: Literal["none", "sigmoid"] = "none"
    """What is still to be applied to the scores."""
    layout: Literal["NCHW", "NHWC"] | None = None
    """Of maps whose shape could be read both ways."""


class Yolo5FaceHead(HeadValue):
    """YOLO5Face: rows [1,N,5+2L+C], points before the classes; or raw maps of such rows."""

    gives_landmarks: ClassVar[bool | None] = True
    family_nms: ClassVar[dict[str, Any]] = {"iou_threshold": 0.5}
    kind: Literal["yolo5face"]
    form: Literal["decoded", "maps"] | None = None
    """Whether the network decodes its rows itself; by default its shapes tell."""
    units: Units | None = None
    """Of decoded boxes and points. Shapes cannot tell: required for the decoded form."""
    output: Name | None = None
    """The decoded output, where there are several that could be it."""
    points: Count = 5
    """Landmarks of a row."""
    anchors: MapAnchors | None = None
    """Of raw maps, in pixels, finest map first; by default YOLO5Face's own where there are three
    maps."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        require_one_form(self.form, self.units, self.output, self.anchors)
        return self
