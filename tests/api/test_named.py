"""What a spec names and is not there is told at once; whose boxes a drawing shows is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.api.compiling import _require_what_is_named, _right_ends
from mobilecat.bundle import open_bundle
from mobilecat.cli.run import _whose
from mobilecat.errors import SpecError
from mobilecat.lanes import Lane
from mobilecat.lanes.picture import LaneRun, PictureRun
from mobilecat.pictures.detections import Detections
from mobilecat.quantize.pictures import pictures_of
from mobilecat.spec import QuantizeSpec, spec_from_text
from tests.judge.fake import SPEC, write_bundle

WRONG = '[tolerances."cats.tflit"]\nboxes_px = 3\n[quantize]\ncalibration = "fotos"\n'


def test_a_wrong_tolerance_and_a_missing_folder_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    text = SPEC.format(targets='tflite = { precision = "int8" }', more=WRONG)
    with pytest.raises(SpecError) as told:
        _require_what_is_named(spec_from_text(text, folder=tmp_path))
    wheres = [p.where for p in told.value.problems]
    assert wheres[0] == "tolerances.cats.tflit"
    assert wheres[1].startswith("quantize.calibration = ")
    assert told.value.problems[1].fix == f"did you mean {tmp_path / 'photos'}?"


def test_a_folder_of_pictures_that_is_nearly_named_is_told_alone_too(tmp_path: Path) -> None:
    (tmp_path / "camera").mkdir()
    with pytest.raises(SpecError) as told:
        pictures_of(QuantizeSpec(calibration="camra"), tmp_path)
    assert told.value.problems[0].fix == f"did you mean {tmp_path / 'camera'}?"


@pytest.mark.parametrize("said", ["boxes_px = 800", "scores = 0.3", "tensors = 0.6"])
def test_a_limit_that_no_precision_has_is_refused_before_anything_is_made(
    tmp_path: Path, said: str
) -> None:
    text = SPEC.format(targets="onnx = {}", more=f'[tolerances."fake.onnx"]\n{said}\n')
    with pytest.raises(SpecError, match="tolerances that are no limits"):
        _require_what_is_named(spec_from_text(text, folder=tmp_path))


def test_a_limit_that_is_none_is_refused_at_the_export(tmp_path: Path) -> None:
    more = '[tolerances."fake.onnx"]\nboxes_px = 800\n'
    folder = write_bundle(tmp_path, more).bundle
    with pytest.raises(SpecError, match="tolerances that are no limits"):
        _right_ends(folder, open_bundle(folder), tmp_path / "s.onnx")


def run_of(folder: Path, *counts: int) -> PictureRun:
    """Return lanes that find so many boxes, far from each other."""
    bundle = open_bundle(folder)
    rows = []
    lanes = [Lane("source"), *(Lane(a.kind, a) for a in bundle.artifacts)]
    for lane, n in zip(lanes, counts, strict=False):
        boxes = np.array([[40.0 * k, 0, 40 * k + 20, 20] for k in range(n)]).reshape(n, 4)
        found = Detections(boxes, np.full(n, 0.9), np.zeros(n, np.int64))
        rows.append(LaneRun(lane, bundle, detections=found))
    return PictureRun(bundle, Image.new("RGB", (96, 60)), tuple(rows))


def test_a_drawing_says_whose_boxes_it_has_where_lanes_find_others(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path).bundle
    assert _whose(run_of(folder, 1, 1, 1)) == ""
    said = _whose(run_of(folder, 1, 1, 2))
    assert said == (
        ": the boxes of source alone; for those of tflite:fake.tflite add --runner tflite "
        "--artifact fake.tflite"
    )
    assert "of onnx:fake.onnx alone; for those of source" in _whose(run_of(folder, 0, 1, 0))
    assert mc.agreement(run_of(folder, 1, 1, 2)).apart == ("tflite:fake.tflite",)
