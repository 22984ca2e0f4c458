"""int8-weights with pictures: files whose layers give what they gave, held to their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.errors import SpecError
from mobilecat.formats.base.originals import Originals
from mobilecat.formats.tflite.floats import as_floats, floats_in
from mobilecat.formats.tflite.quantise.recipe import FLOAT32, Recipe
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.write import file_from_graph
from mobilecat.quantize import Calibration, calibration_of
from mobilecat.spec import QuantizeSpec, spec_from_text
from tests.formats.tflite.lower.engines import drawn, graph, run_lite, run_ort
from tests.formats.tflite.quantise.files import operand

SIDE = 8
NET = """(uint8[1,8,8,3] image) => (float[1,24,8,8] y) {
  f = Cast <to = 1> (image)
  x = Transpose <perm = [0, 3, 1, 2]> (f)
  a = Conv <pads = [1, 1, 1, 1]> (x, first)
  r = Relu (a)
  y = Conv <pads = [1, 1, 1, 1]> (r, second, bias)
}"""
FIRST, SECOND, BIAS = drawn("1", (16, 3, 3, 3)), drawn("2", (24, 16, 3, 3)), drawn("3", (24,))
"""432 weights, 27 of an output, which stay float16; 3456, 144 of an output."""


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calibration:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(6):
        small = np.random.default_rng(i).integers(0, 256, (2, 2, 3), np.uint8)
        large = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        large.save(tmp_path / f"{i}.png")
    spec = spec_from_text('source = "x.onnx"\n[input]\nsize = [8, 8]', folder=tmp_path)
    settings = QuantizeSpec(calibration=".")
    return calibration_of(spec.model_copy(update={"quantize": settings}), tmp_path)


def _net() -> ir.Model:
    return graph(NET, first=FIRST, second=SECOND, bias=BIAS)


def _nodes(model: ir.Model) -> list[str]:
    return [n.name or "" for n in model.graph if n.op_type == "Conv"]


def _second(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the second convolution's whole numbers as [O,I,kh,kw], and its scales."""
    read = read_tflite(data, "")
    graph_ = read.subgraphs[0]
    (t,) = [t for t in graph_.tensors if t.type == 9]
    raw = np.frombuffer(bytes(read.buffers[t.buffer].data), np.int8).reshape(t.shape)
    return raw.transpose(0, 3, 1, 2).astype(int), np.asarray(t.quantization.scale)


def test_what_the_file_gives_moves_less(calibration: Calibration) -> None:
    model = _net()
    plain = file_from_graph(model, Recipe("int8-weights"))
    fitted = file_from_graph(model, Recipe("int8-weights", calibration=calibration))
    assert fitted.fitted and not plain.fitted
    other = np.random.default_rng(99).integers(0, 256, (2, 2, 3), np.uint8)  # a picture of its own
    picture = Image.fromarray(other).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    image = {"image": np.asarray(picture)[None]}
    want = run_ort(model, image)["y"]

    def off(data: bytes) -> float:
        return float(np.sqrt(((run_lite(data, image)["y"] - want) ** 2).mean()))

    assert off(fitted.data) < 0.5 * off(plain.data)
    assert len(fitted.data) == len(plain.data)


def test_the_steps_are_those_of_the_largest_weights(calibration: Calibration) -> None:
    data = file_from_graph(_net(), Recipe("int8-weights", calibration=calibration)).data
    whole, scales = _second(data)
    assert np.allclose(scales, np.abs(SECOND).max(axis=(1, 2, 3)) / 127, rtol=1e-6)
    off = np.abs(whole - SECOND / scales.reshape(-1, 1, 1, 1))
    assert off.max() < 1 + 1e-4
    assert (off > 0.5 + 1e-4).any()
    assert operand(data, "CONV_2D", 1)[1].dtype == np.float16


