"""Networks that take bytes, other whole numbers or halves: what their picture input is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.errors import ModelError
from mobilecat.judge import validate
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import spec_from_text

W, H = 8, 6
RGB = np.random.default_rng(2).integers(0, 256, (H, W, 3), dtype=np.uint8)
WHOLE = ("UINT8", "INT16", "INT32", "INT64")
TARGETS = """
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""


def save_network(path: Path, kind: str, interleaved: bool, cast_first: bool = True) -> Path:
    """Write a network of one convolution that takes `kind`, with a cast of its own to floats."""
    dtype = getattr(TensorProto, kind)
    half = kind == "FLOAT16"
    weights = np.random.default_rng(0).normal(size=(2, 3, 2, 2))
    nodes = []
    if interleaved:
        nodes.append(helper.make_node("Transpose", ["x"], ["t"], "turn", perm=[0, 3, 1, 2]))
    last = "t" if interleaved else "x"
    if not half:
        cast = helper.make_node("Cast", [last], ["f"], "cast", to=TensorProto.FLOAT)
        if interleaved and cast_first:
            cast = helper.make_node("Cast", ["x"], ["c"], "cast", to=TensorProto.FLOAT)
            nodes[0].input[0], nodes[0].output[0] = "c", "f"
            nodes.insert(0, cast)
        else:
            nodes.append(cast)
        last = "f"
    nodes.append(helper.make_node("Conv", [last, "w"], ["y"], "conv"))
    shape = [1, H, W, 3] if interleaved else [1, 3, H, W]
    out = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", out, [1, 2, H - 1, W - 1])],
        [numpy_helper.from_array(weights.astype(np.float16 if half else np.float32), "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def convolved(pixels: np.ndarray) -> np.ndarray:
    """Return the network's result on [H,W,3] in its own channel order, by hand."""
    weights = np.random.default_rng(0).normal(size=(2, 3, 2, 2))
    windows = np.lib.stride_tricks.sliding_window_view(pixels.astype(np.float64), (2, 2), (0, 1))
    return np.einsum("hwckl,ockl->ohw", windows, weights)[None]


def outputs(path: Path, spec: str, tmp_path: Path) -> dict[str, np.ndarray]:
    text = f'source = "{path}"\n[input]\nsize = [{W}, {H}]\n{spec}\n{TARGETS}'
    export(spec_from_text(text), tmp_path / "b")
    bundle = open_bundle(tmp_path / "b")
    lanes = [lane for lane in lanes_of(bundle) if not lane.apples]
    return {
        lane.name: open_lane(tmp_path / "b", bundle, lane).infer({"image": RGB})["y"]
        for lane in lanes
    }


@pytest.mark.parametrize("color", ["RGB", "BGR"])
@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_network_of_whole_numbers(
    kind: str, interleaved: bool, color: str, tmp_path: Path
) -> None:
    path = save_network(tmp_path / "m.onnx", kind, interleaved)
    got = outputs(path, f'color = "{color}"', tmp_path)
    want = convolved(RGB if color == "RGB" else RGB[..., ::-1])
    assert len(got) == 5
    for name, y in got.items():
        np.testing.assert_allclose(y, want, rtol=0, atol=1e-3, err_msg=name)


def test_bytes_that_are_turned_before_they_are_cast(tmp_path: Path) -> None:
    path = save_network(tmp_path / "m.onnx", "UINT8", interleaved=True, cast_first=False)
    for name, y in outputs(path, "", tmp_path).items():
        np.testing.assert_allclose(y, convolved(RGB), rtol=0, atol=1e-3, err_msg=name)


def test_bytes_that_are_centred(tmp_path: Path) -> None:
    path = save_network(tmp_path / "m.onnx", "INT8", interleaved=True)
    got = outputs(path, "range = [-128, 127]", tmp_path)
    for name, y in got.items():
        np.testing.assert_allclose(y, convolved(RGB - 128.0), rtol=0, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("spec", ["", "range = [0, 1]", "mean = 127.5\nstd = 128"])
def test_a_network_of_halves(spec: str, tmp_path: Path) -> None:
    path = save_network(tmp_path / "m.onnx", "FLOAT16", interleaved=False)
    scale, bias = {"": (1, 0), "range = [0, 1]": (1 / 255, 0)}.get(spec, (1 / 128, -127.5 / 128))
    want = convolved(RGB * scale + bias)
    got = outputs(path, spec, tmp_path)
    assert validate(tmp_path / "b", random=2).held
    for name, y in got.items():
        limit = 2e-3 * np.abs(want).max()
        np.testing.assert_allclose(y, want, rtol=0, atol=limit, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("UINT8", "range = [0, 1]", "it takes uint8, and range, mean and std make fractions"),
        ("UINT8", "mean = 127.5", "make fractions of the pixels"),
        ("INT8", "", "it takes int8, and the spec makes 0 to 255 of the pixels"),
        ("BOOL", "", "it takes bool, which is no picture"),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, spec: str, words: str, tmp_path: Path) -> None:
    path = save_network(tmp_path / "m.onnx", kind, interleaved=True)
    with pytest.raises(ModelError) as caught:
        outputs(path, spec, tmp_path)
    assert words in str(caught.value) and "leave range, mean and std out" in str(caught.value)
