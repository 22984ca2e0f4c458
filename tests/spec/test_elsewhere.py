"""A key or a value that another format has: the message says what to write here."""

from __future__ import annotations

from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.errors import SpecError
from mobilecat.quantize import calibration_of
from mobilecat.spec import spec_from_text
from mobilecat.spec.reference import explain

TOP = """source = "net.onnx"
head = { kind = "yolov8" }
[input]
size = [64, 64]
"""


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        ('[[targets.coreml]]\nprecision = "int8"', 'write weights = "int8" in its place'),
        ('[[targets.coreml]]\nprecision = "int8"', 'activations = "int8", and [quantize]'),
        ('[[targets.coreml]]\nprecision = "int4"', 'write weights = "int4" in its place'),
        ('[[targets.coreml]]\nkeep_float = ["a"]', 'weights = "float"'),
        ('[targets.coreai]\nprecision = "int8"', 'write weights = "int8" in its place'),
        ('[targets.coreai]\nactivations = "int8"', "values inside stay float32"),
        ('[targets.tflite]\nweights = "int8"', 'precision = "int8-weights"'),
        ('[targets.tflite]\nweights = "float16"', 'write precision = "float16"'),
        ('[targets.tflite]\nactivations = "int8"', 'write precision = "int8"'),
        ('[targets.tflite]\ncalibration = "photos"', '[quantize] calibration = "photos"'),
        ("[targets.tflite]\nmap_loss = 0.5", '[tolerances."FILE"] map_loss'),
        ('[targets.onnx]\nprecision = "int8"', '[[targets.coreml]] weights = "int8"'),
        ("[targets.onnx]\n[tolerances]\nmap_loss = 0.5", '[tolerances."FILE"] map_loss'),
    ],
)
def test_what_to_write_is_said(lines: str, fix: str) -> None:
    with pytest.raises(SpecError) as e:
        spec_from_text(f"{TOP}{lines}\n")
    assert fix in str(e.value)


@pytest.mark.parametrize(
    "lines",
    [
        '[[targets.coreml]]\nweights = "int8"\nactivations = "int8"',
        '[targets.coreai]\nweights = "int8"',
        '[targets.tflite]\nprecision = "int8-weights"',
        '[targets.tflite]\nprecision = "float16"',
        '[targets.onnx]\n[tolerances."net.onnx"]\nmap_loss = 0.5',
    ],
)
def test_what_is_said_is_taken(lines: str) -> None:
    spec_from_text(f"{TOP}{lines}\n")


def test_tolerances_are_explained_by_their_own_name() -> None:
    (section,) = explain("tolerances").sections
    assert {"map_loss", "boxes_px"} <= {key.name for key in section.keys}


def test_activations_that_lack_pictures_are_called_so() -> None:
    spec = spec_from_text(TOP + '[[targets.coreml]]\nactivations = "int8"\n')
    with pytest.raises(SpecError, match=r'activations = "int8" needs pictures'):
        calibration_of(spec)


def test_a_limit_of_no_file_is_told_at_export_with_the_near_names(tmp_path: Path) -> None:
    limit = '[targets.onnx]\n[targets.tflite]\n[tolerances."nett.tflite"]\nmap_loss = 0.5\n'
    spec = spec_from_text(TOP + limit, default_name="net")
    with pytest.raises(SpecError) as e:
        mc.export(spec, tmp_path / "bundle")
    (problem,) = e.value.problems
    assert problem.where == "tolerances.nett.tflite"
    assert "did you mean 'net.tflite'" in problem.fix and "net.onnx" in problem.fix
    spec = spec_from_text(TOP + limit.replace("nett", "net"), default_name="net")
    with pytest.raises(mc.MobileCatError, match="no such model"):  # it went on
        mc.export(spec, tmp_path / "bundle")
