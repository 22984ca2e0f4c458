"""What a spec may say about a head: one class a kind. Formulas: `mobilecat/heads/<kind>.py`.

A key that may be left out is inferred from the network's shapes, and what was inferred is printed.
Keys that no shape can tell are required. A new kind: a class in the file of its family, or in a new
one, and its line in `HeadSpec`.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from mobilecat.spec.heads.base import HeadValue, RawHead
from mobilecat.spec.heads.dense import FcosHead, GflHead, RetinanetHead
from mobilecat.spec.heads.faces import (
    BlazefaceHead,
    CenternetHead,
    RetinafaceHead,
    ScrfdHead,
    UltrafaceHead,
    Yolo5FaceHead,
    YunetHead,
)
from mobilecat.spec.heads.parts import MasksHead, PoseHead
from mobilecat.spec.heads.points import HeatmapHead, SimccHead
from mobilecat.spec.heads.queries import DetrHead, End2EndHead
from mobilecat.spec.heads.single import BoxClassHead, BoxHead, LandmarksHead
from mobilecat.spec.heads.ssd import AnchorGenerator, SsdHead
from mobilecat.spec.heads.turned import ObbHead
from mobilecat.spec.heads.whole import ClassifyHead, SegmentsHead
from mobilecat.spec.heads.yolo import YoloV1Head, YoloV3Head, YoloV5Head, YoloV8Head, YoloXHead

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
    | RetinafaceHead
    | ScrfdHead
    | Yolo5FaceHead
    | GflHead
    | FcosHead
    | RetinanetHead
    | PoseHead
    | MasksHead
    | BoxHead
    | BoxClassHead
    | LandmarksHead
    | HeatmapHead
    | SimccHead
    | ClassifyHead
    | SegmentsHead
    | End2EndHead
    | DetrHead
    | ObbHead,
    Field(discriminator="kind"),
]
HEADS: dict[str, type[HeadValue]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind
    for kind in get_args(get_args(HeadSpec)[0])
}
HEAD_KINDS = tuple(HEADS)

__all__ = [
    "HEADS",
    "HEAD_KINDS",
    "AnchorGenerator",
    "BlazefaceHead",
    "BoxClassHead",
    "BoxHead",
    "CenternetHead",
    "ClassifyHead",
    "DetrHead",
    "End2EndHead",
    "FcosHead",
    "GflHead",
    "HeadSpec",
    "HeadValue",
    "HeatmapHead",
    "LandmarksHead",
    "MasksHead",
    "ObbHead",
    "PoseHead",
    "RawHead",
    "RetinafaceHead",
    "RetinanetHead",
    "ScrfdHead",
    "SegmentsHead",
    "SimccHead",
    "SsdHead",
    "UltrafaceHead",
    "Yolo5FaceHead",
    "YoloV1Head",
    "YoloV3Head",
    "YoloV5Head",
    "YoloV8Head",
    "YoloXHead",
    "YunetHead",
]
