"""Which file is taken where sizes or times are too near to tell apart: all by hand."""

from __future__ import annotations

import pytest

from mobilecat.compression.choice import Goal, Worth, best_of
from mobilecat.report.html_compression import compression_page
from tests.compression.test_words import found_of, row, said


def chosen(goal: Goal, **files: tuple[int, float | None, float]) -> str:
    return best_of(list(files), goal, lambda name: Worth(*files[name]))


def test_a_newcomers_cats() -> None:
    """0.278 of float32 at 0.95 of its time is not better than 0.282 at 0.74, which loses less."""
    files = {"mixed": (2370, 0.95, 0.41), "int8": (2400, 0.74, 0.12), "float16": (4300, 0.9, 0.0)}
    assert chosen("size", **files) == "int8"
    assert chosen("speed", **files) == "int8"


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        ((1040, 1.0, 0.3), "small"),  # alike in size and time: what loses less
        ((1040, 0.8, 0.3), "other"),  # a quarter slower is slower, whatever either loses
        ((1040, 0.9, 0.3), "small"),  # a ninth is not to be told
        ((1040, 1.0, 0.1), "other"),
        ((1060, 0.1, 0.0), "small"),  # six per cent are larger
        ((1040, 1.0, 0.2), "small"),  # all alike: the smaller
    ],
)
def test_for_size(other: tuple[int, float, float], taken: str) -> None:
    assert chosen("size", small=(1000, 1.0, 0.2), other=other) == taken
    assert chosen("size", other=other, small=(1000, 1.0, 0.2)) == taken


def test_a_gain_is_no_better_than_no_loss() -> None:
    assert chosen("size", small=(1000, 1.0, 0.0), lucky=(1010, 1.0, -0.4)) == "small"


def test_a_time_that_says_nothing_does_not_choose() -> None:
    assert chosen("size", a=(1000, None, 0.3), b=(1010, None, 0.1)) == "b"


def test_for_speed() -> None:
    assert chosen("speed", fast=(4000, 0.50, 0.0), near=(2000, 0.58, 0.3)) == "near"
    assert chosen("speed", fast=(4000, 0.50, 0.0), slow=(2000, 0.62, 0.0)) == "fast"


def test_why_it_is_not_the_very_smallest_is_said_with_sizes_that_differ() -> None:
    lines = said(row("int8-dynamic", 2370, 0.95), row("int8", 2400, 0.74, chosen=True))
    at = next(i for i, line in enumerate(lines) if "int8 is the best of the smallest" in line)
    assert "2.400 MB" in lines[at]
    assert "int8-dynamic is 1.2% smaller" in lines[at + 1] and "5% apart are alike" in lines[at + 1]
    only = said(row("int8-dynamic", 2370, 0.95, fits=False), row("int8", 2400, 0.74, chosen=True))
    assert any("int8 is the smallest within" in line for line in only)
    assert not any("are alike" in line for line in only)


def test_the_page_says_why_it_is_not_the_very_smallest_too() -> None:
    found = found_of(row("as the spec has it", 2370, 1.9), row("int8", 2400, 0.7, chosen=True))
    page = compression_page(found.to_json(), found.words(), None)
    why = "cats.tflite: the recipe of the spec is 1.2% smaller; sizes less than 5% apart are alike"
    assert why in page and "2.370 MB" in page and "m.toml.before-compress" in page
