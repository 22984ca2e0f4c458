"""Heads whose boxes come with parts: the points of a pose, a mask."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from mobilecat.spec.heads.base import Count, HeadValue, Name, Units
from mobilecat.value import Side


class PoseHead(HeadValue):
    """YOLO-style pose: [1,4+C+3K,N] (or [1,N,4+C+3K]), centre boxes, scores, K points."""

    gives_landmarks: ClassVar[bool | None] = True
    tasks: ClassVar[tuple[str, ...]] = ("pose",)
    kind: Literal["pose"]
    output: Name | None = None
    """The output with the rows, where there are several that could be it."""
    classes: Count = 1
    """Columns of class scores; shapes cannot tell them from those of points."""
    visibility: Literal["probability", "logit", "none"] = "probability"
    """What follows each point's x and y: how sure it is seen, in 0..1 or before its sigmoid (it
    becomes `landmark_scores`); none: there is no third column."""
    objectness: bool = False
    """Whether a score of its own lies before the class scores, which it multiplies (YOLOv7)."""
    units: Units = "pixels"
    """Of boxes and points: pixels of the input, or 0..1 of it."""
    layout: Literal["rows-last", "rows-first"] | None = None
    """rows-last: [1,4+C+3K,N]. Inferred: N is the longer."""


class MasksHead(HeadValue):
    """YOLO-style segmentation: rows [1,4+C+P,N] (or [1,N,4+C+P]) and prototypes [1,P,h,w]."""

    carries: ClassVar[tuple[str, ...]] = ("mask_coefficients",)
    tasks: ClassVar[tuple[str, ...]] = ("segment",)
    kind: Literal["masks"]
    output: Name | None = None
    """The output with the rows, where there are several that could be it."""
    prototypes: Name | None = None
    """The output with the prototypes, [1,P,h,w] or [1,h,w,P], where there are several."""
    masks: Literal["graph", "app"] = "graph"
    """Who makes masks of coefficients and prototypes after suppression: the graph (its output
    `masks`), or the app, by the formula in `MobileCatKit` (the outputs `mask_coefficients` and
    `mask_prototypes`)."""
    mask_size: tuple[Side, Side] | None = None
    """Width and height of the graph's masks: whole multiples of the prototypes', which is the
    default."""
    units: Units = "pixels"
    """Of boxes: pixels of the input, or 0..1 of it."""
    layout: Literal["rows-last", "rows-first"] | None = None
    """rows-last: [1,4+C+P,N]. Inferred: N is the longer."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mask_size is not None and self.masks == "app":
            raise ValueError('mask_size is set, but masks = "app" leaves the size to the app')
        return self
