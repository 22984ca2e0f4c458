"""Heads of the picture as a whole: what it shows, and what each pixel of it belongs to."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import Activation, HeadValue, Name

MOST_REGIONS = 64
"""Classes of one picture that have a row of their own; its class map has all."""


class ClassifyHead(HeadValue):
    """What the picture shows: [1,C]. The best five classes, best first."""

    tasks: ClassVar[tuple[str, ...]] = ("classify",)
    whole_picture: ClassVar[bool] = True
    family_nms: ClassVar[dict[str, Any]] = {
        "selection": "pairs",
        "score_threshold": 0.0,
        "max_detections": 5,
    }
    kind: Literal["classify"]
    activation: Activation
    """What is still to be applied to the scores: none where the network ends in a softmax."""
    output: Name | None = None
    """The output with the scores, where the network has other heads beside it."""
    background: bool = False
    """Whether class 0 is the background, which is dropped (after the softmax)."""


class SegmentsHead(HeadValue):
    """What each pixel belongs to: scores [1,C,h,w] or [1,h,w,C], or the class map itself."""

    tasks: ClassVar[tuple[str, ...]] = ("semantic",)
    gives_class_map: ClassVar[bool] = True
    family_nms: ClassVar[dict[str, Any]] = {
        "selection": "best",
        "score_threshold": 0.0,
        "max_detections": MOST_REGIONS,
    }
    kind: Literal["segments"]
    output: Name | None = None
    """The output with scores or classes, where there are several that could be it."""
    form: Literal["scores", "map"] | None = None
    """scores: one number a class and pixel, of which the highest counts; one class alone is set
    against the rest at `threshold`. map: the class of each pixel. Inferred: a map has one number a
    pixel and `classes`."""
    classes: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Of a class map: how many there are, which no shape tells."""
    layout: Literal["NCHW", "NHWC"] | None = None
    """Inferred: the map's sides are as the input's."""
    upsample: Literal["half-pixel", "align-corners"] = "half-pixel"
    """How scores of fewer cells than the input has pixels are drawn out, bilinearly: PyTorch's
    align_corners=False, or True."""
    threshold: Annotated[float, Field(ge=-1000, le=1000)] | None = None
    """Of one class alone: what its score must exceed; 0.5 of probabilities, 0 of logits."""

    counts_labels: ClassVar[bool] = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.form == "map" and self.threshold is not None:
            raise ValueError('threshold is set, but form = "map" has no scores')
        return self
