"""What NMS promises, by hand: how far two kept boxes may overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import TensorContract, open_bundle
from mobilecat.compare.tolerances import Limits
from mobilecat.judge.contract import _nms_promises, _overlap, _threshold
from mobilecat.judge.observe import Observed
from mobilecat.lanes import Lane
from mobilecat.spec import NmsSpec
from tests.judge.fake import healthy, write_bundle

LIMITS = Limits(boxes_px=1.0, landmarks_px=1.0, scores=0.02, tensors=1e-3, reason="by hand")
# 10×10 and its upper half: 50 of 100 pixels are common, IoU 0.5.
HALF = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)


def overlap(iou_threshold: float, ids: tuple[int, int] = (0, 0), per_class: bool = True) -> str:
    nms = NmsSpec(iou_threshold=iou_threshold, per_class=per_class)
    found = {"boxes": HALF, "class_ids": np.array(ids)[:, None]}
    return _overlap(found, nms, None, LIMITS).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [(0.5, "PASS"), (0.481, "PASS"), (0.479, "FAIL"), (0.45, "FAIL"), (0.3, "FAIL")],
)
def test_the_threshold_and_the_scores_limit_are_the_bound(threshold: float, verdict: str) -> None:
    assert overlap(threshold) == verdict


def test_classes_leave_each_other_alone_only_where_they_should() -> None:
    assert overlap(0.3, (0, 1)) == "PASS"
    assert overlap(0.3, (0, 1), per_class=False) == "FAIL"


@pytest.mark.parametrize(("lowest", "verdict"), [(0.3, "PASS"), (0.285, "PASS"), (0.275, "FAIL")])
def test_no_score_lies_further_below_the_threshold_than_scores_may_differ(
    lowest: float, verdict: str
) -> None:
    nms = NmsSpec(score_threshold=0.3)
    assert _threshold(np.array([0.9, lowest]), nms, LIMITS).verdict == verdict


def test_a_map_of_the_whole_picture_has_no_rows_to_be_zero(tmp_path: Path) -> None:
    """Five rows, and prototypes [1,3,4,4]: 48 numbers that are no multiple of five rows."""
    shape = (1, 3, 4, 4)
    bundle = open_bundle(write_bundle(tmp_path).bundle)
    contract = TensorContract(name="mask_prototypes", shape=shape, dtype="float32")
    more = bundle.model_copy(update={"outputs": (*bundle.outputs, contract)})
    tensors = {**healthy(), "mask_prototypes": np.ones(shape, np.float32)}
    outputs = {n: v for n, v in tensors.items() if n in {t.name for t in more.outputs}}
    checks = _nms_promises(more, Observed(Lane("source"), outputs, (), None), LIMITS)
    assert {c.verdict for c in checks} == {"PASS"}
    outputs["landmarks"][0, 4] = 1  # a row from count on
    checks = _nms_promises(more, Observed(Lane("source"), outputs, (), None), LIMITS)
    assert [c.name for c in checks if c.verdict == "FAIL"] == ["padding"]
