"""`head = "raw"`: the demo's and the test data's ONNX files, every target and output, to 1e-4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.judge.run import validate
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.spec import load_spec, spec_from_model_file
from tests.conftest import network_and_picture, shared_data_path

# input → (scale, bias) that turn picture bytes into what the network was trained on.
REAL_INPUT = {
    "cat_faces": (1 / 127.5, -1.0),
    "cat_landmarks": (1 / 127.5, -1.0),
    "face_detection_yunet_2022mar": (1.0, 0.0),
    "face_detection_yunet_2023mar": (1.0, 0.0),
    "yunet_n_320_320": (1.0, 0.0),
    "yunet_n_dynamic": (1.0, 0.0),
    "mtcnn_onet": (1 / 128, -127.5 / 128),
    "ultraface_version-slim-320": (1 / 128, -127 / 128),
    "ultraface_version-slim-320_without_postprocessing": (1 / 128, -127 / 128),
    "yolov3_tiny": (1 / 255, 0.0),
    "yolov5n": (1 / 255, 0.0),
    "yolox_nano": (1.0, 0.0),
}
DEMOS = ("cat_faces", "cat_landmarks")
SHAPES = {"yunet_n_dynamic": {"input": (1, 3, 320, 480)}}


def every_model() -> list[str]:
    folder = shared_data_path()
    found = sorted(p.stem for p in (folder / "models").glob("*.onnx")) if folder else []
    return sorted({*DEMOS, *found} if found else REAL_INPUT)


def picture_input(shape: tuple[int, ...], name: str, photo: Path) -> Array:
    planar = shape[1] == 3
    height, width = shape[2:] if planar else shape[1:3]
    picture = Image.open(photo).convert("RGB").resize((width, height))
    scale, bias = REAL_INPUT[name]
    x = np.asarray(picture, dtype=np.float32) * np.float32(scale) + np.float32(bias)
    return np.ascontiguousarray(x.transpose(2, 0, 1) if planar else x)[None]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", every_model())
def test_every_artifact_gives_the_source_outputs(tmp_path: Path, name: str) -> None:
    model, photo = network_and_picture(name)
    before = model.stat()
    done = export(spec_from_model_file(model, SHAPES.get(name)), tmp_path / "raw")
    bundle = open_bundle(tmp_path / "raw")
    shape = bundle.inputs[0].shape
    rng = np.random.default_rng(11)
    inputs = {
        "random": rng.random(shape, dtype=np.float32),
        "picture": picture_input(shape, name, photo),
    }
    expected: dict[str, dict[str, Array]] = {}
    compared = 0
    for lane in lanes_of(bundle, slow=False):
        try:
            runner = open_lane(done.folder, bundle, lane)
        except NotRun:
            assert lane.runner in ("coreml-native", "coreai-native")
            continue
        for case, x in inputs.items():
            got = runner.infer({bundle.inputs[0].name: x})
            if lane.runner == "source":
                expected[case] = got
                continue
            assert set(got) == set(expected[case]), lane.name
            for output, want in expected[case].items():
                have = got[output]
                assert have.shape == want.shape, (lane.name, output)
                limit = 1e-4 * max(1.0, float(np.abs(want).max()))
                worst = float(np.abs(have - want).max())
                assert worst <= limit, f"{lane.name} {output} {case}: {worst:.2e} > {limit:.2e}"
                compared += 1
    formats = [a.format for a in bundle.artifacts]  # and aimodel, where it can be written
    assert {"onnx", "tflite", "mlpackage", "mlmodel"} <= {*formats}
    every = len(formats) * 2 * len(bundle.outputs)
    assert compared == every, "every artifact, both inputs, every output"
    assert model.stat().st_mtime_ns == before.st_mtime_ns


def test_a_picture_beside_another_input(tmp_path: Path) -> None:
    """Written by the newest onnx, whose IR version onnxruntime may not know yet."""
    mean = helper.make_node("ReduceMean", ["photo"], ["m"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph(
        [mean, helper.make_node("Concat", ["m", "meta"], ["y"], axis=1)],
        "g",
        [
            helper.make_tensor_value_info("photo", onnx.TensorProto.FLOAT, [1, 3, 4, 6]),
            helper.make_tensor_value_info("meta", onnx.TensorProto.FLOAT, [1, 2]),
        ],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 5])],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=onnx.IR_VERSION)
    onnx.save(model, tmp_path / "two.onnx")
    (tmp_path / "s.toml").write_text(
        'name = "two"\nsource = "two.onnx"\n[input]\nsize = [6, 4]\nmean = 1\nstd = 2\n'
        'resize = "stretch"\n[targets.onnx]\n[targets.tflite]\n[[targets.coreml]]\n'
        'precision = "float32"\n[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"\n'
    )
    export(load_spec(tmp_path / "s.toml"), tmp_path / "b", spec_folder=tmp_path)
    bundle = open_bundle(tmp_path / "b")
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:2], pixels[..., 2] = (31, 11, 0), 241  # means of the channels: 15.5, 5.5, 241
    meta = np.array([[7.5, -2]], np.float32)
    ran = 0
    for lane in lanes_of(bundle):
        if lane.runner == "coreml-native":
            continue
        got = open_lane(tmp_path / "b", bundle, lane).infer({"image": pixels, "meta": meta})
        np.testing.assert_allclose(got["y"], [[7.25, 2.25, 120, 7.5, -2]], rtol=1e-5)
        ran += 1
    assert ran == 5
    assert onnx.load(tmp_path / "b" / "two.onnx").ir_version <= 10
    assert validate(tmp_path / "b", random=2).held
    with pytest.raises(MobileCatError, match="more than a picture") as caught:
        picture_inputs(bundle, Image.fromarray(pixels))
    assert [p.what for p in caught.value.problems] == ["input 'meta' 1×2 is no picture"]
