"""Families of several strides: detectors of faces with landmarks, GFL's, FCOS and RetinaNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mobilecat.errors import ModelError
from mobilecat.heads import graph_head
from mobilecat.proposal.facts import Facts
from mobilecat.proposal.guess import FIVE_POINTS, LETTERBOX, Ask, Guess
from mobilecat.spec.heads import HEADS
from mobilecat.spec.otherwise import IMAGENET

P5, P7 = (8, 16, 32), (8, 16, 32, 64, 128)
IMAGENET_BGR = {
    "color": "BGR",
    "mean": [103.53, 116.28, 123.675],
    "std": [57.375, 57.12, 58.395],
}
_PRODUCT = 1e-3


def retinaface(facts: Facts) -> Guess | None:
    n = 2 * facts.cells(*P5)
    columns = {s[2]: name for name, s in facts.outputs.items() if len(s) == 3 and s[1] == n}
    if not {4, 2, 10} <= set(columns) or len(facts.outputs) != 3:
        return None
    boxes, scores = (facts.values[columns[d]].reshape(n, d) for d in (4, 2))
    upright = bool((boxes[:, 2:] > boxes[:, :2]).mean() > 0.99)
    summed = bool(np.abs(scores.sum(axis=1) - 1).max() < _PRODUCT and scores.min() >= 0)
    head = {"form": "decoded" if upright else "raw"}
    if not summed:
        head["activation"] = "softmax"
    because = f"{n} priors, two a cell of strides 8, 16 and 32, with boxes, scores and five points"
    image = {"color": "BGR", "resize": "letterbox-topleft", "mean": [104, 117, 123]}
    said = "RetinaFace", "retinaface"
    return Guess(*said, 2, because, head, image, (), ("face",), FIVE_POINTS)


def scrfd(facts: Facts) -> Guess | None:
    count = len(facts.outputs)
    strides = {6: P5, 9: P5, 10: P7, 15: P7}.get(count)
    wide = sorted({s[-1] for s in facts.outputs.values()})
    points = count in (9, 15)
    if strides is None or wide != ([1, 4, 10] if points else [1, 4]) or not fits(facts, "scrfd"):
        return None
    scores = np.concatenate(
        [v.ravel() for n, v in facts.values.items() if facts.outputs[n][-1] == 1]
    )
    squashed = scores.min() >= 0 and scores.max() <= 1
    head = {} if squashed else {"activation": "sigmoid"}
    each = "scores, distances and five points" if points else "scores and distances"
    because = f"{count} outputs: {each} at strides {', '.join(map(str, strides))}"
    image = {"resize": "letterbox-topleft", "mean": 127.5, "std": 128}
    names = FIVE_POINTS if points else ()
    return Guess("SCRFD", "scrfd", 2, because, head, image, (), ("face",), names)


def yolo5face(facts: Facts) -> Guess | None:
    """Rows of 16: not YOLOv5's of eleven classes, since points are no scores."""
    rows = [n for n, s in facts.outputs.items() if len(s) == 3 and s[2] >= 16]
    if len(rows) != 1 or facts.outputs[rows[0]][1] != 3 * facts.cells(*P5):
        return None
    values = facts.values[rows[0]][0]
    points, scores = values[:, 5:15], values[:, [4, *range(15, values.shape[1])]]
    if points.max() <= 1 or scores.min() < 0 or scores.max() > 1:
        return None
    units = "pixels" if np.abs(values[:, :4]).max() > 2 else "normalised"
    because = f"{len(values)} rows of 5 + 10 + {values.shape[1] - 15}; five columns are no scores"
    names = ("face",) if values.shape[1] == 16 else ()
    head = {"units": units, "output": rows[0]} if len(facts.outputs) > 1 else {"units": units}
    said = "YOLO5Face", "yolo5face"
    return Guess(*said, 2, because, head, LETTERBOX, (), names, FIVE_POINTS)


