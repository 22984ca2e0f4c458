"""`run` on several pictures warns once of what is odd in all lanes of several pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.cli.main import app
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network


def rows(score: float) -> np.ndarray:
    """Eight boxes of 20 × 20 pixels side by side, among 189 of the 96 × 96 input."""
    made = np.zeros((1, 6, 189), np.float32)
    made[0, :2] = 48
    made[0, 2:4] = 20
    made[0, 0, :4] = made[0, 0, 4:8] = [12, 36, 60, 84]
    made[0, 1, :4], made[0, 1, 4:8] = 24, 72
    made[0, 4, :8] = score
    return made


def said(folder: Path, score: float) -> list[str]:
    folder.mkdir()
    path = save_constant_network(folder / "n.onnx", (96, 96), {"output0": rows(score)})
    spec = spec_from_text(
        f'source = "{path}"\nlabels = ["a", "b"]\n[input]\nsize = [96, 96]\n[head]\n'
        'kind = "yolov8"\n[targets.onnx]\n'
    )
    mc.export(spec, folder / "bundle")
    pictures = [folder / f"{name}.png" for name in "xyz"]
    for picture in pictures:
        Image.new("RGB", (96, 96), (90, 20, 60)).save(picture)
    done = CliRunner().invoke(app, ["run", str(folder / "bundle"), *map(str, pictures)])
    assert done.exit_code == 0, done.output
    return [line for line in done.output.splitlines() if line.startswith("warning: ")]


def test_several_pictures_have_one_warning(tmp_path: Path) -> None:
    (line,) = said(tmp_path / "sure", 1.0)
    assert line.startswith("warning: on 3 of 3 pictures: 8 of 8 scores are 1.000")
    assert said(tmp_path / "usual", 0.7) == []
