"""Heads of one result a picture or crop."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mobilecat.spec.heads.base import (
    Activation,
    BoxFormat,
    Count,
    HeadValue,
    Name,
    Units,
)


class BoxHead(HeadValue):
    """One box a picture: [1,4], or four columns of [1,D]."""

    suppressed: ClassVar[bool] = False
    kind: Literal["box"]
    format: BoxFormat
    """xyxy: two corners. xywh: the top left corner and the size. cxcywh: the centre and the
    size."""
    units: Units
    """Pixels of the input, or 0..1 of it."""
    output: Name | None = None
    """The output with the box, where there are several that could be it."""
    start: Annotated[int, Field(ge=0)] = 0
    """First column of the box, where the output has more than four."""
    score: Name | None = None
    """Output with the score, [1,1], or [1,2] with the background first; without it 1."""


class BoxClassHead(HeadValue):
    """One box and one class a picture: [1,4] and [1,C]."""

    suppressed: ClassVar[bool] = False
    kind: Literal["box+class"]
    format: BoxFormat
    """xyxy: two corners. xywh: the top left corner and the size. cxcywh: the centre and the
    size."""
    units: Units
    """Pixels of the input, or 0..1 of it."""
    boxes: Name | None = None
    """The output with the box; inferred from its shape, unless there are four classes."""
    scores: Name | None = None
    """The output with the class scores; inferred from its shape."""
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
    """The output with the points, where there are several that could be it."""
    start: Annotated[int, Field(ge=0)] = 0
    """First column of the points, where the output has more."""
    count: Count | None = None
    """Number of points; by default all columns from `start`."""
    score: Name | None = None
    """Output with the score, [1,1], or [1,2] with the background first; without it 1."""
