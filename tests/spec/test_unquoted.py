"""A file's name without its quotes, which TOML takes for a table in a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.errors import SpecError
from mobilecat.spec import spec_from_text

HEAD = """name = "x"
source = "x.onnx"
labels = ["cat"]
input = { size = [16, 16] }
head = { kind = "yolov8" }
[targets.tflite]
"""


@pytest.mark.parametrize("name", ["cats_det.tflite", "cats.v2.tflite"])
def test_the_name_is_told_to_take_quotes(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as told:
        spec_from_text(HEAD + f"[tolerances.{name}]\nmap_loss = 2\n", "m.toml", "x", tmp_path)
    (problem,) = told.value.problems
    assert problem.fix == f'put the file\'s name in quotes: [tolerances."{name}"]'
    spec = spec_from_text(HEAD + f'[tolerances."{name}"]\nmap_loss = 2\n', "m", "x", tmp_path)
    assert spec.tolerances[name].map_loss == 2


def test_a_misspelt_key_is_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'map_loss'"):
        spec_from_text(HEAD + '[tolerances."x.tflite"]\nmap_los = 2\n', "m", "x", tmp_path)
