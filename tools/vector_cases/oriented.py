"""Boxes turned about their centres: corners as complex numbers, overlaps by hand and by OpenCV."""

from __future__ import annotations

import cmath
import math
from typing import Any

import cv2
import numpy as np

from vector_cases.form import Cases, case, refused

QUARTER = math.pi / 2
WIDE = [10, 20, 30, 26]  # centre (20, 23), 20 by 6


def corners_of(box: list[float], angle: float) -> list[list[float]]:
    """Return top-left, top-right, bottom-right, bottom-left, each turned about the centre."""
    x1, y1, x2, y2 = box
    middle = complex(x1 + x2, y1 + y2) / 2
    ways = (complex(x, y) - middle for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2)))
    turned = (middle + way * cmath.exp(1j * angle) for way in ways)
    return [[z.real, z.imag] for z in turned]


def corner_cases() -> list[Any]:
    by_hand = [
        ("upright", WIDE, 0, [[10, 20], [30, 20], [30, 26], [10, 26]]),
        ("a quarter turn, clockwise", WIDE, QUARTER, [[23, 13], [23, 33], [17, 33], [17, 13]]),
        ("the other way", WIDE, -QUARTER, [[17, 33], [17, 13], [23, 13], [23, 33]]),
        ("3-4-5", WIDE, math.atan2(3, 4), [[13.8, 14.6], [29.8, 26.6], [26.2, 31.4], [10.2, 19.4]]),
        ("without area", [5, 5, 5, 5], 1, [[5, 5]] * 4),
    ]
    made = [case(n, {"boxes": [b], "angles": [a]}, [c]) for n, b, a, c in by_hand]
    rng = np.random.default_rng(0)
    low = rng.uniform(-40, 40, (6, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 60, (6, 2))], axis=1).tolist()
    angles = rng.uniform(-7, 7, 6).tolist()
    want = [corners_of(b, a) for b, a in zip(boxes, angles, strict=True)]
    return [
        *made,
        case("six of any angle", {"boxes": boxes, "angles": angles}, want),
        case("none", {"boxes": [], "angles": []}, []),
        refused("an angle too few", {"boxes": [WIDE, WIDE], "angles": [0]}),
    ]


def frame_cases() -> list[Any]:
    """Every way that a picture can lie: what an angle becomes, by hand."""
    ways = {
        "as it is": ([1, 0, 0, 0, 1, 0], 1),
        "half the size, moved": ([0.5, 0, 3, 0, 0.5, -7], 1),
        "mirrored": ([-1, 0, 100, 0, 1, 0], -1),
        "upside down": ([1, 0, 0, 0, -1, 80], -1),
        "a quarter turn": ([0, -1, 80, 1, 0, 0], 1),
        "three quarters, twice the size": ([0, 2, 0, -2, 0, 200], 1),
        "transposed": ([0, 1, 0, 1, 0, 0], -1),
        "half a turn": ([-1, 0, 100, 0, -1, 80], 1),
        "the other diagonal": ([0, -1, 80, -1, 0, 100], -1),
    }
    made: list[Any] = []
    for name, (m, sign) in ways.items():
        a, b, tx, c, d, ty = m
        ends = [(a * x + b * y + tx, c * x + d * y + ty) for x, y in ((10, 20), (30, 26))]
        (x1, y1), (x2, y2) = ends
        box = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
        args = {"map": m, "boxes": [WIDE], "angles": [0.7]}
        made.append(case(name, args, [[*box, sign * 0.7]]))
    return made


def _pair(a: Any, b: Any) -> dict[str, Any]:
    return {"a_boxes": [a[0]], "a_angles": [a[1]], "b_boxes": [b[0]], "b_angles": [b[1]]}


