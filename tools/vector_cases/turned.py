"""Turned crops along lines of 3, 4, 5: by vectors along the crop's own sides, in whole fractions.

No sine, cosine or matrix: `right` and `down` are the crop's unit vectors in the image, of which one
is the line between the two landmarks, and every point is a sum of shares of them.
"""

from __future__ import annotations

import math
from fractions import Fraction as F
from typing import Any

from vector_cases.form import Cases, case, refused

RULE = {
    "grow": 0, "grow_by": "longer-side", "square": True, "rounding": "none", "edge": "pad",
    "scale": 2.6, "shift": [0, -0.5],
    "rotation": {"start": 0, "end": 2, "target_degrees": 90, "about": "box"},
}  # fmt: skip
BOX, WH, MODEL = [100, 60, 140, 110], [400, 300], [224, 192]
MARKS = [[0, 0], [112, 96], [224, 48], [56, 192]]
# Where the line points → the line itself. Up and to the right, right, down, left and up, …
LINES = {
    "up": (0, -1), "right": (1, 0), "down": (0, 1), "left": (-1, 0),
    "up right": (F(3, 5), F(-4, 5)), "down right": (F(4, 5), F(3, 5)),
    "down left": (F(-3, 5), F(4, 5)), "up left": (F(-4, 5), F(-3, 5)),
}  # fmt: skip


def turned_cases() -> Cases:
    out: Cases = {"turned_crop": []}

    def add(name: str, line: Any, length: int = 25, **changed: Any) -> None:
        rotation = {**RULE["rotation"], **changed.pop("rotation", {})}  # type: ignore[dict-item]
        rule = {**RULE, **changed, "rotation": rotation}
        start = (F(118), F(104))
        end = (start[0] + length * line[0], start[1] + length * line[1])
        args = {
            "box_xyxy": BOX, "image_wh": WH, "model_wh": MODEL, "rule": rule,
            "points_xy": [start, (7, 9), end], "landmarks_xy": MARKS,
        }  # fmt: skip
        out["turned_crop"].append(case(name, args, _by_hand(rule, start, line, length), 1e-7))

    for name, line in LINES.items():
        add(f"palm {name}", line)
        add(f"eyes {name}", line, rotation={"target_degrees": 0}, scale=1.5, shift=[0, 0])
    add("pose", LINES["up right"], 55, rotation={"about": "points"}, scale=1.25, shift=[0, 0])
    add("pose shifted", LINES["down left"], 55, rotation={"about": "points"}, shift=[0.125, -0.5])
    add("both shifts, not square", LINES["up left"], square=False, shift=[0.25, -0.375], scale=1.5)
    add("grown, own sides", LINES["down right"], square=False, grow=0.25, grow_by="own-side")
    add("grown, longer side", LINES["up right"], square=False, grow=0.25, scale=1, shift=[0.5, 0])
    add("the line points left", LINES["up right"], rotation={"target_degrees": 180})
    add("the line points down", LINES["up right"], rotation={"target_degrees": -90})
    whole = {
        "box_xyxy": BOX, "image_wh": WH, "model_wh": MODEL, "rule": RULE,
        "points_xy": [[118, 104], [7, 9], [118, 79]], "landmarks_xy": MARKS,
    }  # fmt: skip
    wrong = {
        "a landmark too few": {"points_xy": [[118, 104], [7, 9]]},
        "no points": {"points_xy": []},
        "an inverted box": {"box_xyxy": [140, 60, 100, 110]},
        "truncated": {"rule": {**RULE, "rounding": "truncate"}},
        "clipped": {"rule": {**RULE, "edge": "clip"}},
        "no scale": {"rule": {**RULE, "scale": 0}},
        "one landmark": {"rule": {**RULE, "rotation": {**RULE["rotation"], "end": 0}}},  # type: ignore[dict-item]
        "a landmark before the first": {
            "rule": {**RULE, "rotation": {**RULE["rotation"], "start": -1}}  # type: ignore[dict-item]
        },
        "about nothing": {
            "rule": {**RULE, "rotation": {**RULE["rotation"], "about": "points"}},  # type: ignore[dict-item]
            "points_xy": [[118, 104], [7, 9], [118, 104]],
        },
    }
    out["turned_crop"] += [refused(name, {**whole, **args}) for name, args in wrong.items()]
    return out


