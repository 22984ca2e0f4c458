"""YOLO5Face in numpy, decoded or from raw maps, cell by cell."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, sigmoid, table
from mobilecat.spec.heads import Yolo5FaceHead

OWN = [
    [(4, 5), (8, 10), (13, 16)],
    [(23, 29), (43, 55), (73, 105)],
    [(146, 217), (231, 300), (335, 433)],
]


def decode(spec: Yolo5FaceHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """A row: centre x, y, width, height, objectness, points x, y, classes."""
    least = 5 + 2 * spec.points
    rows_there = any(a.ndim == 3 for a in outputs.values())
    if spec.form == "maps" or (spec.form is None and not rows_there):
        rows = _from_maps(spec, outputs, size_wh)
    else:
        rows = table(outputs[pick(outputs, spec.output, lambda a: a.shape[-1] > least)])
        if spec.units == "normalised":
            rows[:, 0:4] *= [*size_wh, *size_wh]
            rows[:, 5:least] *= [*size_wh] * spec.points
    rows[:, 2:4] = np.maximum(rows[:, 2:4], 0)
    scores = rows[:, 4:5] * rows[:, least:]
    return Candidates(
        from_centres(*rows[:, :4].T), scores[None], {"landmarks": rows[None, :, 5:least]}
    )


def _from_maps(spec: Yolo5FaceHead, outputs: Arrays, size_wh: tuple[int, int]) -> Array:
    width, height = size_wh
    sided = []
    for raw in outputs.values():
        raw = raw[0] if raw.shape[0] == 1 else raw
        for lies in ("Ahwc", "hwAc", "Dhw", "hwD"):
            at = lies.index("h")
            rows, cols = raw.shape[at : at + 2] if len(lies) == raw.ndim else (0, 1)
            if rows * width == cols * height and width % cols == 0:
                sided.append((width // cols, lies, raw.astype(np.float64)))
                break
    found = []
    for (stride, lies, raw), sides in zip(
        sorted(sided, key=lambda s: s[0]), spec.anchors or OWN, strict=True
    ):
        a = len(sides)
        if lies == "Dhw":
            raw, lies = raw.reshape(a, -1, *raw.shape[1:]).transpose(0, 2, 3, 1), "Ahwc"
        if lies == "hwD":
            raw, lies = raw.reshape(*raw.shape[:2], a, -1), "hwAc"
        for index in np.ndindex(raw.shape[:3]):
            of = dict(zip(lies, index, strict=False))
            found.append(_row(raw[index], of["w"], of["h"], stride, sides[of["A"]], spec.points))
    return np.array(found)


def _row(
    t: Array, col: int, row: int, stride: int, anchor: tuple[float, float], count: int
) -> Array:
    made = t.copy()
    made[0:5] = sigmoid(t[0:5])
    made[5 + 2 * count :] = sigmoid(t[5 + 2 * count :])
    cell = np.array([col, row])
    made[0:2] = (2 * made[0:2] - 0.5 + cell) * stride
    made[2:4] = (2 * made[2:4]) ** 2 * np.array(anchor)
    for k in range(5, 5 + 2 * count, 2):
        made[k : k + 2] = t[k : k + 2] * np.array(anchor) + cell * stride
    return made
