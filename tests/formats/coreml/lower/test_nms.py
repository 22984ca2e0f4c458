"""`mobilecat::NMS` in every layout Core ML has for it: worked by hand, then by brute force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.formats.coreml.lower.graphs import nms_model
from tests.formats.coreml.lower.harness import compiled, run_artifact

TARGETS = [
    ("mlpackage", "iOS15"),
    ("mlpackage", "iOS16"),
    ("mlpackage", "iOS17"),
    ("mlpackage", "iOS18"),
    ("mlmodel", "iOS14"),
]

A = [0, 0, 10, 20]
A_HALF = [0, 0, 10, 10]  # inside A, IoU exactly 1/2
A_SHIFTED = [1, 2, 11, 22]  # IoU with A: 9·18 / (2·200 − 162) = 162/238 = 0.68
FAR = [40, 8, 70, 16]


@dataclass(frozen=True)
class NmsCase:
    """boxes [N,4] xyxy and scores [N,C] in, the indices kept and their classes out, by hand."""

    name: str
    boxes: list[list[float]]
    scores: list[list[float]]
    indices: list[int]
    class_ids: list[int]
    score_threshold: float = 0.25
    iou_threshold: float = 0.5
    max_detections: int = 4
    per_class: int = 0

    def __str__(self) -> str:
        return self.name


CASES = [
    NmsCase("best first", [FAR, A], [[0.5], [0.75]], [1, 0], [0, 0]),
    NmsCase("overlap goes", [A, A_SHIFTED, FAR], [[0.5], [0.75], [0.3]], [1, 2], [0, 0]),
    NmsCase("IoU exactly at the threshold stays", [A, A_HALF], [[0.75], [0.5]], [0, 1], [0, 0]),
    NmsCase("IoU above it goes", [A, A_HALF], [[0.75], [0.5]], [0], [0], iou_threshold=0.49),
    NmsCase("score exactly at the threshold goes", [A, FAR], [[0.25], [0.5]], [1], [0]),
    NmsCase("nothing survives", [A, FAR], [[0.25], [0.125]], [], []),
    NmsCase("a tie goes to the lower index", [A, A_SHIFTED], [[0.5], [0.5]], [0], [0]),
    NmsCase("a tie keeps its order", [FAR, A], [[0.5], [0.5]], [0, 1], [0, 0]),
    NmsCase(
        "no more than asked for",
        [FAR, A, [200, 9, 220, 19]],
        [[0.5], [0.75], [0.625]],
        [1, 2],
        [0, 0],
        max_detections=2,
    ),
    NmsCase("another class suppresses too", [A, A_SHIFTED], [[0.75, 0.0], [0.0, 0.5]], [0], [0]),
    NmsCase(
        "unless per class", [A, A_SHIFTED], [[0.75, 0.0], [0.0, 0.5]], [0, 1], [0, 1], per_class=1
    ),
    NmsCase(
        "the same class does, per class",
        [A, A_SHIFTED, FAR],
        [[0.1, 0.75], [0.2, 0.5], [0.0, 0.3]],
        [0, 2],
        [1, 1],
        per_class=1,
    ),
    NmsCase("first of equal classes", [A], [[0.1, 0.5, 0.5]], [0], [1]),
    NmsCase("more room than boxes", [A], [[0.5]], [0], [0], max_detections=7),
    NmsCase("threshold zero", [A, FAR], [[0.0], [0.001]], [1], [0], score_threshold=0.0),
]


def run_nms(
    boxes: np.ndarray, scores: np.ndarray, target: tuple[str, str], tmp_path: Path, **attrs: float
) -> dict[str, np.ndarray]:
    format, deployment = target
    model = nms_model(len(boxes), scores.shape[1], **attrs)
    artifact = compiled(model, tmp_path, format, deployment_target=deployment)
    return run_artifact(artifact, {"boxes_in": boxes[None], "scores_in": scores[None]})


def padded(rows: np.ndarray, k: int) -> np.ndarray:
    return np.concatenate([rows, np.zeros((k - len(rows), *rows.shape[1:]), rows.dtype)])[None]


@pytest.mark.parametrize("target", TARGETS, ids="-".join)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_by_hand(case: NmsCase, target: tuple[str, str], tmp_path: Path) -> None:
    boxes, scores = np.float32(case.boxes), np.float32(case.scores)
    got = run_nms(
        boxes,
        scores,
        target,
        tmp_path,
        score_threshold=case.score_threshold,
        iou_threshold=case.iou_threshold,
        max_detections=case.max_detections,
        per_class=case.per_class,
    )
    k = case.max_detections
    np.testing.assert_array_equal(got["count"], [len(case.indices)])
    np.testing.assert_array_equal(got["indices"], padded(np.array(case.indices, int), k))
    np.testing.assert_array_equal(got["class_ids"], padded(np.array(case.class_ids, int), k))
    np.testing.assert_array_equal(got["boxes"], padded(boxes[case.indices].reshape(-1, 4), k))
    best = scores[case.indices].reshape(-1, scores.shape[1]).max(axis=1)
    np.testing.assert_array_equal(got["scores"], padded(best, k))


def greedy(
    boxes: np.ndarray, scores: np.ndarray, iou_threshold: float, per_class: bool
) -> list[int]:
    """Brute force in float64, one pair at a time."""
    best, classes = scores.max(axis=1), scores.argmax(axis=1)
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-best[i], i)):
        if best[i] <= 0.3:
            continue
        for j in kept:
            x0, y0 = np.maximum(boxes[i, :2], boxes[j, :2])
            x1, y1 = np.minimum(boxes[i, 2:], boxes[j, 2:])
            both = max(x1 - x0, 0) * max(y1 - y0, 0)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j])]
            same = classes[i] == classes[j] or not per_class
            if same and both / (sum(areas) - both) > iou_threshold:
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("target", TARGETS, ids="-".join)
@pytest.mark.parametrize("per_class", [0, 1])
def test_by_brute_force(per_class: int, target: tuple[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 60, (80, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (80, 2))], axis=1).astype(
        np.float32
    )
    scores = rng.random((80, 3), dtype=np.float32)
    want = greedy(boxes.astype(np.float64), scores, 0.4, bool(per_class))
    got = run_nms(
        boxes,
        scores,
        target,
        tmp_path,
        score_threshold=0.3,
        iou_threshold=0.4,
        max_detections=64,
        per_class=per_class,
    )
    assert 5 < len(want) < 64
    assert got["count"].item() == len(want)
    np.testing.assert_array_equal(got["indices"][0, : len(want)], want)
