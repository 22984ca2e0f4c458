"""MIL's non_maximum_suppression in both layouts, and its quirk when nothing survives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.formats.coreml import runtime
from tests.formats.coreml.runtime.builders import program

# rows 0 and 1 have IoU 0.6, row 2 lies apart, row 3 has IoU exactly 0.5 with row 0
BOXES = np.array([[2, 1, 4, 2], [3, 1, 4, 2], [20, 5, 4, 2], [1, 1, 2, 2]], np.float32)
SCORES = np.array([[0.5, 0], [0, 0.75], [0.25, 0.125], [0.375, 0]], np.float32)


def suppressed(path: Path, scores: Any, target: str, **options: Any) -> dict[str, Any]:
    last = target == "iOS17"

    def body(boxes: Any, scores: Any) -> Any:
        from coremltools.converters.mil import Builder as mb

        return mb.non_maximum_suppression(boxes=boxes, scores=scores, **options)

    axes = (0, 2, 1) if last else (0, 1, 2)
    feeds = {
        "boxes": BOXES[None].transpose(axes),
        "scores": np.asarray(scores, np.float32)[None].transpose(axes),
    }
    shapes = {n: v.shape for n, v in feeds.items()}
    model = runtime.load(program(path / "nms.mlpackage", body, shapes, target=target))
    found = list(model.predict({n: np.ascontiguousarray(v) for n, v in feeds.items()}).values())
    if last:
        found[:2] = [v.transpose(0, 2, 1) for v in found[:2]]
    return dict(zip(("boxes", "scores", "indices", "count"), found, strict=False))


CASES = (
    # name, per class, iou, score threshold, max boxes, kept
    ("over all classes", False, 0.55, 0.1, 3, [1, 3, 2]),
    ("per class", True, 0.55, 0.1, 4, [1, 0, 3, 2]),
    ("IoU at the threshold stays", True, 0.5, 0.1, 4, [1, 0, 3, 2]),
    ("just above goes", True, 0.49, 0.1, 4, [1, 0, 2]),
    ("score at the threshold goes", True, 0.55, 0.375, 4, [1, 0]),
    ("cut", True, 0.55, 0.1, 2, [1, 0]),
    ("more rows than boxes", True, 0.55, 0.4, 6, [1, 0]),
    ("nothing survives: the best box all the same", True, 0.5, 0.9, 3, [1]),
)


@pytest.mark.parametrize(
    ("per_class", "iou", "score", "most", "kept"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_ios15(
    per_class: bool, iou: float, score: float, most: int, kept: list[int], tmp_path: Path
) -> None:
    found = suppressed(
        tmp_path,
        SCORES,
        "iOS15",
        iou_threshold=iou,
        score_threshold=score,
        max_boxes=most,
        per_class_suppression=per_class,
    )
    pad = most - len(kept)
    np.testing.assert_array_equal(found["indices"], [[*kept, *[-1] * pad]])
    np.testing.assert_array_equal(found["count"], [len(kept)])
    np.testing.assert_array_equal(found["boxes"][0], np.pad(BOXES[kept], [(0, pad), (0, 0)]))
    np.testing.assert_array_equal(found["scores"][0], np.pad(SCORES[kept], [(0, pad), (0, 0)]))


def test_ios17_has_no_threshold_and_no_count(tmp_path: Path) -> None:
    found = suppressed(
        tmp_path, SCORES, "iOS17", iou_threshold=0.55, max_boxes=5, per_class_suppression=True
    )
    np.testing.assert_array_equal(found["indices"], [[1, 0, 3, 2, -1]])
    np.testing.assert_array_equal(found["scores"][0, :4], SCORES[[1, 0, 3, 2]])
    assert "count" not in found


def test_ties_go_to_the_lower_index(tmp_path: Path) -> None:
    found = suppressed(
        tmp_path,
        np.full((4, 2), 0.5),
        "iOS15",
        iou_threshold=0.55,
        score_threshold=0.0,
        max_boxes=4,
        per_class_suppression=False,
    )
    np.testing.assert_array_equal(found["indices"], [[0, 2, 3, -1]])


def test_boxes_that_are_not_finite_stay_out_of_the_padding(tmp_path: Path) -> None:
    scores = np.full((4, 2), -np.inf)
    scores[2] = 0.9
    found = suppressed(
        tmp_path, scores, "iOS15", iou_threshold=0.5, score_threshold=0.1, max_boxes=3
    )
    np.testing.assert_array_equal(found["scores"][0, 1:], np.zeros((2, 2)))
