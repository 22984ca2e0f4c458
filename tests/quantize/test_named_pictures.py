"""What `[quantize] calibration` names is told apart before anything is read as labels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.compile.whole import _few
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.quantize.pictures import pictures_of
from mobilecat.spec import QuantizeSpec
from tests.judge.fake import write_bundle


def test_one_picture_is_no_calibration(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    with pytest.raises(SpecError) as e:
        pictures_of(QuantizeSpec(calibration="one.png"), tmp_path)
    (problem,) = e.value.problems
    assert problem.what == "is one picture" and str(tmp_path) in problem.fix
    assert len(pictures_of(QuantizeSpec(calibration="."), tmp_path)) == 1


def test_accuracy_alone_holds_no_file_to_the_model(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path)
    with pytest.raises(MobileCatError) as e:
        mc.validate(shop.bundle, data=tmp_path)
    assert "--random 3" in e.value.problems[0].fix


def test_a_handful_of_pictures_is_warned_of() -> None:
    some = SimpleNamespace(pictures=(Path("a.png"),) * 9)
    (said,) = _few(some)  # type: ignore[arg-type]
    assert said.startswith("warning: calibrated on 9 pictures") and _few(None) == ()
    assert _few(SimpleNamespace(pictures=(Path("a.png"),) * 20)) == ()  # type: ignore[arg-type]
