"""Layers that cannot be rounded stay float by themselves, and export says which."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.formats.tflite.quantise.islands import words
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.write import file_from_graph
from mobilecat.quantize import Calibration, calibration_of
from mobilecat.quantize.sensitivity import Found
from mobilecat.quantize.simulate import Layer
from mobilecat.spec import QuantizeSpec, spec_from_text
from tests.cat_faces import PICTURES, SOURCE, cat_faces_spec
from tests.formats.tflite.lower.engines import graph, run_lite, run_ort
from tests.formats.tflite.quantise.files import ops_of

NET = """(uint8[1,4,4,3] image) => (float[1,2,4,4] y) {
  f = Cast <to = 1> (image)
  x = Transpose <perm = [0, 3, 1, 2]> (f)
  a = Conv (x, wide)
  b = Conv (a, narrow)
  y = Conv (b, plain)
}"""
"""a: one channel reaches 25,500, the others 2; b reads the others alone."""


def _net() -> ir.Model:
    wide = np.diag([100.0, 0.008, 0.008]).astype(np.float32)
    narrow = np.array([[0, 1, 0.5], [0, -1, 1]], np.float32)
    plain = np.array([[1, 0.5], [-0.5, 1]], np.float32)
    stored = {"wide": wide, "narrow": narrow, "plain": plain}
    return graph(NET, **{k: v[:, :, None, None] for k, v in stored.items()})


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def _calibration(photos: Path) -> Calibration:
    spec = spec_from_text('source = "x.onnx"\n[input]\nsize = [4, 4]', folder=photos)
    settings = QuantizeSpec(calibration=".")
    return calibration_of(spec.model_copy(update={"quantize": settings}), photos)


def test_both_sides_of_a_value_that_has_no_steps_stay_float(photos: Path) -> None:
    model, calibration = _net(), _calibration(photos)
    image = np.asarray(Image.open(photos / "0.png"))[None]
    want = run_ort(model, {"image": image})["y"]
    every = file_from_graph(model, Recipe("int8", calibration=calibration))
    recipe = Recipe("int8", calibration=calibration, auto=True, watched=("y",))
    found = file_from_graph(model, recipe)

    def off(data: bytes) -> float:
        return float(np.abs(run_lite(data, {"image": image})["y"] - want).max())

    assert off(every.data) > 0.5 * np.abs(want).max()  # steps of 100 for values of 2
    assert off(found.data) < 0.02 * np.abs(want).max()
    assert ops_of(found.data)["QUANTIZE"] == 1  # of what the last convolution takes
    names = [node.name for node in model.graph if node.op_type == "Conv"]
    (said,) = [s for s in found.lints if "keep_float = [" in s]
    assert said.startswith("2 of 3 layers stay float")
    assert all(f'"{name}"' in said for name in names[:2]) and f'"{names[2]}"' not in said


def test_what_it_says_can_be_pasted(photos: Path) -> None:
    model, calibration = _net(), _calibration(photos)
    recipe = Recipe("int8", calibration=calibration, auto=True, watched=("y",))
    found = file_from_graph(model, recipe)
    said = next(s for s in found.lints if "keep_float = [" in s)
    pasted = tuple(said.split("[")[1].split("]")[0].replace('"', "").split(", "))
    again = file_from_graph(model, Recipe("int8", keep_float=pasted, calibration=calibration))
    assert again.data == found.data


def test_where_all_stays_float_nothing_is_calibrated(photos: Path) -> None:
    model, calibration = _net(), _calibration(photos)
    file = file_from_graph(model, Recipe("int8", keep_float=("*",), calibration=calibration))
    assert ops_of(file.data)["CONV_2D"] == 3 and not file.ranges


@pytest.mark.parametrize(("layers", "instead"), [(7, False), (6, True)])
def test_another_recipe_is_named_where_a_third_stays_float(layers: int, instead: bool) -> None:
    kept = tuple(Layer(name, (name,)) for name in "ab")
    (said,) = words(Found(0.5, 0.01, kept, {}), layers)
    assert ("int8-weights" in said) == instead


def test_pictures_that_show_nothing_are_told_before_layers_are_tried(tmp_path: Path) -> None:
    """The search takes minutes of what no picture can answer."""
    seen = tmp_path / "seen"
    seen.mkdir()
    shutil.copy(PICTURES / "nobody_home.png", seen)
    spec = cat_faces_spec(
        '[targets.tflite]\nprecision = "int8"\n[quantize]\ncalibration = "seen"\n'
    )
    spec = spec.model_copy(update={"source": str(SOURCE)})
    spec._folder = tmp_path
    steps: list[str] = []
    mc.export(spec, tmp_path / "bundle", progress=steps.append)
    (told,) = [i for i, step in enumerate(steps) if step.startswith("warning: ")]
    assert "no calibration picture has cat face" in steps[told]
    later = [i for i, s in enumerate(steps) if s.startswith(("rounding layers", "trying decode"))]
    assert later and told < min(later)
