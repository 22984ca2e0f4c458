"""The detectors of faces, each a family of its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mobilecat.spec.heads.base import (
    Count,
    HeadValue,
    Name,
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
