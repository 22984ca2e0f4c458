"""Activations as int8: made on any machine, executed as Apple documents, held to what was measured.

Everything that is expected is worked out here in numpy: the float network's ranges, and the same
network in whole numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.formats.base.facts import ACTIVATIONS
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.lower.activations import scale_and_zero
from mobilecat.formats.coreml.quantised import quantised_facts
from mobilecat.graph import Array
from mobilecat.spec import spec_from_text

SPEC = """
name = "net"
source = "net.onnx"
[input]
size = [12, 12]
mean = 100
std = 100
[head]
kind = "raw"
[quantize]
calibration = "pictures"
[[targets.coreml]]
precision = "float32"
activations = "int8"
"""


def _weights() -> dict[str, Array]:
    rng = np.random.default_rng(11)
    shapes = {"first": (40, 3, 3, 3), "second": (32, 40, 1, 1)}
    return {n: rng.normal(0, 0.3, s).astype(np.float32) for n, s in shapes.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution, ReLU, a convolution; three pictures; the bundle that is made of them."""
    home = tmp_path_factory.mktemp("w8a8")
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "first"], ["a"], "a"),
        node("Relu", ["a"], ["b"], "b"),
        node("Conv", ["b", "second"], ["y"], "y"),
    ]
    held = [numpy_helper.from_array(w, n) for n, w in _weights().items()]
    takes = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])
    gives = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32, 10, 10])
    graph = helper.make_graph(nodes, "net", [takes], [gives], held)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), home / "net.onnx")
    (home / "pictures").mkdir()
    rng = np.random.default_rng(2)
    for i in range(3):
        pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / "pictures" / f"{i}.png")
    export(spec_from_text(SPEC), home / "bundle", source=home / "net.onnx", spec_folder=home)
    return home


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder / "bundle")


def _pictures(folder: Path) -> list[Array]:
    return [np.array(Image.open(folder / "pictures" / f"{i}.png")) for i in range(3)]


def _planes(pixels: Array) -> Array:
    return np.asarray((pixels.transpose(2, 0, 1) - 100.0) / 100, np.float64)


def _conv(x: Array, w: Array) -> Array:
    """[C,H,W] and [O,C,k,k], no padding: written out."""
    k = w.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows, w, optimize=True)


def test_the_ranges_are_numpys_over_the_float_network(folder: Path, bundle: Bundle) -> None:
    w = _weights()
    values: dict[str, list[Array]] = {"x": [], "b": []}
    for pixels in _pictures(folder):
        x = _planes(pixels)
        values["x"].append(x)
        values["b"].append(np.maximum(_conv(x, w["first"]), 0))
    wanted = sorted((min(v.min() for v in vs), max(v.max() for v in vs)) for vs in values.values())
    found = sorted(bundle.artifacts[0].ranges.values())
    assert bundle.artifacts[0].precision == "w8a8"
    assert np.array(found) == pytest.approx(np.array(wanted), rel=1e-5, abs=1e-6)


def test_the_file_computes_what_whole_numbers_give(folder: Path, bundle: Bundle) -> None:
    """int8 times int8, added up as integers: the two scales come last."""
    ranges = sorted(bundle.artifacts[0].ranges.values())  # x from −1, b from 0
    model = runtime.load(folder / "bundle" / "net.mlpackage")
    for pixels in _pictures(folder):
        x = _quantised_conv(_planes(pixels), _weights()["first"], ranges[0])
        y = _quantised_conv(np.maximum(x, 0), _weights()["second"], ranges[1])
        found = model.predict({"image": Image.fromarray(pixels)})
        (given,) = [v for v in found.values() if np.shape(v) == (1, 32, 10, 10)]
        step = (ranges[1][1] - ranges[1][0]) / 255
        off = np.abs(given[0] - y)
        # A value on the border between two steps may go the other way in float32: rarely.
        assert np.mean(off > 1e-4) < 0.02
        assert off.max() < 3 * step


def _quantised_conv(x: Array, w: Array, limits: tuple[float, float]) -> Array:
    low, high = min(limits[0], 0), max(limits[1], 0)
    scale = np.float32((high - low) / 255)
    zero = int(np.rint(-128 - low / float(scale)))
    q = np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int64)
    by = np.abs(w).max(axis=(1, 2, 3), keepdims=True) / 127
    whole = np.rint(w / by).astype(np.int64)
    return _conv(q - zero, whole) * by.reshape(-1, 1, 1) * scale