def gfl(facts: Facts) -> Guess | None:
    shapes = list(facts.outputs.values())
    maps = all(len(s) == 4 for s in shapes)
    one = len(shapes) == 1
    if len(shapes) not in (1, 6, 8, 10):
        return None
    families = ("gfl", "rtmdet") if maps else ("nanodet-plus",) if one else ("picodet", "nanodet")
    for family in families:
        head: dict[str, Any] = {"family": family}
        if family == "rtmdet":
            head["distances"] = "pixels"
        if one and facts.outputs[next(iter(facts.outputs))][-1] < 33:
            continue
        if fits(facts, "gfl", head) and not _distances_of(facts, family):
            options = tuple(dict.fromkeys((family, *("nanodet-plus", "picodet", "nanodet", "gfl"))))
            asks = [Ask("head.family", "whose points and bins: no shape tells", options)]
            if family == "rtmdet":
                what = "whether the network multiplies distances by the stride itself"
                asks.append(Ask("head.distances", what, ("pixels", "strides")))
            because = "scores and distances or their bins at the cells of several strides"
            image = IMAGENET if family == "picodet" else IMAGENET_BGR
            return Guess("GFL and its relatives", "gfl", 1, because, head, image, tuple(asks))
    return None


def _distances_of(facts: Facts, family: str) -> bool:
    """Return whether a family of bins would read plain distances."""
    head = HEADS["gfl"].model_validate({"kind": "gfl", "family": family, "distances": "pixels"})
    try:
        said = graph_head(head, facts.outputs, facts.size_wh).settled
    except ModelError:
        return False
    return family != "rtmdet" and "distances in" in said


def fcos(facts: Facts) -> Guess | None:
    maps = all(len(s) == 4 for s in facts.outputs.values())
    family = "mmdet" if maps else "torchvision"
    if not fits(facts, "fcos", {"family": family}):
        return None
    because = "scores, distances and centreness at strides 8 to 128"
    if TORCHVISION | {"bbox_ctrness"} == set(facts.outputs):
        because += ", under torchvision's names"
        return Guess("FCOS", "fcos", 2, because, {"family": family}, IMAGENET)
    asks = (Ask("head.family", "whose points and scores: no shape tells", _others(family, FCOS)),)
    image = IMAGENET_BGR if maps else IMAGENET
    return Guess("FCOS", "fcos", 1, because, {"family": family}, image, asks)


def retinanet(facts: Facts) -> Guess | None:
    maps = all(len(s) == 4 for s in facts.outputs.values())
    family = "mmdet" if maps else "torchvision"
    if len(facts.outputs) not in (2, 10) or not fits(facts, "retinanet", {"family": family}):
        return None
    because = "scores and deltas of nine anchors a cell at strides 8 to 128"
    if set(facts.outputs) == TORCHVISION:
        because += ", under torchvision's names"
        return Guess("RetinaNet", "retinanet", 2, because, {"family": family}, IMAGENET)
    asks = (Ask("head.family", "whose anchors: no shape tells", _others(family, RETINANET)),)
    image = IMAGENET_BGR if maps else IMAGENET
    return Guess("RetinaNet", "retinanet", 1, because, {"family": family}, image, asks)


TORCHVISION = {"cls_logits", "bbox_regression"}
"""What torchvision's heads call their outputs: keys of a dictionary, which an export keeps."""
FCOS = ("torchvision", "mmdet", "original")
RETINANET = ("torchvision", "detectron2", "mmdet")


def fits(facts: Facts, kind: str, head: Mapping[str, Any] | None = None) -> bool:
    """Return whether a head of that kind settles for the file."""
    try:
        spec = HEADS[kind].model_validate({"kind": kind, **(head or {})})
        graph_head(spec, facts.outputs, facts.size_wh, facts.anchors)
    except (ModelError, ValueError):
        return False
    return True


def _others(first: str, families: tuple[str, ...]) -> tuple[str, ...]:
    return first, *(f for f in families if f != first)
