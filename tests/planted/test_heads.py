"""One planted fault of each family of heads, each in another artifact; no test data is needed.

All of them in every artifact: `python -m tools.plant_faults.heads`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.plant_faults.built import built, formats_here
from tools.plant_faults.heads import faults_of_heads
from tools.plant_faults.run import try_fault
from tools.plant_faults.workshop import writable

SAMPLE = (
    ("retinaface", "variances of place and size exchanged", "tflite"),
    ("scrfd", "distances not multiplied by the stride", "mlpackage"),
    ("yolo5face", "points without the anchor", "mlmodel"),
    ("nanodet_plus", "bins off by one", "half.mlpackage"),
    ("rtmdet", "right and left exchanged", "onnx"),
    ("fcos_torchvision", "centreness left out", "tflite"),
    ("retinanet_torchvision", "anchors of the opposite ratio", "mlmodel"),
    ("pose", "anchors at the cells' corners", "aimodel"),
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("builder", "name", "format"), SAMPLE)
def test_a_fault_of_a_head_is_caught(builder: str, name: str, format: str, tmp_path: Path) -> None:
    if format not in formats_here():
        pytest.skip(f"NOT_RUN: {format} cannot be written here")
    (fault,) = [f for f in faults_of_heads()[builder] if f.name == name]
    with writable():
        row = try_fault(fault, built(builder, tmp_path, (format,)), format, tmp_path / "mutant")
    assert (row.verdict, row.found) == ("caught", row.expected), row


def test_faults_are_of_networks_that_are_built() -> None:
    for builder, faults in faults_of_heads().items():
        assert {m for f in faults for m in f.models} == {builder}
        assert len({f.name for f in faults}) == len(faults)
    assert sum(len(f) for f in faults_of_heads().values()) >= 30
