"""Heads of one result a picture or crop."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import (
    Activation,
    BoxFormat,
    Count,
    HeadValue,
    Name,
    Units,
)

PointUnits = Literal["pixels", "normalised", "signed"]


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
    """One set of points a picture or crop: [1,2L], or [1,3L] and more with `columns`."""

    suppressed: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]] = ("pose", "detect")
    gives_landmarks: ClassVar[bool | None] = True
    one_set_of_points: ClassVar[bool] = True
    kind: Literal["landmarks"]
    units: PointUnits
    """normalised: 0..1 of the model's input, that is of the crop stretched into it; signed: −1..1
    of it (InsightFace's 106 points)."""
    columns: Annotated[int, Field(ge=2, le=16)] = 2
    """Columns a point, of which x and y come first: 3 with z (MediaPipe's hand and face mesh), 5
    with visibility and presence too (its pose)."""
    visibility: Annotated[int, Field(ge=2, le=15)] | None = None
    """Column of a point, from 0, that says how surely it is seen (3 of MediaPipe's pose): the
    contract's landmark_scores."""
    visibility_activation: Literal["none", "sigmoid"] = "sigmoid"
    """What is still to be applied to it."""
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.order == "x-then-y" and self.columns != 2:
            raise ValueError(f'columns = {self.columns} is set, but "x-then-y" has no columns')
        if self.visibility is not None and self.visibility >= self.columns:
            raise ValueError(
                f"visibility is column {self.visibility} of a point, counted from 0, and columns = "
                f"{self.columns}"
            )
        return self
