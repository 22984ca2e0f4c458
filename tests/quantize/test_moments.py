"""What weights are multiplied with: windows against onnxruntime's convolution, moments by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.quantize import Calibration, calibration_of
from mobilecat.quantize.fitted import fitted_weights, with_fitted
from mobilecat.quantize.moments import moments_of, weights_of, windows
from mobilecat.spec import QuantizeSpec, spec_from_text
from tests.formats.tflite.lower.engines import drawn, graph, inputs_of, run_ort

CONVOLUTIONS = {
    "pads": ("(float[1,4,9,7] x) => (float[1,6,10,6] y)", "pads = [2, 0, 1, 1]", (6, 4, 3, 3)),
    "strides": ("(float[1,4,9,7] x) => (float[1,6,4,6] y)", "strides = [2, 1]", (6, 4, 3, 2)),
    "dilations": ("(float[1,4,9,7] x) => (float[1,6,5,5] y)", "dilations = [2, 1]", (6, 4, 3, 3)),
    "groups": ("(float[1,4,9,7] x) => (float[1,6,7,5] y)", "group = 2", (6, 2, 3, 3)),
    "same upper": (
        "(float[1,4,9,7] x) => (float[1,6,5,4] y)",
        'auto_pad = "SAME_UPPER", strides = [2, 2]',
        (6, 4, 2, 2),
    ),
    "same lower": (
        "(float[1,4,9,7] x) => (float[1,6,5,4] y)",
        'auto_pad = "SAME_LOWER", strides = [2, 2]',
        (6, 4, 2, 2),
    ),
    "one axis": ("(float[1,4,9] x) => (float[1,6,5] y)", "strides = [2], pads = [1, 1]", (6, 4, 3)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_windows_times_weights_are_the_convolution(name: str) -> None:
    ends, said, shape = CONVOLUTIONS[name]
    model = graph(f"{ends} {{ y = Conv <{said}> (x, w) }}", w=drawn("w", shape))
    inputs = inputs_of(model)
    want = run_ort(model, inputs)["y"]
    (weight,) = weights_of(model)
    rows = windows(weight.nodes[0], inputs["x"][0], weight.groups)  # [G,P,D]
    have = np.einsum("gpd,god->gop", rows, weight.matrix).reshape(want.shape)
    assert np.allclose(have, want, atol=1e-5)


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calibration:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8)
        pixels[..., 1] = pixels[..., 0] // 2  # two channels that go together
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    spec = spec_from_text('source = "x.onnx"\n[input]\nsize = [4, 4]', folder=tmp_path)
    settings = QuantizeSpec(calibration=".")
    return calibration_of(spec.model_copy(update={"quantize": settings}), tmp_path)


def _net(body: str, **stored: np.ndarray) -> ir.Model:
    text = f"""(uint8[1,4,4,3] image) => (float[1,4,4,5] y) {{
      f = Cast <to = 1> (image)
      {body}
    }}"""
    return graph(text, **stored)


def test_moments_of_pixels_are_those_of_the_pictures(calibration: Calibration) -> None:
    model = _net("y = MatMul (f, w)", w=drawn("w", (3, 5)))
    pictures = [np.asarray(Image.open(p)) for p in calibration.pictures]
    pixels = np.concatenate([p.reshape(-1, 3) for p in pictures]).astype(float)
    ((weight, found),) = moments_of(calibration, model, weights_of(model))
    assert weight.matrix.shape == (1, 5, 3)
    assert np.allclose(found.second[0], pixels.T @ pixels / len(pixels))
    assert np.allclose(found.mean[0], pixels.mean(axis=0))


def test_a_matrix_lies_as_it_lay(calibration: Calibration) -> None:
    w = drawn("w", (3, 5))
    model = _net("y = MatMul (f, w)", w=w)
    (weight,) = weights_of(model)
    assert (weight.like(weight.matrix) == w).all()


def test_what_the_network_gives_moves_less_than_with_the_nearest(calibration: Calibration) -> None:
    w = drawn("w", (3, 5))
    model = _net("y = MatMul (f, w)", w=w)
    found = fitted_weights(calibration, model, ["w"])["w"]
    assert found.whole.dtype == np.int8 and found.scales.shape == (5,)
    assert np.abs(found.whole - w / found.scales).max() < 1 + 1e-5
    scale = np.abs(w).max(axis=0) / 127
    plain = _net("y = MatMul (f, w)", w=(np.round(w / scale) * scale).astype(np.float32))

    def off(other: ir.Model) -> float:
        moved = 0.0
        for path in calibration.pictures:
            image = {"image": np.asarray(Image.open(path))[None]}
            moved += float(((run_ort(other, image)["y"] - run_ort(model, image)["y"]) ** 2).sum())
        return moved

    assert off(with_fitted(model, {"w": found})) < 0.7 * off(plain)


def test_they_are_kept_between_runs(
    calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _net("y = MatMul (f, w)", w=drawn("w", (3, 5)))
    first = fitted_weights(calibration, model, ["w"])["w"]
    monkeypatch.setattr(Calibration, "feeds", lambda *_: pytest.fail("run again"))
    again = fitted_weights(calibration, model, ["w"])["w"]
    assert (again.whole == first.whole).all() and (again.values == first.values).all()


@pytest.mark.parametrize(
    "body",
    [
        "a = MatMul (f, w)  b = Add (a, w)  y = Identity (b)",  # read as a value, too
        "y = MatMul (f, f2)",
    ],
)
def test_what_is_no_weight_is_left_out(body: str) -> None:
    text = f"(float[5,5] f, float[5,5] f2) => (float[5,5] y) {{ {body} }}"
    stored = {"w": drawn("w", (5, 5))} if "w)" in body else {}
    assert not weights_of(graph(text, **stored))


def test_a_weight_that_two_nodes_read_is_rounded_once(calibration: Calibration) -> None:
    model = _net("a = MatMul (f, w)  b = MatMul (f, w)  y = Add (a, b)", w=drawn("w", (3, 5)))
    (weight,) = weights_of(model)
    assert len(weight.nodes) == 2
    assert set(fitted_weights(calibration, model, ["w"])) == {"w"}
