"""Rows of made values: held each to its own size, in their order. By hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mobilecat.compare.compare import Check
from mobilecat.formats.base.runner import NotRun
from mobilecat.judge import made
from mobilecat.judge.made import Made, _held, _row_by_row, try_made
from mobilecat.pictures.detections import Detections


def rows(*boxes: list[float], ids: list[int] | None = None) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes, float).reshape(-1, 4), np.full(n, 0.5), np.array(ids or [0] * n, np.int64)
    )


SMALL, HUGE = [10.0, 10, 20, 20], [-1e6, 100, 1e6, 101]


@pytest.mark.parametrize(
    "got,same",
    [
        (rows(SMALL, HUGE), True),
        (rows(SMALL, [-1e6 + 5, 100, 1e6, 101]), True),  # float32 has steps of 0.06 there
        (rows([10.5, 10, 20, 20], HUGE), False),  # the small row is not excused by the huge one
        (rows(SMALL, [-1e6 + 50, 100, 1e6, 101]), False),
        (rows(HUGE, SMALL), False),
        (rows(SMALL), False),
        (rows(SMALL, HUGE, ids=[0, 1]), False),
    ],
)
def test_rows_are_held_to_their_own_size(got: Detections, same: bool) -> None:
    assert _row_by_row(rows(SMALL, HUGE), got) is same


def test_nothing_is_nothing() -> None:
    assert _row_by_row(rows(), rows())
    assert not _row_by_row(rows(), rows(SMALL))


def untried(check: Check) -> bool:
    """Whether it says what was not tried, that the pictures' results stand, and where to read."""
    told = "not on your pictures, which are judged all the same" in check.detail
    page, _, section = check.detail.rpartition(" ")[2].partition("#")
    home = Path(__file__).parents[2] / page
    text = home.read_text("utf-8") if home.is_file() else ""
    titles = [x.lstrip("# ").lower().replace(" ", "-") for x in text.split("\n") if x[:1] == "#"]
    return told and check.verdict == "NOT_RUN" and section in titles


def test_what_was_not_tried_is_said_for_those_who_ship_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> None:
        raise NotRun("more rounds than the file has")

    crowd: Any = Made("a crowd of candidates", {}, {})
    engine: Any = SimpleNamespace(infer=stopped)
    nothing: Any = None
    [check] = _held(nothing, engine, crowd)
    assert untried(check) and "a crowd of candidates" in check.detail
    closed = Check("load", "onnx:a.onnx", "NOT_RUN", detail="no value named b")
    monkeypatch.setattr(made, "open_engine", lambda *_: closed)
    lane: Any = SimpleNamespace(artifact=SimpleNamespace(kind="onnx", bytes=0), apples=False)
    found = try_made(Path(), nothing, lane, [crowd, crowd])
    # The same for each, and so said once.
    assert [untried(c) for c in found] == [True]
    assert not untried(closed), "the test can fail"
