"""docs/systems.md holds what the tools measure: its cheap rows are measured again."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from mobilecat.formats.coreai.dialect import missing
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import systems_table as tool
from systems_list import SYSTEMS

CHEAP = (
    "Vision animal detector → landmark net",
    "MTCNN O-net",
    "BlazeFace",
    "CenterFace",
    "YuNet 2022",
    "UltraFace",
    "SCRFD",
    "FCOS of mmdetection",
    "MediaPipe pose detector",
)
"""The quick ones of those without TensorFlow: landmark nets, built ones, two real ones."""
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?")
BOUND_PX = 0.01
"""Differences are rounding of float32: a page's figure and today's may both be anything below."""


@pytest.fixture(scope="module")
def page() -> dict[str, str]:
    return tool.rows_in(tool.PAGE.read_text("utf-8"))


def cells(line: str) -> dict[str, str]:
    found = [c.strip() for c in line.strip().strip("|").split(" | ")]
    return dict(zip(tool.COLUMNS, found, strict=True))


def test_the_page_has_every_system_and_no_blank(page: dict[str, str]) -> None:
    assert list(page) == [s.name for s in SYSTEMS]
    for line in page.values():
        for column, cell in cells(line).items():
            assert cell, (line, column)
            assert not cell.startswith("NO:"), line


def test_what_is_not_measured_says_why(page: dict[str, str]) -> None:
    for line in page.values():
        for column in (*tool.TARGETS, tool.APPLE, "box", "landmark"):
            cell = cells(line)[column]
            assert cell[0] in "±0123456789" or re.match(r"(refused|n/a): \w", cell), cell


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CHEAP)
def test_a_row_is_what_the_tool_measures(
    name: str, page: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    (system,) = (s for s in SYSTEMS if s.name == name)
    (tmp_path / "kept").mkdir()
    row = tool.measure(system, shared_data, tmp_path / "kept", tmp_path)
    now, then = cells(row.text()), cells(page[name])
    left_out = (".aimodel", tool.APPLE, "runners agree") if missing() else ()
    for column in (c for c in tool.COLUMNS if c not in left_out):
        measured = column in ("box", "landmark") or now[column].startswith("±")
        if not measured or not NUMBER.search(now[column]):
            assert now[column] == then[column], column
            continue
        assert NUMBER.sub("#", now[column]) == NUMBER.sub("#", then[column]), column
        for cell in (now[column], then[column]):
            assert float(NUMBER.findall(cell)[0]) < BOUND_PX, (column, cell)


def test_a_displaced_box_and_a_lost_one_are_told() -> None:
    """The comparison itself can fail: a mutant of each kind."""
    import numpy as np

    from mobilecat.spec import spec_from_text

    spec = spec_from_text(
        'name = "n"\nsource = "-"\n[input]\nsize = [50, 30]\n[head]\nkind = "yolox"\n'
        "[targets.onnx]\n"
    )

    def result(*boxes: tuple[float, float, float, float]) -> dict[str, np.ndarray]:
        n = len(boxes)
        return {
            "boxes": np.array([boxes], np.float32).reshape(1, n, 4),
            "scores": np.linspace(0.9, 0.5, n, dtype=np.float32)[None],
            "class_ids": np.zeros((1, n), np.int32),
            "count": np.array([n], np.int32),
        }

    two = result((1, 2, 11, 8), (20, 5, 42, 25))
    assert tool.compare(spec, two, two) == tool.Agreement(2)
    moved = tool.compare(spec, two, result((1, 2, 11, 8), (20, 5, 42, 27.5)))
    assert (moved.unmatched, moved.boxes_px) == (0, 2.5)
    assert tool.compare(spec, two, result((1, 2, 11, 8))).unmatched == 1
    assert tool.compare(spec, result((1, 2, 11, 8)), two).unmatched == 1


SMALL = {0.0: "0", 1.2e-9: "0.000001", 0.00021: "0.0003", 0.3: "0.3", 1.01: "2", 34.0: "40"}


@pytest.mark.parametrize("value", SMALL)
def test_differences_are_rounded_up(value: float) -> None:
    assert tool.small(value) == SMALL[value]
