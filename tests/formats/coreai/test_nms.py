"""The suppression without a loop, in Apple's interpreter: by hand, by brute force, by the flag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.formats.coreai import write_coreai
from mobilecat.formats.coreai.lower import nms as lowered
from mobilecat.heads.reference.nms import suppress
from mobilecat.spec import NmsSpec
from tests.formats.coreai.apple import Apple
from tests.formats.tflite.lower.test_nms import CASES, Case, nms_model, spec


def run(
    apple: Apple, folder: Path, boxes: np.ndarray, scores: np.ndarray, nms: NmsSpec
) -> dict[str, np.ndarray]:
    path = folder / "nms.aimodel"
    model = nms_model(boxes.shape[0], scores.shape[1], nms)
    assert write_coreai(model, path).outputs[-1] == "settled"
    return apple.run(path, {"boxes_in": boxes[None], "scores_in": scores[None]})


def expected(boxes: np.ndarray, scores: np.ndarray, nms: NmsSpec) -> list[int]:
    with np.errstate(invalid="ignore"):
        return suppress(
            boxes,
            scores,
            np.float32(nms.score_threshold),
            np.float32(nms.iou_threshold),
            nms.max_detections,
            nms.per_class,
        )


def holds(found: dict, boxes: np.ndarray, scores: np.ndarray, kept: list[int], room: int) -> None:
    count = len(kept)
    assert found["count"].dtype == np.int32 and found["count"].tolist() == [count]
    wanted = {
        "nms/indices": np.array(kept, np.int32),
        "class_ids": scores[kept].argmax(axis=1).astype(np.int32),
        "scores": scores[kept].max(axis=1),
        "boxes": boxes[kept],
    }
    for name, rows in wanted.items():
        have = found[name]
        assert have.dtype == rows.dtype and have.shape == (1, room, *rows.shape[1:])
        np.testing.assert_array_equal(have[0, :count], rows, err_msg=name)
        assert not have[0, count:].any(), name


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_by_hand(apple: Apple, case: Case, tmp_path: Path) -> None:
    boxes, scores = np.float32(case.boxes), np.float32(case.scores)
    found = run(apple, tmp_path, boxes, scores, case.nms)
    assert found["settled"].tolist() == [1]
    holds(found, boxes, scores, case.kept, case.nms.max_detections)


@pytest.mark.parametrize("seed", range(16))
def test_by_brute_force(apple: Apple, seed: int, tmp_path: Path) -> None:
    """Boxes on a coarse grid, scores in eighths: ties, equal boxes, IoUs at the threshold."""
    rng = np.random.default_rng(seed)
    count, classes = int(rng.integers(1, 60)), int(rng.choice([1, 2, 5]))
    corner = rng.integers(0, 9, (count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(0, 7, (count, 2))], 1).astype(np.float32)
    scores = (rng.integers(0, 9, (count, classes)) / 8).astype(np.float32)
    nms = spec(
        score=float(rng.choice([0.0, 0.25, 0.9])),
        iou=float(rng.choice([0.0, 0.25, 0.5, 1.0])),
        kept=int(rng.integers(1, 30)),
        per_class=bool(rng.integers(0, 2)),
    )
    found = run(apple, tmp_path, boxes, scores, nms)
    assert found["settled"].tolist() == [1]
    holds(found, boxes, scores, expected(boxes, scores, nms), nms.max_detections)


def test_no_number_is_no_detection(apple: Apple, tmp_path: Path) -> None:
    """A score of NaN is above no threshold; a box of NaN overlaps nothing."""
    tall = [0, 0, 10, 20]
    boxes = np.float32([tall, [np.nan] * 4, tall, [100, 0, 140, 30]])
    scores = np.float32([[0.9], [0.8], [0.6], [np.nan]])
    found = run(apple, tmp_path, boxes, scores, spec(kept=6))
    assert found["count"].tolist() == [2]
    np.testing.assert_array_equal(found["nms/indices"][0], [0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found["boxes"][0, :2], boxes[:2])


def chain(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes each of which overlaps the next, and only that; falling scores. Every second
    one is kept."""
    left = 6.0 * np.arange(length)
    boxes = np.stack([left, np.zeros(length), left + 10, np.full(length, 10.0)], 1)
    return boxes.astype(np.float32), np.linspace(0.9, 0.5, length, dtype=np.float32)[:, None]