def test_a_layer_that_is_kept_float_is_as_it_was(calibration: Calibration) -> None:
    model = _net()
    kept = {"keep_float": tuple(_nodes(model)[1:])}
    with_pictures = file_from_graph(model, Recipe("int8-weights", calibration=calibration, **kept))
    without = file_from_graph(model, Recipe("int8-weights", **kept))
    assert with_pictures.data == without.data and not with_pictures.fitted


def test_a_pattern_that_names_nothing_is_refused(calibration: Calibration) -> None:
    recipe = Recipe("int8-weights", keep_float=("nothing*",), calibration=calibration)
    with pytest.raises(SpecError, match="nodes that are not there"):
        file_from_graph(_net(), recipe)


def test_layers_that_move_too_much_stay_float_and_are_named(
    calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _net()
    recipe = Recipe("int8-weights", calibration=calibration, auto=True, watched=("y",))
    plain = file_from_graph(model, recipe)
    assert plain.fitted and not [s for s in plain.lints if "stay float" in s]
    room = "mobilecat.formats.tflite.quantise.fitting"
    monkeypatch.setattr(f"{room}.WEIGHTS_LIMIT", 1e-6)
    found = file_from_graph(model, recipe)
    (said,) = [s for s in found.lints if "stay float" in s]
    name = _nodes(model)[1]
    assert said.startswith("1 of 1 layers stay float") and f'keep_float = ["{name}"]' in said
    pasted = Recipe("int8-weights", keep_float=(name,), calibration=calibration)
    assert file_from_graph(model, pasted).data == found.data


def _held(data: bytes, fitted: bool) -> tuple[Any, Originals]:
    wide = file_from_graph(_net(), FLOAT32).data
    originals = Originals(floats_in(read_tflite(wide, "")))
    return as_floats(read_tflite(data, ""), originals, fitted), originals


def test_its_structure_is_held_to_the_weights_that_it_was_made_of(
    calibration: Calibration,
) -> None:
    data = file_from_graph(_net(), Recipe("int8-weights", calibration=calibration)).data
    floats, originals = _held(data, fitted=True)
    assert originals.kept == 0 < originals.exchanged
    image = {"image": np.asarray(Image.open(calibration.pictures[0]))[None]}
    want = run_ort(_net(), image)["y"]
    assert np.abs(run_lite(floats.data, image)["y"] - want).max() < 1e-5 * np.abs(want).max()
    assert _held(data, fitted=False)[1].kept == 1  # what went the other way is not the nearest


def test_a_weight_that_is_two_steps_off_is_not_taken_for_a_fitted_one(
    calibration: Calibration,
) -> None:
    data = file_from_graph(_net(), Recipe("int8-weights", calibration=calibration)).data
    whole, _ = _second(data)
    raw = whole.transpose(0, 2, 3, 1).astype(np.int8)
    changed = raw.copy()
    changed[3, 1, 1, 5] += 2 if changed[3, 1, 1, 5] < 100 else -2
    at = data.index(raw.tobytes())
    moved = data[:at] + changed.tobytes() + data[at + raw.size :]
    assert _held(moved, fitted=True)[1].kept == 1


@pytest.mark.parametrize("outputs", [slice(None), slice(7, 8)])
def test_weights_that_are_rounded_down_are_not_taken_for_fitted_ones(
    calibration: Calibration, outputs: slice
) -> None:
    data = file_from_graph(_net(), Recipe("int8-weights", calibration=calibration)).data
    whole, scales = _second(data)
    raw = whole.transpose(0, 2, 3, 1).astype(np.int8)
    low = np.floor(SECOND / scales.reshape(-1, 1, 1, 1)).transpose(0, 2, 3, 1)
    changed = raw.copy()
    changed[outputs] = np.maximum(low, -127)[outputs]
    at = data.index(raw.tobytes())
    moved = data[:at] + changed.tobytes() + data[at + raw.size :]
    assert _held(moved, fitted=True)[1].kept == 1
