"""Heads whose boxes come with parts: the points of a pose."""

from __future__ import annotations

from typing import ClassVar, Literal

from mobilecat.spec.heads.base import Count, HeadValue, Name, Units


class PoseHead(HeadValue):
    """YOLO-style pose: [1,4+C+3K,N] (or [1,N,4+C+3K]), centre boxes, scores, K points."""

    gives_landmarks: ClassVar[bool | None] = True
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