def iou_cases() -> list[Any]:
    square = [0, 0, 2, 2]
    octagon = 8 * (math.sqrt(2) - 1)
    half, far = [5, 0, 15, 10], [100, 0, 110, 10]
    hand = [
        ("the same", (WIDE, 0.3), (WIDE, 0.3), 1),
        ("turned by π", (WIDE, 0.3), (WIDE, 0.3 + math.pi), 1),
        ("its sides exchanged", (WIDE, 0.3), ([17, 13, 23, 33], 0.3 + QUARTER), 1),
        ("a square turned by 45°", (square, 0), (square, math.pi / 4), octagon / (8 - octagon)),
        ("across", (WIDE, 0.2), (WIDE, 0.2 + QUARTER), 36 / 204),
        ("upright, a third", ([0, 0, 10, 10], 0), (half, 0), 1 / 3),
        ("touching", ([0, 0, 10, 10], 0), ([10, 0, 20, 10], 0), 0),
        ("apart", ([0, 0, 10, 10], 1), (far, 2), 0),
        ("extents touch, boxes do not", ([0, 0, 40, 2], 0.7), ([30, -20, 34, -16], 0), 0),
        ("no area", ([3, 3, 3, 9], 0.5), ([3, 3, 3, 9], 0.5), 0),
    ]
    made = [case(name, _pair(a, b), [[value]]) for name, a, b, value in hand]
    for seed in range(4):
        args = _crowd(seed, 5)
        made.append(case(f"a crowd, seed {seed}, by OpenCV", args, _opencv(args), 1e-3))
    return made


def _crowd(seed: int, n: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    low, size = rng.uniform(0, 20, (2 * n, 2)), rng.uniform(6, 40, (2 * n, 2))
    boxes = np.round(np.concatenate([low, low + size], axis=1), 3).tolist()
    angles = np.round(rng.uniform(-3, 3, 2 * n), 4).tolist()
    return {"a_boxes": boxes[:n], "a_angles": angles[:n],
            "b_boxes": boxes[n:], "b_angles": angles[n:]}  # fmt: skip


def _opencv(args: dict[str, Any]) -> list[list[float]]:
    def rectangle(box: list[float], angle: float) -> Any:
        x1, y1, x2, y2 = box
        return ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1), math.degrees(angle)

    rows = []
    for a in zip(args["a_boxes"], args["a_angles"], strict=True):
        row = []
        for b in zip(args["b_boxes"], args["b_angles"], strict=True):
            _, points = cv2.rotatedRectangleIntersection(rectangle(*a), rectangle(*b))
            shared = 0.0 if points is None else cv2.contourArea(cv2.convexHull(points))
            areas = [(x[0][2] - x[0][0]) * (x[0][3] - x[0][1]) for x in (a, b)]
            row.append(shared / (sum(areas) - shared))
        rows.append(row)
    return rows


def _by_the_paper(p: Any, q: Any) -> float:
    """Return ProbIoU in the paper's own letters: variances a, b, covariance c of each box."""

    def letters(box: list[float], angle: float) -> tuple[float, ...]:
        x1, y1, x2, y2 = box
        w, h, r = x2 - x1, y2 - y1, angle
        a = w * w / 12 * math.cos(r) ** 2 + h * h / 12 * math.sin(r) ** 2
        b = w * w / 12 * math.sin(r) ** 2 + h * h / 12 * math.cos(r) ** 2
        c = (w * w / 12 - h * h / 12) * math.sin(2 * r) / 2
        return (x1 + x2) / 2, (y1 + y2) / 2, a, b, c

    x1, y1, a1, b1, c1 = letters(*p)
    x2, y2, a2, b2, c2 = letters(*q)
    below = (a1 + a2) * (b1 + b2) - (c1 + c2) ** 2
    first = ((a1 + a2) * (y1 - y2) ** 2 + (b1 + b2) * (x1 - x2) ** 2) / below / 4
    second = (c1 + c2) * (x2 - x1) * (y1 - y2) / below / 2
    third = math.log(below / (4 * math.sqrt((a1 * b1 - c1**2) * (a2 * b2 - c2**2)))) / 2
    return 1 - math.sqrt(max(0.0, 1 - math.exp(-(first + second + third))))