def _by_hand(rule: dict[str, Any], start: Any, line: Any, length: int) -> dict[str, Any]:
    target = rule["rotation"]["target_degrees"]
    # The line is `target` anticlockwise of the crop's right: turn it back by quarters.
    right = {0: line, 90: (-line[1], line[0]), 180: (-line[0], -line[1]), -90: (line[1], -line[0])}[
        target
    ]
    down = (-right[1], right[0])
    x1, y1, x2, y2 = map(F, BOX)
    if rule["rotation"]["about"] == "points":
        x1, y1, x2, y2 = (start[0] - length, start[1] - length, start[0] + length,
                          start[1] + length)  # fmt: skip
    w, h = x2 - x1, y2 - y1
    grow, scale = F(rule["grow"]), F(str(rule["scale"]))
    own = rule["grow_by"] == "own-side"
    sides = [w + 2 * grow * (w if own else max(w, h)), h + 2 * grow * (h if own else max(w, h))]
    if rule["square"]:
        sides = [max(sides)] * 2
    sides = [side * scale for side in sides]
    over, under = F(rule["shift"][0]) * w, F(rule["shift"][1]) * h
    centre = [(a + b) / 2 + over * right[i] + under * down[i]
              for i, (a, b) in enumerate(((x1, x2), (y1, y2)))]  # fmt: skip

    def at(u: Any, v: Any) -> list[Any]:
        """u, v: shares of the crop's sides from its middle."""
        return [centre[i] + u * sides[0] * right[i] + v * sides[1] * down[i] for i in (0, 1)]

    half = F(1, 2)
    # Clockwise from the image's right to the crop's; the two half turns are one angle, −π.
    angle = math.atan2(right[1], right[0])
    return {
        "angle": -math.pi if angle >= math.pi else angle,
        "corners_xy": [at(-half, -half), at(half, -half), at(half, half), at(-half, half)],
        "landmarks_xy": [at(F(x, MODEL[0]) - half, F(y, MODEL[1]) - half) for x, y in MARKS],
    }


RAMP = [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110]]  # 10·column + 40·row


def bilinear_cases() -> Cases:
    """A 4×3 ramp: (x, y) is 10·(x − ½) + 40·(y − ½), but for the outermost half pixel."""
    out: Cases = {"bilinear": []}

    def add(name: str, map6: Any, model_wh: Any, expect: Any, pad: int = 7) -> None:
        args = {"pixels": RAMP, "image_from_model": map6, "model_wh": model_wh, "pad": pad}
        out["bilinear"].append(case(name, args, expect, 0))

    add("as it is", [1, 0, 0, 0, 1, 0], [4, 3], RAMP)
    add("quarter of a pixel right", [1, 0, 0.25, 0, 1, 0], [3, 1], [[3, 13, 23]])  # 2.5 up, …
    add("half a pixel down", [1, 0, 0, 0, 1, 0.5], [4, 3],
        [[20, 30, 40, 50], [60, 70, 80, 90], [7] * 4])  # fmt: skip
    # Within the outermost half pixel the edge's own: x at ¼ is column 0, y at 2¾ is row 2.
    add("the edge", [1, 0, -0.25, 0, 1, 0.25], [5, 3],
        [[10, 18, 28, 38, 7], [50, 58, 68, 78, 7], [80, 88, 98, 108, 7]])  # fmt: skip
    add("outside", [1, 0, -1, 0, 1, -1], [3, 2], [[0, 0, 0], [0, 0, 10]], 0)
    # (x, y) of the model looks at (4 − y, x): the picture turned a quarter anticlockwise
    add("a quarter turn", [0, -1, 4, 1, 0, 0], [3, 4],
        [[30, 70, 110], [20, 60, 100], [10, 50, 90], [0, 40, 80]])  # fmt: skip
    add("twice as large", [0.5, 0, 0, 0, 0.5, 0], [4, 2], [[0, 3, 8, 13], [10, 13, 18, 23]])
    add("half as large, not averaged", [2, 0, 0, 0, 2, 0], [2, 1], [[25, 45]])
    # Along 3, 4, 5 about (2, 1.5): u, v of a centre from (1, 1) → (.8u − .6v + 2, .6u + .8v + 1.5)
    turn = [F(4, 5), F(-3, 5), 2 - F(4, 5) + F(3, 5), F(3, 5), F(4, 5), F(3, 2) - F(7, 5)]
    # (1.9, .8): 14 + 12; (2.7, 1.4): 22 + 36; (1.3, 1.6): 8 + 44; (2.1, 2.2): 16 + 68
    add("turned by 3, 4, 5", turn, [2, 2], [[26, 58], [52, 84]])
    out["bilinear"] += [
        refused("a pad beyond a byte", {"pixels": RAMP, "image_from_model": [1, 0, 0, 0, 1, 0],
                "model_wh": [2, 2], "pad": 256}),
        refused("half a pixel wide", {"pixels": RAMP, "image_from_model": [1, 0, 0, 0, 1, 0],
                "model_wh": [2.5, 2], "pad": 0}),
    ]  # fmt: skip
    return out


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {**turned_cases(), **bilinear_cases()}
