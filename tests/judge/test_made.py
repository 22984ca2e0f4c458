"""Rows of made values: held each to its own size, in their order. By hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.judge.made import _row_by_row
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
