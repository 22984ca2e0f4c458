"""A small graph run over pictures: ranges against numpy, the cache, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mobilecat.errors import MobileCatError
from mobilecat.quantize import Calibration, calibration_of
from mobilecat.quantize import calibrate as module
from mobilecat.spec import QuantizeSpec, Spec, spec_from_text

WEIGHTS = np.array([[[[2.0]], [[0.0]], [[0.0]]], [[[0.0]], [[-1.0]], [[0.5]]]], np.float32)
SIDE = 4


def _model(opset: int = 18) -> ir.Model:
    """image uint8 [1,4,4,3] → float → NCHW → 1×1 convolution → ReLU."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "w"], ["y"]),
        helper.make_node("Relu", ["y"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, SIDE, SIDE])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return ir.from_proto(onnx.shape_inference.infer_shapes(made))


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    rng = np.random.default_rng(5)
    for i in range(5):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        place = folder / "below" if i % 2 else folder
        Image.fromarray(pixels).save(place / f"{i}.png")
    return folder


def _calibration(photos: Path, **said: object) -> Calibration:
    spec = spec_from_text('source = "x.onnx"\n[input]\nsize = [4, 4]', folder=photos)
    settings = QuantizeSpec(calibration=".", **said)
    return calibration_of(spec.model_copy(update={"quantize": settings}), photos)


def _pixels(calibration: Calibration) -> np.ndarray:
    return np.stack([np.asarray(Image.open(p)) for p in calibration.pictures]).astype(np.float64)


@pytest.mark.parametrize("opset", [13, 18])
def test_ranges_are_numpys_of_the_same_pictures(photos: Path, opset: int) -> None:
    calibration = _calibration(photos)
    found = calibration.ranges(_model(opset))
    x = _pixels(calibration)
    y = np.stack([2 * x[..., 0], 0.5 * x[..., 2] - x[..., 1]], axis=1)
    assert len(calibration.pictures) == 5
    for name, values in {"y": y, "out": np.maximum(y, 0)}.items():
        assert found[name].axis == 1
        assert found[name].lows.tolist() == values.min(axis=(0, 2, 3)).tolist()
        assert found[name].highs.tolist() == values.max(axis=(0, 2, 3)).tolist()
        assert found[name].range.low == values.min()
        assert found[name].range.high == values.max()


def test_percentile_sees_every_value(photos: Path) -> None:
    calibration = _calibration(photos, method="percentile", percentile=90.0)
    found = calibration.ranges(_model(), {"float"})
    x = np.sort(_pixels(calibration).ravel())
    assert list(found) == ["float"]
    assert len(x) == 240  # of which 24 are cut off at each end
    assert found["float"].range.low == pytest.approx(x[24], abs=255 / 2048)
    assert found["float"].range.high == pytest.approx(x[-25], abs=255 / 2048)
    assert found["float"].whole.high == x[-1]


def test_the_same_is_read_back_without_a_run(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _calibration(photos).ranges(_model())
    monkeypatch.setattr(module, "_measured", lambda *_: pytest.fail("ran again"))
    again = _calibration(photos).ranges(_model())
    for name, seen in first.items():
        assert again[name].range == seen.range and again[name].axis == seen.axis
        assert again[name].lows.tolist() == seen.lows.tolist()


def test_another_picture_is_another_run(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _calibration(photos).ranges(_model())
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(photos / "0.png")
    monkeypatch.setattr(module, "_measured", lambda *_: {})
    assert _calibration(photos).ranges(_model()) == {}


def test_the_seed_draws_the_pictures(photos: Path) -> None:
    drawn = [_calibration(photos, number=2, seed=s).pictures for s in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len({*drawn}) > 1
    assert all(len(p) == 2 for p in drawn)


def _spec(text: str, folder: Path) -> Spec:
    whole = f'source = "x.onnx"\n[input]\nsize = [4, 4]\n{text}\n[targets.onnx]'
    return spec_from_text(whole, folder=folder)


@pytest.mark.parametrize("name", ["/etc", ".ssh", "C:\\photos"])
def test_a_spec_reads_no_folder_that_it_has_no_reason_to(tmp_path: Path, name: str) -> None:
    with pytest.raises(MobileCatError, match=r"quantize\.calibration"):
        _spec(f"[quantize]\ncalibration = '{name}'", tmp_path)


@pytest.mark.parametrize(
    ("folder", "says"), [("nowhere", "not found"), ("empty", "no picture in it")]
)
def test_no_pictures_are_refused(tmp_path: Path, folder: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    spec = _spec(f'[quantize]\ncalibration = "{folder}"', tmp_path)
    with pytest.raises(MobileCatError, match=says):
        calibration_of(spec)


def test_no_section_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(MobileCatError, match=r"\[quantize\] with calibration"):
        calibration_of(_spec("", tmp_path))
