"""Which fit labelled pictures speak for: by hand, and the demo's detector, a stranger's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.measure.evaluate.fitted import Fits
from mobilecat.spec.checks import OpenCheck

CHECK = OpenCheck(key="input.resize", other="letterbox")


@pytest.mark.parametrize(
    ("kept", "other", "said"),
    [
        # 0.15/√3 is 0.087: 0.1 is beyond, 0.08 is not; two objects settle nothing.
        (
            [0.5] * 3,
            [0.6] * 3,
            "input.resize looks wrong: on 3 labelled objects, the source's boxes",
        ),
        ([0.6] * 3, [0.5] * 3, "input.resize looks right"),
        ([0.5] * 3, [0.58] * 3, "which settles nothing"),
        ([0.1] * 2, [0.9] * 2, "which settles nothing"),
        # Never by less than 0.05.
        ([0.5] * 100, [0.54] * 100, "which settles nothing"),
        ([0.5] * 100, [0.56] * 100, 'write resize = "letterbox" into the spec'),
    ],
)
def test_what_is_said(kept: list[float], other: list[float], said: str) -> None:
    assert said in Fits(np.array(kept), np.array(other)).words(CHECK, "stretch")


def test_evaluate_says_that_the_other_fit_is_right(tmp_path: Path) -> None:
    """Its training letterboxed; `init` without a picture cannot know, and writes stretch."""
    spec = tmp_path / "mobilecat.toml"
    found = mc.init(FOLDER / "cat_faces.onnx", spec)
    assert found.spec.input is not None and found.spec.input.resize == "stretch"
    text = spec.read_text("utf-8").partition("[targets")[0]
    label = text.replace('\nsource = "', '\nlabels = ["cat face"]\nsource = "')
    spec.write_text(f"{label}[targets.onnx]\n", "utf-8")
    mc.export(spec, tmp_path / "bundle")
    told = mc.evaluate(tmp_path / "bundle", FOLDER / "pictures", cache=tmp_path / "kept")
    assert any(note.startswith("input.resize looks wrong: on 6 labelled") for note in told.notes)
