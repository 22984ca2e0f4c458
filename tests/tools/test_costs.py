"""docs/costs.md is what its figures give, and its arithmetic is that of a million pictures."""

from __future__ import annotations

import json

import pytest

from tools import costs, costs_page


def test_the_page_is_made_of_its_figures() -> None:
    told = json.loads(costs.DATA.read_text("utf-8"))
    assert costs.PAGE.read_text("utf-8") == costs_page.page(told), "python -m tools.costs"


@pytest.mark.parametrize(
    ("cpu_ms", "alone_ms", "workers", "seconds"),
    [
        (18, 0, 1, 18_000),  # a million times 18 ms
        (18, 0, 16, 1_125),  # over 16 cores
        (18, 0, 64, 1_000),  # the main process keeps no more than one a millisecond
        (18, 2, 64, 3_000),  # and works for 2 ms a picture before and after
    ],
)
def test_a_million_pictures_wait_for_workers_or_for_who_keeps_them(
    cpu_ms: float, alone_ms: float, workers: int, seconds: float
) -> None:
    assert costs_page.whole_s(cpu_ms, 1, alone_ms, workers) == pytest.approx(seconds)


def test_lanes_are_words_and_networks_are_named_once() -> None:
    lanes = ("source", "coreml:a.mlmodel", "tflite:a.b.tflite", "onnx:a.onnx")
    told = [costs_page.lane_words(lane) for lane in lanes]
    assert told == ["source", "Core ML .mlmodel", "TFLite", "ONNX"]
    rows = [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]
    assert costs_page.named_once(rows) == [("a", "1"), ("", "2"), ("b", "3"), ("a", "4")]


def test_what_one_picture_more_takes_is_free_of_the_start() -> None:
    """3 s of start and 4 ms a picture: 3.8 s for 200, 5.4 s for 600; two lanes are fed 0.5 ms."""
    more = {"lanes": 2, "feed_ms": 0.5}
    whole = [{"pictures": 200, "cpu_s": 3.8, **more}, {"pictures": 600, "cpu_s": 5.4, **more}]
    assert costs_page.alone_ms({"whole": whole}) == pytest.approx(3)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40, "40 s"), (100, "1.7 min"), (5_000, "83.3 min"), (5_400, "1.5 h"), (200_000, "2.3 days")],
)
def test_times_are_said_in_a_unit_that_fits(seconds: float, said: str) -> None:
    assert costs_page.duration(seconds) == said