def test_a_chain_that_is_too_long_is_told(apple: Apple, tmp_path: Path) -> None:
    """The n-th box of a chain is decided in the n-th round."""
    nms = spec(iou=0.2, kept=60)
    for length, settled in ((lowered.ROUNDS - 1, 1), (2 * lowered.ROUNDS, 0)):
        boxes, scores = chain(length)
        folder = tmp_path / str(length)
        folder.mkdir()
        found = run(apple, folder, boxes, scores, nms)
        assert found["settled"].tolist() == [settled]
        kept = expected(boxes, scores, nms)
        assert kept == list(range(0, length, 2))
        if settled:
            holds(found, boxes, scores, kept, 60)
        else:
            assert found["count"][0] != len(kept)


@pytest.mark.parametrize(
    ("above", "kept", "settled"),
    [(lowered.CANDIDATES, 40, 1), (lowered.CANDIDATES + 1, 40, 1), (lowered.CANDIDATES + 1, 70, 0)],
)
def test_more_boxes_than_can_compete_are_told(
    apple: Apple, above: int, kept: int, settled: int, tmp_path: Path
) -> None:
    """64 places, each with many equal boxes: where 64 results are not enough, the boxes that were
    left out could have been among them."""
    rng = np.random.default_rng(above)
    place = np.arange(1200) % 64
    left = 100.0 * place
    boxes = np.stack([left, left, left + 50, left + 50], 1).astype(np.float32)
    scores = np.full((1200, 1), 0.1, np.float32)
    scores[rng.permutation(1200)[:above], 0] = 0.5 + 0.4 * rng.random(above)
    nms = spec(iou=0.5, kept=kept)
    found = run(apple, tmp_path, boxes, scores, nms)
    assert found["settled"].tolist() == [settled]
    if settled:
        holds(found, boxes, scores, expected(boxes, scores, nms), kept)


def test_25200_boxes_of_80_classes(apple: Apple, tmp_path: Path) -> None:
    """YOLOv5's number, on a picture with many objects."""
    rng = np.random.default_rng(5)
    centre = rng.uniform(0, 640, (25200, 2))
    size = rng.uniform(8, 90, (25200, 2))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1).astype(np.float32)
    scores = (rng.random((25200, 80)) ** 40 * 0.2).astype(np.float32)
    scores[rng.permutation(25200)[:900], rng.integers(0, 80, 900)] = rng.uniform(0.3, 1, 900)
    nms = spec(score=0.25, iou=0.45, kept=300, per_class=True)
    found = run(apple, tmp_path, boxes, scores, nms)
    assert found["settled"].tolist() == [1]
    holds(found, boxes, scores, expected(boxes, scores, nms), 300)
    size_of_file = (tmp_path / "nms.aimodel" / "main.mlirb").stat().st_size
    assert size_of_file < 200_000  # no table of pairs lies in the file


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("iou_threshold", 1.5, "iou_threshold 1.5 is not within 0 and 1"),
        ("max_detections", 0, "max_detections 0 is below 1"),
    ],
)
def test_refused(key: str, value: float, reason: str, tmp_path: Path) -> None:
    model = nms_model(3, 1, spec())
    model.graph[0].attributes[key] = ir.convenience.convert_attribute(key, value)
    with pytest.raises(UnsupportedError) as e:
        write_coreai(model, tmp_path / "nms.aimodel")
    assert [p.what for p in e.value.problems] == [reason]
