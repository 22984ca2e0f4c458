"""A sample of the faults of poses and masks, in one artifact: each must fail where foretold.

All of them, in every format: `python -m tools.plant_faults.parts_faults`, docs/planted_parts.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.plant_faults.parts_faults import PARTS_FAULTS, holds, made
from tools.plant_faults.run import try_fault
from tools.plant_faults.workshop import Model

SAMPLE = {
    "pose": ("visibility taken for x", "stride on visibility", "points of the row before",
             "visibility of the next detection after NMS"),
    "masks": ("coefficients of the row before", "prototypes transposed",
              "mask cropped with the box of the next", "sigmoid of the mask left out"),
}  # fmt: skip


@pytest.fixture(scope="module", params=SAMPLE)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return made(request.param, tmp_path_factory.mktemp("parts"))


def test_caught_where_foretold(model: Model, tmp_path: Path) -> None:
    assert holds(model, "tflite", tmp_path / "true") == ("held", "")
    chosen = [f for f in PARTS_FAULTS if f.name in SAMPLE[model.name]]
    assert len(chosen) == 4
    rows = [try_fault(fault, model, "tflite", tmp_path / "mutant") for fault in chosen]
    assert [(r.name, r.verdict, r.detail) for r in rows if r.verdict != "caught"] == []


def test_names_are_told_apart() -> None:
    assert len({f.name for f in PARTS_FAULTS}) == len(PARTS_FAULTS) >= 20
