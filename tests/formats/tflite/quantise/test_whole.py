"""The demo's cat faces in int8, from spec to verdict: calibrated, exported, held, measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.demo import FOLDER, GOLDEN
from mobilecat.errors import MobileCatError
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.judge.rounding import change_of
from mobilecat.spec import QuantizeSpec, load_spec
from tests.formats.tflite.quantise.files import ops_of


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = load_spec(FOLDER / "cat_faces.toml")
    made = type(spec.targets)(tflite=(TfliteTarget(precision="int8", name="cats"),))
    changed = spec.model_copy(
        update={"targets": made, "quantize": QuantizeSpec(calibration="pictures")}
    )
    changed._folder = spec.folder
    out = tmp_path_factory.mktemp("int8") / "bundle"
    mc.export(changed, out)
    return out


def test_the_bundle_says_what_it_was_calibrated_on(bundle: Path) -> None:
    opened = open_bundle(bundle)
    record = opened.artifacts[0]
    assert (record.precision, record.image) == ("int8", "uint8")
    pictures = [p for p in (FOLDER / "pictures").rglob("*") if p.suffix == ".png"]
    assert opened.calibration is not None
    assert opened.calibration.pictures == len(pictures) == len(opened.calibration.hashes)


def test_the_network_is_in_whole_numbers_and_decode_is_not(bundle: Path) -> None:
    counts = ops_of((bundle / "cats.tflite").read_bytes())
    assert counts["QUANTIZE"] == 1  # of the picture, from uint8 to int8
    assert counts["CAST"] == 1  # of where boxes came from, in suppression: none of the picture
    assert counts["DEQUANTIZE"] == 8  # boxes and scores of four grids


def test_it_holds_the_goldens_that_are_like_its_calibration(bundle: Path) -> None:
    """Scales of four drawn scenes are too small for a photo: its cat's score falls by 0.43."""
    done = mc.validate(bundle, GOLDEN, write_pending=False)
    assert {row.case for row in done.report.failed} == {"chelsea"}, str(done)


def test_it_is_not_measured_on_its_own_calibration(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(MobileCatError, match="took their scales from"):
        mc.evaluate(bundle, FOLDER / "pictures", cache=tmp_path)


def test_weights_of_the_source_are_rounded_as_int8_holds_them() -> None:
    w = np.array([[[[1.27]]], [[[0.004]]]], np.float32) * np.ones((2, 2, 1, 1), np.float32)
    w[0, 1] = 0.0149  # of steps of 0.01
    found = change_of("int8")("w", w)
    assert found[0, :, 0, 0].tolist() == pytest.approx([1.27, 0.01])
    assert found[1].ravel().tolist() == pytest.approx(w[1].ravel().tolist())
    bias = np.array([0.123], np.float32)
    assert change_of("int8")("b", bias) is bias
