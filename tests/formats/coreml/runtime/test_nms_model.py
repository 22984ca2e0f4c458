"""The NonMaximumSuppression model against a table worked by hand.

Boxes are centre x, centre y, width, height. Two 4×2 boxes moved by 2 along x share 2·2 of 12: IoU
1/3; moved by 1 they share 3·2 of 10: IoU 0.6. Eighths are exact in binary, so "exactly at the
threshold" means that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreml import runtime
from tests.formats.coreml.runtime.builders import nms_model, save

A = (2.0, 1.0, 4.0, 2.0)
A1 = (3.0, 1.0, 4.0, 2.0)  # IoU 0.6 with A
A2 = (4.0, 1.0, 4.0, 2.0)  # IoU 1/3 with A, 0.6 with A1
HALF = (1.0, 1.0, 2.0, 2.0)  # half of A: IoU exactly 0.5
FAR = (20.0, 5.0, 4.0, 2.0)


@dataclass(frozen=True)
class Case:
    """`kept`: indices of the rows that come out, in order; the rest of `out_rows` is zero."""

    name: str
    boxes: tuple[tuple[float, ...], ...]
    confidence: tuple[tuple[float, ...], ...]
    kept: tuple[int, ...]
    out_rows: int | tuple[int, int] = 4
    per_class: bool = True
    iou: float = 0.5
    threshold: float = 0.25
    given: dict[str, float] = field(default_factory=dict)


CASES = (
    Case("the better of two that overlap", (A, A1), ((0.5, 0), (0.75, 0)), (1,)),
    Case("best first", (A, FAR), ((0.5, 0), (0.75, 0)), (1, 0)),
    Case("another class is not suppressed", (A, A1), ((0.5, 0), (0, 0.75)), (1, 0)),
    Case("unless suppression is over all", (A, A1), ((0.5, 0), (0, 0.75)), (1,), per_class=False),
    Case("a tie goes to the lower index", (A1, A), ((0.5, 0), (0.5, 0)), (0,)),
    Case("tied and apart: in the order given", (FAR, A), ((0.5, 0), (0.5, 0)), (0, 1)),
    Case("tied classes: the first is the box's", (A, A1), ((0.5, 0.5), (0.75, 0)), (1,)),
    Case("IoU exactly at the threshold stays", (A, HALF), ((0.75, 0), (0.5, 0)), (0, 1)),
    Case("just above it goes", (A, HALF), ((0.75, 0), (0.5, 0)), (0,), iou=0.4999),
    Case("confidence exactly at the threshold goes", (A, FAR), ((0.25, 0), (0.5, 0)), (1,)),
    Case("none survives: only zeros", (A, FAR), ((0.125, 0), (0.0, 0.125)), ()),
    Case(
        "what a suppressed box overlaps stays", (A, A1, A2), ((0.9, 0), (0.8, 0), (0.7, 0)), (0, 2)
    ),
    Case("cut at the fixed size", (A, FAR, A2), ((0.5, 0), (0.6, 0), (0.7, 0)), (2, 1), out_rows=2),
    Case("cut at a range's upper bound", (A, FAR), ((0.5, 0), (0.6, 0)), (1,), out_rows=(0, 1)),
    Case(
        "an open range returns what is kept", (A, FAR), ((0.5, 0), (0.1, 0)), (0,), out_rows=(0, -1)
    ),
    Case("and pads up to its lower bound", (A, FAR), ((0.5, 0), (0.1, 0)), (0,), out_rows=(3, -1)),
    Case("thresholds given as inputs", (A, A1), ((0.5, 0), (0.75, 0)), (1, 0), given={"iou": 0.7}),
    Case("likewise", (A, FAR), ((0.5, 0), (0.75, 0)), (1,), given={"threshold": 0.6}),
    Case("a box without area overlaps nothing", ((2, 1, 0, 0), A), ((0.9, 0), (0.8, 0)), (0, 1)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_hand_worked(case: Case, tmp_path: Path) -> None:
    spec = nms_model(
        len(case.boxes),
        ["cat", "dog"],
        out_rows=case.out_rows,
        per_class=case.per_class,
        iou=case.iou,
        confidence=case.threshold,
    )
    model = runtime.load(save(spec, tmp_path / "nms.mlmodel"))
    boxes, confidence = np.array(case.boxes), np.array(case.confidence, np.float64)
    found = model.predict({"raw_confidence": confidence, "raw_coordinates": boxes, **case.given})
    least = case.out_rows if isinstance(case.out_rows, int) else case.out_rows[0]
    kept = list(case.kept)
    padding = [(0, max(least - len(kept), 0)), (0, 0)]
    np.testing.assert_array_equal(found["confidence"], np.pad(confidence[kept], padding))
    np.testing.assert_array_equal(found["coordinates"], np.pad(boxes[kept], padding))


def test_labels_must_fit(tmp_path: Path) -> None:
    spec = nms_model(2, ["cat", "dog"], out_rows=2)
    spec.nonMaximumSuppression.stringClassLabels.vector.append("bird")
    model = runtime.load(save(spec, tmp_path / "nms.mlmodel"))
    with pytest.raises(ArtifactError, match="3 labels"):
        model.predict({"raw_confidence": np.zeros((2, 2)), "raw_coordinates": np.zeros((2, 4))})
