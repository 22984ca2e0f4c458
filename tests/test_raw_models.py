"""`head = "raw"`: every ONNX file of the test data, every target, every output, to 1e-4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.export import export
from mobilecat.graph import Array
from mobilecat.runners import NotRun, lanes_of, open_lane
from mobilecat.spec import spec_from_model_file
from tests.conftest import shared_data_path

# input → (scale, bias) that turn picture bytes into what the network was trained on.
REAL_INPUT = {
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
SHAPES = {"yunet_n_dynamic": {"input": (1, 3, 320, 480)}}


def every_model() -> list[str]:
    folder = shared_data_path()
    found = sorted(p.stem for p in (folder / "models").glob("*.onnx")) if folder else []
    return found or sorted(REAL_INPUT)


def picture_input(shape: tuple[int, ...], name: str, data: Path) -> Array:
    planar = shape[1] == 3
    height, width = shape[2:] if planar else shape[1:3]
    picture = Image.open(data / "astronaut.png").convert("RGB").resize((width, height))
    scale, bias = REAL_INPUT[name]
    x = np.asarray(picture, dtype=np.float32) * np.float32(scale) + np.float32(bias)
    return np.ascontiguousarray(x.transpose(2, 0, 1) if planar else x)[None]


@pytest.mark.parametrize("name", every_model())
def test_every_artifact_gives_the_source_outputs(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    model = shared_data / "models" / f"{name}.onnx"
    before = model.stat()
    done = export(spec_from_model_file(model, SHAPES.get(name)), tmp_path / "raw")
    bundle = open_bundle(tmp_path / "raw")
    shape = bundle.inputs[0].shape
    rng = np.random.default_rng(11)
    inputs = {
        "random": rng.random(shape, dtype=np.float32),
        "picture": picture_input(shape, name, shared_data),
    }
    expected: dict[str, dict[str, Array]] = {}
    compared = 0
    for lane in lanes_of(bundle):
        try:
            runner = open_lane(done.folder, bundle, lane)
        except NotRun:
            assert lane.runner == "coreml-native"
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
    assert compared == 4 * 2 * len(bundle.outputs), "every artifact, both inputs, every output"
    assert model.stat().st_mtime_ns == before.st_mtime_ns
