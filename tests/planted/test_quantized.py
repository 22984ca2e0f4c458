"""A sample of the faults in quantised files; all: `python -m tools.plant_faults.quantized`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.judge.run import validate
from tools.plant_faults.quantized import NAME, PAGE, faults, harmless, true_model, try_harmless
from tools.plant_faults.run import try_fault
from tools.plant_faults.workshop import Model

FORMATS = ("w8a8.mlpackage", "grouped.mlpackage", "whole.tflite", "fitted.tflite")
SAMPLE = (
    ("one weight row negated", "w8a8.mlpackage"),
    ("activation zero point off by one", "w8a8.mlpackage"),
    ("two palette entries swapped", "grouped.mlpackage"),
    ("scale of a neighbour channel", "whole.tflite"),
    ("one output's weights rounded down", "fitted.tflite"),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    made = true_model(tmp_path_factory.mktemp("true"), FORMATS)
    patch.undo()
    return made


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "format"), SAMPLE)
def test_a_fault_fails_at_its_stage(model: Model, tmp_path: Path, name: str, format: str) -> None:
    fault = next(f for f in faults() if f.name == name and format in f.formats)
    row = try_fault(fault, model, format, tmp_path / "mutant")
    assert (row.verdict, row.found) == ("caught", row.expected), row


def test_a_harmless_change_holds(model: Model, tmp_path: Path) -> None:
    change = next(c for c in harmless() if c.name == "ranges beside the scales")
    row = try_harmless(change, model, "whole.tflite", tmp_path / "mutant")
    assert row.verdict == "held", row


def test_a_report_has_both_verdicts(model: Model) -> None:
    file = f"{NAME}.whole.tflite"
    report = validate(model.folder, model.golden, artifact=file, source=model.source)
    (note,) = [n for n in report.notes if n.startswith(f"tflite:{file}: without its rounding")]
    assert "its structure is the source's; as it is, it moves boxes by " in note
    assert " px, scores by " in note


def test_the_page_has_every_fault() -> None:
    text = PAGE.read_text("utf-8")
    for change in (*faults(), *harmless()):
        for format in change.formats:
            assert f"| {change.name} | {NAME}.{format} |" in text
    count = sum(len(f.formats) for f in faults())
    assert f"{count} of {count} faults" in text
