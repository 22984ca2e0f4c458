"""Rounding widens no limit in pixels beyond the model input: a wrong range moves boxes by 1e13."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mobilecat.bundle import open_bundle
from mobilecat.compare.compare import Check, compare_in_full
from mobilecat.compare.tolerances import Bound, Limits
from mobilecat.judge.rounding import widened
from tests.judge.fake import write_bundle

MOST = 64.0  # the longer side of 64 × 48


def judged(off: float, moved: float) -> Check:
    """Hold boxes that are `off` pixels away, where rounding moves the source's by `moved`."""
    e = np.zeros((1, 4, 4), np.float32)
    bound = Bound(0.5, relative=False, times=4.0, most=MOST)
    shaken = e + np.float32(moved)
    return compare_in_full(
        "candidates", "boxes", e, e + np.float32(off), bound, "s", lambda _: shaken
    )


def test_a_limit_grows_to_the_model_inputs_side_and_no_further() -> None:
    check = judged(1000, 1e13)
    assert (check.verdict, check.limit) == ("FAIL", MOST)
    assert "no limit can be told from so much: 64, the model input's longer side" in check.detail
    assert (judged(40, 1e13).verdict, judged(40, 1e13).limit) == ("PASS", MOST)


def test_a_network_that_rounding_moves_a_little_is_judged_as_before() -> None:
    check = judged(3, 1.0)  # 4 times 1 px are allowed
    assert (check.verdict, check.limit) == ("PASS", 4.0)
    assert "no limit can be told" not in check.detail and judged(5, 1.0).verdict == "FAIL"


def test_so_do_the_limits_of_boxes_and_landmarks_but_not_of_scores(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path).bundle, verify=False)
    moves = {f"detections/{k}": 1e13 for k in ("boxes", "landmarks")} | {"decode/boxes": 1e13}
    found = widened(Limits(0.5, 0.5, 1e-3, 1e-4, times=4.0), moves, bundle)
    assert (found.boxes_px, found.landmarks_px, found.outputs["decode/boxes"]) == (MOST,) * 3
    few = widened(Limits(0.5, 0.5, 1e-3, 1e-4, times=4.0), {"detections/boxes": 1.0}, bundle)
    assert few.boxes_px == 4.0
