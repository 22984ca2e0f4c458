"""Of a classifier that fails, the report says classes and scores, and nothing of boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobilecat.judge.report import Report
from mobilecat.report.html import _cause
from mobilecat.spec.heads import HEADS
from tests.judge.fake import LANE, Tensors, check, write_bundle


def test_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    shop = write_bundle(tmp_path).approved()

    def lower(tensors: Tensors) -> Tensors:
        return {**tensors, "scores": tensors["scores"] * 0.9}

    shop.faults[LANE] = lower
    report = check(shop)
    assert _hint(report) == "NMS and its thresholds"
    spec = report.bundle.spec.model_copy(
        update={"head": HEADS["classify"](kind="classify", activation="softmax")}
    )
    classifier = replace(report, bundle=report.bundle.model_copy(update={"spec": spec}))
    assert "order of its classes" in _hint(classifier) and "NMS" not in _hint(classifier)


def _hint(report: Report) -> str:
    lane = next(x for x in report.lanes if x.lane.name == LANE)
    cause = _cause(report, lane)
    assert cause is not None and cause.stage == "detections"
    return cause.hint
