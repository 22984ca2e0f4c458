"""Families that need no suppression: rows that are final, and queries."""

from __future__ import annotations

import numpy as np

from mobilecat.proposal.facts import Facts
from mobilecat.proposal.guess import LETTERBOX, Ask, Guess

_MOST_ROWS = 1000
_COCO = 80


def end2end(facts: Facts) -> Guess | None:
    """One output [1,N,6] of corners, score and class: YOLOv10's, and exporters' with NMS inside."""
    if len(facts.outputs) != 1:
        return None
    ((name, shape),) = facts.outputs.items()
    if len(shape) != 3 or shape[0] != 1 or shape[2] != 6 or shape[1] > _MOST_ROWS:
        return None
    rows = facts.values[name][0]
    classes = rows[:, 5]
    whole = bool(np.allclose(classes, np.round(classes)) and classes.min() >= 0)
    scored = bool(rows[:, 4].min() >= 0 and rows[:, 4].max() <= 1)
    said = facts.said("task") == "detect"
    if not scored or not (whole or said):
        return None
    because = f"{shape[1]} rows of corners, score and class"
    because += "; the file's metadata says task detect" if said else "; classes are whole numbers"
    units = "normalised" if np.abs(rows[:, :4]).max() <= 2 and not said else "pixels"
    count = len(facts.names) or max(_COCO, int(classes.max()) + 1)
    head = {"form": "rows", "units": units, "classes": count}
    ask = Ask("head.classes", "how many classes it knows: no shape tells", (count,))
    asks = () if facts.names else (ask,)
    return Guess("YOLO end to end", "end2end", 3 if said else 2, because, head, LETTERBOX, asks)


def detr(facts: Facts) -> Guess | None:
    """Logits and boxes in shares, one a query."""
    shapes = list(facts.outputs.items())
    if len(shapes) != 2 or any(len(s) != 3 or s[0] != 1 for _, s in shapes):
        return None
    boxes = [n for n, s in shapes if s[2] == 4]
    logits = [n for n, s in shapes if s[2] != 4]
    if len(boxes) != 1 or len(logits) != 1 or facts.outputs[boxes[0]][1] > _MOST_ROWS:
        return None
    count, width = facts.outputs[logits[0]][1:]
    box, values = facts.values[boxes[0]], facts.values[logits[0]]
    shares = box.min() >= -1e-3 and box.max() <= 1 + 1e-3
    if count != facts.outputs[boxes[0]][1] or not shares or values.min() >= 0:
        return None
    because = f"{count} queries of {width} logits and a box in 0..1"
    likely = ("sigmoid", "softmax") if width == _COCO else ("softmax", "sigmoid")
    asks = (Ask("head.activation", "sigmoid (RT-DETR, D-FINE, RF-DETR) or softmax (DETR)", likely),)
    return Guess("DETR", "detr", 1, because, {"activation": likely[0]}, {"range": [0, 1]}, asks)