def probiou_cases() -> list[Any]:
    box, away = [0, 0, 12, 4], [3, 0, 15, 4]
    along = 1 - math.sqrt(1 - math.exp(-3 * 9 / (2 * 144)))  # B = 3d²/(2w²)
    made = [
        case("the same", _pair((box, 0.4), (box, 0.4)), [[1]], 1e-6),
        case("along its side", _pair((box, 0), (away, 0)), [[along]]),
        case("no area", _pair(([1, 1, 1, 5], 0), (box, 0)), [[0]]),
    ]
    for seed in range(3):
        args = _crowd(seed + 20, 4)
        a = list(zip(args["a_boxes"], args["a_angles"], strict=True))
        b = list(zip(args["b_boxes"], args["b_angles"], strict=True))
        want = [[_by_the_paper(p, q) for q in b] for p in a]
        made.append(case(f"a crowd, seed {seed}, in the paper's letters", args, want))
    return made


def select_cases() -> list[Any]:
    """What is kept where boxes are turned, or where nothing is suppressed: rows and classes."""

    def args(boxes: Any, scores: Any, **more: Any) -> dict[str, Any]:
        plain = {
            "score_threshold": 0.25,
            "iou_threshold": 0.3,
            "max_detections": 10,
            "per_class": True,
            "selection": "nms",
            "overlap": "iou",
            "angles": None,
        }
        return {"boxes": boxes, "scores": scores, **plain, **more}

    alike = [WIDE, WIDE]
    two = [[0.6, 0.1], [0.7, 0.2]]
    across = {"angles": [0.2, 0.2 + QUARTER]}  # 36 of 204 shared; ProbIoU .246
    free = {"iou_threshold": 1, "per_class": False}
    rows = [[0.5, 0.9, 0.1], [0.9, 0.3, 0.2], [0.2, 0.1, 0.05]]
    near = [[0, 0, 12, 4], [6, 0, 18, 4]]  # IoU 1/3, ProbIoU .440
    return [
        case("upright, the better", args(alike, two), [[1, 0]]),
        case("polygons across each other", args(alike, two, overlap="polygon", **across),
             [[1, 0], [0, 0]]),
        case("below the IoU that they have", args(alike, two, overlap="polygon", iou_threshold=0.17,
             **across), [[1, 0]]),
        case("turned by π: the same", args(alike, two, overlap="polygon",
             angles=[0.2, 0.2 + math.pi]), [[1, 0]]),
        case("another class, turned", args(alike, [[0.6, 0.1], [0.2, 0.7]], overlap="polygon",
             angles=[0.2, 0.2]), [[1, 1], [0, 0]]),
        case("unless they compete", args(alike, [[0.6, 0.1], [0.2, 0.7]], overlap="polygon",
             per_class=False, angles=[0.2, 0.2]), [[1, 1]]),
        case("as polygons a third", args(near, two, overlap="polygon", iou_threshold=0.4,
             angles=[0, 0]), [[1, 0], [0, 0]]),
        case("as Gaussians more", args(near, two, overlap="probiou", iou_threshold=0.4,
             angles=[0, 0]), [[1, 0]]),
        case("best: every row once", args([WIDE] * 3, rows, selection="best", **free),
             [[0, 1], [1, 0]]),
        case("best, no more than one", args([WIDE] * 3, rows, selection="best", max_detections=1,
             **free), [[0, 1]]),
        case("pairs: a row twice", args([WIDE] * 3, rows, selection="pairs", **free),
             [[0, 1], [1, 0], [0, 0], [1, 1]]),
        case("pairs, ties by row and class", args(alike, [[0.5, 0.5], [0.5, 0.1]],
             selection="pairs", **free), [[0, 0], [0, 1], [1, 0]]),
        case("pairs, no more than two", args([WIDE] * 3, rows, selection="pairs", max_detections=2,
             **free), [[0, 1], [1, 0]]),
    ]  # fmt: skip


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {
        "turned_corners": corner_cases(),
        "turned_in_frame": frame_cases(),
        "turned_iou": iou_cases(),
        "probiou": probiou_cases(),
        "select_candidates": select_cases(),
    }
