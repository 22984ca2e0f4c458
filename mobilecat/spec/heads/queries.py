"""Detectors that need no suppression: end-to-end YOLOs, and transformers with object queries."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import (
    Activation,
    Count,
    HeadValue,
    Name,
    Units,
)


class End2EndHead(HeadValue):
    """YOLOv10, YOLO26: one box an object. Rows [1,N,6+…] x1,y1,x2,y2,score,class; or what they are
    chosen from, decoded [1,4+C,N] or raw maps [1,4·bins+C,h,w]."""

    tasks: ClassVar[tuple[str, ...]] = ("detect", "pose", "segment")
    gives_landmarks: ClassVar[bool | None] = None
    family_nms: ClassVar[dict[str, Any]] = {"selection": "pairs", "max_detections": 300}
    counts_labels: ClassVar[bool] = True
    kind: Literal["end2end"]
    form: Literal["rows", "decoded", "maps"] | None = None
    """Inferred where the shapes tell: six columns are rows, rows in the last dimension are decoded,
    four dimensions are maps."""
    output: Name | None = None
    """Rows or decoded boxes, where several outputs could be it."""
    classes: Count | None = None
    """How many; by default as many as there are labels. Only for rows, whose shape does not tell,
    and for maps."""
    format: Literal["xyxy", "cxcywh"] | None = None
    """Of decoded boxes; no shape can tell. Rows are always x1,y1,x2,y2."""
    units: Units = "pixels"
    """Of rows and decoded boxes; maps are always decoded to pixels."""
    activation: Literal["none", "sigmoid"] = "none"
    """What is still to be applied to decoded scores. Maps always hold logits."""
    bins: Annotated[int, Field(ge=1, le=64)] | None = None
    """Bins of each side's distance in maps: 1 is the distance itself (YOLO26), 16 YOLOv10's; by
    default what the number of classes leaves."""
    points: Annotated[int, Field(ge=1, le=512)] | None = None
    """Points in each row behind its class, x, y or x, y, visibility each (YOLO26-pose); left out,
    what follows the class is not read."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.form == "maps":
            problems += [
                f"{key} is set, but maps are always decoded to pixels"
                for key, given in (("format", self.format), ("output", self.output))
                if given is not None
            ]
            if self.units != "pixels":
                problems.append("units is set, but maps are always decoded to pixels")
            if self.activation != "none":
                problems.append("activation is set, but maps always hold logits")
        if self.form == "rows" and self.format == "cxcywh":
            problems.append('format is "cxcywh", but rows are x1,y1,x2,y2')
        if self.form == "rows" and self.activation != "none":
            problems.append("activation is set, but the score of a row is final")
        if self.form in ("decoded", "maps") and self.points is not None:
            problems.append("points is set, but only rows have them")
        if self.form in ("rows", "decoded") and self.bins is not None:
            problems.append("bins is set, but only maps have them")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class DetrHead(HeadValue):
    """DETR and its kin: logits [1,Q,C] and boxes [1,Q,4], one a query."""

    family_nms: ClassVar[dict[str, Any]] = {"selection": "pairs"}
    counts_labels: ClassVar[bool] = True
    kind: Literal["detr"]
    activation: Activation
    """What is still to be applied to the logits: sigmoid (RT-DETR, RF-DETR, D-FINE, Deformable and
    Conditional DETR) or softmax (DETR, YOLOS)."""
    no_object: Literal["last", "first", "none"] | None = None
    """Which column of the logits says that a query found nothing; it is dropped. By default the
    last after a softmax, and else none, unless there is one column more than labels."""
    logits: Name | None = None
    """Output with the logits [1,Q,C]; by default the one beside the boxes."""
    boxes: Name | None = None
    """Output with the boxes [1,Q,4]; by default the one of four columns."""
    format: Literal["xyxy", "cxcywh"] = "cxcywh"
    """Corners, or centre and size: the papers' boxes are of the latter."""
    units: Units = "normalised"
    """The papers' boxes lie in 0..1 of the model's input."""
    classes: Count | None = None
    """How many; by default as many as there are labels, without labels what the shape leaves."""

    @classmethod
    def own_nms(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """After a softmax a query is of its best class; else each class of it is a result."""
        best = said.get("activation") == "softmax"
        return {"selection": "best"} if best else dict(cls.family_nms)
