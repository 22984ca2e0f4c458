"""What one picture says of the range that a spec has."""

from __future__ import annotations

from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.diagnosis.rerun import read_stored, rerun


@pytest.mark.parametrize(("written", "said"), [
    # Of the demo's detector, trained on [-1, 1]: one picture does not tell [0, 1] from it.
    ("[0, 1]", "Nor does one picture without labels settle the spec's range: [-1, 1] does as well"),
    ("[-1000, -999]", "with range = [-1, 1] the model finds its objects. Write it under [input]"),
])  # fmt: skip
def test_what_one_picture_says_of_the_specs_range(written: str, said: str, tmp_path: Path) -> None:
    text = (FOLDER / "cat_faces.toml").read_text("utf-8").partition("[[targets")[0]
    text = text.replace("mean = 127.5\nstd = 127.5", f"range = {written}")
    text = text.replace('source = "cat_faces.onnx"', f'source = "{FOLDER / "cat_faces.onnx"}"')
    (tmp_path / "m.toml").write_text(f"{text}\n[targets.onnx]\n", "utf-8")
    mc.export(tmp_path / "m.toml", tmp_path / "out")
    found = rerun(tmp_path / "out", read_stored(FOLDER / "pictures" / "one_at_night.png"))
    assert said in found.sentence
