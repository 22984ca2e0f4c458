"""Candidates of a quantised lane that no detection can come of. Scores by hand: the threshold is
0.3, so rows 3 (0.1) and 5 (0.01) are far below it, row 4 (0.2) is near, rows 0 to 2 are above it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compare.compare import Check
from mobilecat.compare.probe import probe
from mobilecat.judge.choices import accept, limits_needed
from mobilecat.judge.notes import _borderline, _unseen
from mobilecat.judge.observe import Observed
from mobilecat.judge.report import Result
from mobilecat.judge.unseen import without_unseen
from mobilecat.lanes import Lane
from tests.judge.fake import healthy, write_bundle

NAME = "decode/boxes"
SOURCE = Observed(Lane("source"), healthy(), (), None)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(write_bundle(tmp_path, kinds=("tflite",)).bundle)


def judged(bundle: Bundle, row: int, by: float, precision: str = "int8") -> Check:
    """Move one candidate's right side, which the golden's places see, and judge it."""
    record = bundle.artifacts[0].model_copy(update={"precision": precision})
    tensors = healthy()
    stored: Any = type("Golden", (), {"tensors": {NAME: probe("candidates", NAME, tensors[NAME])}})
    tensors[NAME] = tensors[NAME].copy()
    tensors[NAME][0, row, 2] += by
    lane = Observed(Lane("tflite", record), tensors, (), None)
    failed = Check("candidates", NAME, "FAIL", by, 5.0, "37.8 at [0, 3, 2]", "golden", by)
    (check,) = without_unseen(bundle, lane, SOURCE, stored, [failed])
    return check


def test_what_nobody_can_see_is_not_held_and_is_told(bundle: Bundle) -> None:
    check = judged(bundle, 3, 7.8)
    assert check.verdict == "PASS"
    assert check.detail.startswith("no detection can come of candidate 3, which moved by 7.8 px")
    assert "0.100 in the source and 0.100 here; a detection needs 0.3" in check.detail
    (note,) = _unseen([Result("tflite:fake.tflite", "room", check)])
    assert note.startswith("tflite:fake.tflite: on room, no detection can come of candidate 3")


@pytest.mark.parametrize("row", [1, 4])
def test_what_can_be_seen_is_held(bundle: Bundle, row: int) -> None:
    check = judged(bundle, row, 7.8)
    assert check.verdict == "FAIL" and check.value == pytest.approx(7.8, abs=1e-5)
    assert check.detail.startswith(f"candidate {row}, which is no detection, but near to one (its")
    assert check.detail.endswith("is 7.8 px of the model input from what the source gives here")


def test_the_mean_of_all_is_held(bundle: Bundle) -> None:
    """130 px at one of 24 values move the mean by 5.4."""
    assert judged(bundle, 3, 130.0).verdict == "FAIL"
    assert judged(bundle, 3, 110.0).verdict == "PASS"


def test_a_score_that_rises_makes_a_candidate_seen(bundle: Bundle) -> None:
    tensors = healthy()
    stored: Any = type("Golden", (), {"tensors": {NAME: probe("candidates", NAME, tensors[NAME])}})
    tensors[NAME] = tensors[NAME] + np.eye(6, dtype=np.float32)[None, :, 3:4] * 8
    tensors["decode/scores"] = tensors["decode/scores"].copy()
    tensors["decode/scores"][0, 3, 0] = 0.35
    record = bundle.artifacts[0].model_copy(update={"precision": "int8"})
    lane = Observed(Lane("tflite", record), tensors, (), None)
    failed = Check("candidates", NAME, "FAIL", 8.0, 5.0, "", "golden")
    (check,) = without_unseen(bundle, lane, SOURCE, stored, [failed])
    assert check.verdict == "FAIL"


def beside_the_second(
    bundle: Bundle, by: float, score: float = 0.35, best: int = 0, precision: str = "int8",
    name: str = NAME,
) -> Check:  # fmt: skip
    """Judge a candidate that the second detection takes away: 34 10 60 40, class 0, 0.8.

    In the source it is 34 10 60 41, class 0, 0.35: their IoU is 30/31. The lane moves its right
    side, and gives it another score or class. Of `name`, the check that failed.
    """
    source = healthy()
    source[NAME], source["decode/scores"] = source[NAME].copy(), source["decode/scores"].copy()
    source[NAME][0, 4] = 34, 10, 60, 41
    source["decode/scores"][0, 4] = 0.35, 0.02
    lane = {n: v.copy() for n, v in source.items()}
    lane[NAME][0, 4, 2] += by
    lane["decode/scores"][0, 4] = (score, 0.02) if best == 0 else (0.02, score)
    record = bundle.artifacts[0].model_copy(update={"precision": precision})
    stored: Any = type("Golden", (), {"tensors": {name: probe("candidates", name, source[name])}})
    got = Observed(Lane("tflite", record), lane, (), None)
    failed = Check("candidates", name, "FAIL", 99.0, 5.0 if name == NAME else 0.03, "", "golden")
    (check,) = without_unseen(
        bundle, got, Observed(Lane("source"), source, (), None), stored, [failed]
    )
    return check


def test_what_a_better_box_takes_away_by_far_is_not_held(bundle: Bundle) -> None:
    """7.8 px: 26 · 30 of 33.8 · 31 are still covered, 0.74, and the threshold is 0.45."""
    check = beside_the_second(bundle, 7.8)
    assert check.verdict == "PASS"
    assert "candidate 4, which moved by 7.8 px" in check.detail
    assert "a better box takes it away by far, and its score is 0.350 in the source" in check.detail


@pytest.mark.parametrize(
    ("by", "score", "best"),
    [
        (20.0, 0.35, 0),  # 26 · 30 of 46 · 31: an IoU of 0.547, not 0.1 above the threshold
        (60.0, 0.35, 0),  # and none at all
        (7.8, 0.72, 0),  # 0.08 below the box that takes it away
        (7.8, 0.35, 1),  # another class, which that box leaves alone
    ],
)
def test_what_comes_out_from_behind_is_held(
    bundle: Bundle, by: float, score: float, best: int
) -> None:
    check = beside_the_second(bundle, by, score, best)
    assert check.verdict == "FAIL" and check.value == pytest.approx(by, abs=1e-5)
    assert "candidate 4, which is no detection, but near to one" in check.detail


def test_its_score_is_let_go_with_it_and_no_further(bundle: Bundle) -> None:
    scores = "decode/scores"
    assert beside_the_second(bundle, 0.0, 0.6, name=scores).verdict == "PASS"
    risen = beside_the_second(bundle, 0.0, 0.72, name=scores)
    assert risen.verdict == "FAIL" and risen.value == pytest.approx(0.37, abs=1e-5)
    assert risen.detail.endswith("is 0.37 from what the source gives here")


def test_faint_scores_are_held(bundle: Bundle) -> None:
    """0.01 in the source, 0.11 here: far below the threshold, and no box takes it away."""
    tensors, name = healthy(), "decode/scores"
    stored: Any = type("Golden", (), {"tensors": {name: probe("candidates", name, tensors[name])}})
    tensors[name] = tensors[name].copy()
    tensors[name][0, 5, 1] += 0.1
    record = bundle.artifacts[0].model_copy(update={"precision": "int8"})
    lane = Observed(Lane("tflite", record), tensors, (), None)
    failed = Check("candidates", name, "FAIL", 0.1, 0.03, "", "golden")
    (check,) = without_unseen(bundle, lane, SOURCE, stored, [failed])
    assert check.verdict == "FAIL"


def test_where_nothing_suppresses_nothing_is_behind(bundle: Bundle) -> None:
    best = {"selection": "best", "iou_threshold": 1.0, "per_class": False}
    nms = bundle.spec.effective_nms
    assert nms is not None
    spec = bundle.spec.model_copy(update={"nms": nms.model_copy(update=best)})
    other = bundle.model_copy(update={"spec": spec})
    assert beside_the_second(bundle, 7.8).verdict == "PASS"
    assert beside_the_second(other, 7.8).verdict == "FAIL"


def test_behind_floats_all_are_held(bundle: Bundle) -> None:
    assert beside_the_second(bundle, 7.8, precision="float16").verdict == "FAIL"


def test_one_number_is_of_one_candidate_and_of_one_side(bundle: Bundle) -> None:
    """The live source agrees; the golden, of another day, has the right side of row 1 elsewhere."""
    tensors = healthy()
    was = tensors[NAME].copy()
    was[0, 1, 2] -= 9
    stored: Any = type("Golden", (), {"tensors": {NAME: probe("candidates", NAME, was)}})
    record = bundle.artifacts[0].model_copy(update={"precision": "int8"})
    lane = Observed(Lane("tflite", record), tensors, (), None)
    failed = Check("candidates", NAME, "FAIL", 9.0, 5.0, "60 at [0, 1, 2]", "golden")
    (check,) = without_unseen(bundle, lane, SOURCE, stored, [failed])
    assert check.value == 9.0 and check.detail.startswith("candidate 1, which ")
    assert check.detail.endswith("is 9 px of the model input from the golden's: 60, expected 51")


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_floats_are_held_everywhere(bundle: Bundle, precision: str) -> None:
    assert judged(bundle, 3, 7.8, precision).verdict == "FAIL"


def test_other_checks_stay(bundle: Bundle) -> None:
    others = [
        Check("raw", "reg", "FAIL", 0.9, 0.3, "", "golden"),
        Check("candidates", "decode/scores", "FAIL", 0.2, 0.03, "", "golden"),
        Check("candidates", NAME, "FAIL", None, 5.0, "is missing", "golden"),
        Check("detections", "boxes", "FAIL", 9.0, 5.0, "", "golden"),
    ]
    golden: Any = type("Golden", (), {"tensors": {}})
    lane = replace(SOURCE, lane=Lane("tflite", bundle.artifacts[0]))
    assert without_unseen(bundle, lane, SOURCE, golden, others) == others


def test_the_way_to_accept_has_key_value_and_command(bundle: Bundle) -> None:
    failed = [Check("candidates", NAME, "FAIL", 5.816, 5.0, "", "golden")]
    assert limits_needed(bundle, failed) == {"boxes_px": 5.9}
    said = accept(Path("bundle"), bundle, bundle.artifacts[0], failed, [])
    assert 'boxes_px = 5.9 under [tolerances."fake.tflite"] in mobilecat.toml' in said
    assert "mobilecat export" in said
    lost = [*failed, Check("detections", "count", "FAIL", 1.0, 0.0, "missing: …", "golden")]
    assert limits_needed(bundle, lost) == {}
    assert "no limit" in accept(Path("bundle"), bundle, bundle.artifacts[0], lost, [])


def test_a_detection_of_one_side_at_the_threshold_is_always_told() -> None:
    extra = "extra: class 0 at 1 2 3 4, score 0.310; its score is 0.01 from the threshold 0.3"
    check = Check("detections", "borderline", "PASS", 0.01, 0.03, extra, "golden")
    (note,) = _borderline([Result("tflite:a", "wall", check)])
    assert note == (
        f"tflite:a, wall: borderline: {extra}. That is within the scores' limit 0.03, "
        "so the case passes"
    )


def test_a_limit_that_holds_nearly_anything_is_no_choice(bundle: Bundle) -> None:
    """A raw value off by the whole of its size: [tolerances] allows half of it at most."""
    failed = [Check("raw", "reg", "FAIL", 1.0, 0.02)]
    said = accept(Path("bundle"), bundle, bundle.artifacts[0], failed, [])
    assert "no limit" in said and "tensors is 1; more than 0.5" in said
