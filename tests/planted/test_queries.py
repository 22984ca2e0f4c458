"""A sample of the faults of heads without suppression: each must fail, at the stage foretold.

All of them: `python -m tools.plant_faults.query_faults`; docs/planted_faults_queries.md has them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.plant_faults.query_faults import HEADS, make_model, query_faults
from tools.plant_faults.run import try_fault
from tools.plant_faults.workshop import Model

SAMPLE = (
    ("rtdetr", "tflite", "x and y exchanged in GridSample"),
    ("rtdetr", "tflite", "index // C for index % C"),
    ("rtdetr", "tflite", "threshold 0.3 → 0.31"),
    ("detr", "mlpackage", "no object kept as a class"),
    ("detr", "mlpackage", "first column dropped for the last"),
    ("detr", "mlpackage", "cxcywh read as xyxy"),
    ("detr", "mlpackage", "every pair for the best class of a row"),
    ("yolo26", "mlmodel", "place among the best rows for the row"),
    ("yolo26", "mlmodel", "left and right exchanged"),
    ("yolo26", "mlmodel", "TopK in reverse order"),
    ("yolov10", "tflite", "score and class exchanged"),
    ("yolov10", "tflite", "threshold ignored"),
)


@pytest.fixture(scope="module")
def models(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    root = tmp_path_factory.mktemp("true")
    made = {name: make_model(name, shared_data, root) for name in HEADS}
    patch.undo()
    return made


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "format", "fault"), SAMPLE)
def test_a_fault_fails_at_its_stage(
    name: str, format: str, fault: str, models: dict[str, Model], tmp_path: Path
) -> None:
    (found,) = [f for f in query_faults() if f.name == fault and name in f.models]
    row = try_fault(found, models[name], format, tmp_path / "mutant")
    assert (row.verdict, row.found) == ("caught", row.expected), row
