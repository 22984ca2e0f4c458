"""A sample of the faults of landmarks, classes, class maps and turned crops.

All of them, in every format: `python -m tools.plant_faults.points`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.plant_faults.points import CROPS, FAULTS, crop_faults, make_model, plant

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = {
    "heatmap": ("the quarter of a cell left out", "x and y of a point exchanged"),
    "simcc": ("bins of x and y exchanged", "the higher of both scores"),
    "classes": ("logits before the softmax", "classes in another order"),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SAMPLE)
def test_faults_of_a_head(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    model = make_model(name, tmp_path)  # which holds without any fault
    for fault in FAULTS:
        if fault.model == name and fault.name in SAMPLE[name]:
            for format in ("mlmodel", "half.mlpackage"):
                found = plant(fault, model, format, tmp_path)
                assert found.caught, found


def test_faults_of_the_turned_crop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    found = list(crop_faults(tmp_path, "turned"))
    assert len(found) >= 4
    assert all(f.caught for f in found), found


def test_the_page_lists_each_as_caught() -> None:
    page = (ROOT / "docs" / "planted_faults_points.md").read_text("utf-8")
    listed = re.findall(r"^\| (.+?) \| .+ \| (.+) \| .* \|$", page, re.MULTILINE)[1:]
    assert [name for name, _ in listed if name != "---"] == [
        *dict.fromkeys(f.name for f in FAULTS),
        *CROPS,
    ]
    assert "MISSED" not in page