@pytest.mark.parametrize(
    ("limits", "scale", "zero"),
    [
        ((0.0, 255.0), 1.0, -128),
        ((-1.0, 1.55), 0.01, -28),
        ((-25.5, 0.0), 0.1, 127),
        ((10.0, 51.0), 0.2, -128),  # 0 belongs to it: padding is 0
        ((-0.28, 4.82), 0.02, -114),
    ],
)
def test_scale_and_zero_point_by_hand(limits: tuple[float, float], scale: float, zero: int) -> None:
    found, at = scale_and_zero(*limits, np.float32)
    assert float(found) == pytest.approx(scale)
    assert int(at) == zero


# what the file says -------------------------------------------------------------------------------


def _wrong(folder: Path, bundle: Bundle, **limits: tuple[float, float]) -> list[str]:
    record = bundle.artifacts[0]
    other = record.model_copy(update={"ranges": {**record.ranges, **limits}})
    found = list(quantised_facts(folder / "bundle" / record.file, other))
    assert {f.group for f in found} == {ACTIVATIONS}
    return [str(f) for f in found if not f.holds]


def test_the_file_holds_the_ranges_that_were_calibrated(folder: Path, bundle: Bundle) -> None:
    assert _wrong(folder, bundle) == []
    name, (low, high) = next(iter(bundle.artifacts[0].ranges.items()))
    assert "scale of" in _wrong(folder, bundle, **{name: (low / 2, high / 2)})[0]
    shifted = (low + (high - low) / 255, high + (high - low) / 255)
    assert any("zero point of" in s for s in _wrong(folder, bundle, **{name: shifted}))
    assert "tensors" in _wrong(folder, bundle, other=(0.0, 1.0))[0]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('activations = "int8"\ndeployment_target = "iOS16"', "needs iOS17 or newer, not iOS16"),
        ('activations = "int8"\nweights = "int4"', 'goes with weights = "int8"'),
        ('activations = "int8"\nformat = "mlmodel"', "an mlmodel"),
    ],
)
def test_what_it_does_not_go_with_is_said(said: str, words: str) -> None:
    from mobilecat.errors import SpecError

    with pytest.raises(SpecError) as e:
        spec_from_text(SPEC.replace('activations = "int8"', said))
    assert any(words in p.what for p in e.value.problems)


def test_without_pictures_there_is_nothing_to_calibrate_on(folder: Path, tmp_path: Path) -> None:
    from mobilecat.errors import SpecError

    text = SPEC.replace('[quantize]\ncalibration = "pictures"\n', "")
    with pytest.raises(SpecError, match="nothing to calibrate") as e:
        export(spec_from_text(text), tmp_path / "b", source=folder / "net.onnx")
    assert "needs pictures, which [quantize] names" in e.value.problems[0].what


def test_quantize_rounds_half_to_even_and_cuts_off(tmp_path: Path) -> None:
    """coremltools' documented arithmetic, on values of our own."""
    x: Any = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1000.0, -1000.0, 3.49], np.float32)
    wanted = [0, 2, 2, 0, -2, 122, -133, 3]  # at scale 1, zero point 5: −128 − 5 and 127 − 5
    assert _round_trip(x, 1.0, 5, tmp_path / "a.mlpackage") == wanted
    assert _round_trip(x / 4, 0.25, -3, tmp_path / "b.mlpackage") == [
        v / 4 for v in (0, 2, 2, 0, -2, 130, -125, 3)
    ]


def _round_trip(x: Array, scale: float, zero: int, path: Path) -> list[float]:
    from mobilecat.formats.coreml.lower.mil import load_coremltools, quiet

    load_coremltools()
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder as mb

    @mb.program(  # type: ignore[untyped-decorator]
        input_specs=[mb.TensorSpec(shape=x.shape)], opset_version=ct.target.iOS17
    )
    def program(x: Any) -> Any:
        named = {"scale": np.float32(scale), "zero_point": np.int8(zero)}
        q = mb.quantize(input=x, output_dtype="int8", **named)
        return mb.dequantize(input=q, name="y", **named)

    with quiet():
        made = ct.convert(
            program,
            convert_to="mlprogram",
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS17,
            skip_model_load=True,
        )
        made.save(str(path))
    model = runtime.load(path)
    return list(map(float, model.predict({model.inputs[0].name: x})["y"]))
