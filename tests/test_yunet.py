"""The main job on real input: YuNet, every form and every artifact, on real pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.lanes import NotRun, Runner, detect, lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.spec import load_spec

SPEC = Path(__file__).resolve().parents[1] / "examples" / "yunet" / "mobilecat.toml"
BOTH_PRECISIONS = """
[[targets.coreml]]
format = "mlpackage"
precision = "float16"
[[targets.coreml]]
format = "mlpackage"
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
input = "uint8"
[targets.onnx]
"""
MODELS = {
    "face_detection_yunet_2023mar.onnx": (640, 640),
    "yunet_n_320_320.onnx": (320, 320),
    "yunet_n_dynamic.onnx": (640, 480),
    "face_detection_yunet_2022mar.onnx": (160, 120),
}
# Pixels of a 640 input, and scores: what the shipped precision may cost.
LIMITS = {"float32": (0.5, 1e-3), "float16": (2.0, 1e-2)}


def pictures(astronaut: Image.Image) -> dict[str, Image.Image]:
    """The face upright, in pictures of odd aspect ratios, and turned by 90°."""
    wide = ImageOps.expand(astronaut, (301, 17, 0, 3), "gray")
    tall = ImageOps.expand(astronaut, (5, 0, 2, 397), "navy")
    turned = astronaut.transpose(Image.Transpose.ROTATE_90)
    small = astronaut.crop((140, 20, 321, 240))
    return {"upright": astronaut, "wide": wide, "tall": tall, "turned": turned, "close": small}


@pytest.fixture(scope="module", params=MODELS, ids=lambda n: n.removesuffix(".onnx"))
def bundle_dir(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    width, height = MODELS[request.param]
    text = SPEC.read_text().split("[[targets", 1)[0] + BOTH_PRECISIONS
    folder = tmp_path_factory.mktemp("yunet")
    spec = folder / "mobilecat.toml"
    spec.write_text(text.replace("size = [640, 640]", f"size = [{width}, {height}]"))
    source = shared_data / "models" / request.param
    export(load_spec(spec), folder / "bundle", source=source)
    return folder / "bundle"


@pytest.fixture(scope="module")
def opened(bundle_dir: Path) -> tuple[Bundle, Runner, dict[str, Runner]]:
    """The bundle, its source, and a runner for each artifact that this machine can run."""
    bundle = open_bundle(bundle_dir)
    runners: dict[str, Runner] = {}
    for lane in lanes_of(bundle):
        try:
            runners[lane.name] = open_lane(bundle_dir, bundle, lane)
        except NotRun:
            assert lane.runner == "coreml-native"
    source = runners.pop("source")
    assert {name.split(":")[0] for name in runners} >= {"onnx", "tflite", "coreml"}
    return bundle, source, runners


def precision_of(bundle: Bundle, lane: str) -> str:
    return bundle.artifact(lane.split(":", 1)[1]).precision


@pytest.mark.parametrize("name", ["upright", "wide", "tall", "turned", "close"])
def test_every_artifact_agrees_with_the_source(
    opened: tuple[Bundle, Runner, dict[str, Runner]], shared_data: Path, name: str
) -> None:
    bundle, source, runners = opened
    picture = pictures(Image.open(shared_data / "astronaut.png").convert("RGB"))[name]
    expected = detect(source, bundle, picture)
    assert bundle.spec.input is not None
    assert len(expected) >= 1 or name == "turned"
    for lane, runner in runners.items():
        got = detect(runner, bundle, picture)
        assert len(got) == len(expected), f"{lane}: {len(got)} detections, not {len(expected)}"
        px, score = LIMITS[precision_of(bundle, lane)]
        px *= max(picture.size) / 640
        np.testing.assert_allclose(got.boxes_xyxy, expected.boxes_xyxy, atol=px, err_msg=lane)
        np.testing.assert_allclose(got.landmarks_xy, expected.landmarks_xy, atol=px, err_msg=lane)
        np.testing.assert_allclose(got.scores, expected.scores, atol=score, err_msg=lane)


def test_the_face_is_where_the_face_is(
    opened: tuple[Bundle, Runner, dict[str, Runner]], shared_data: Path
) -> None:
    """Eyes, nose and mouth of astronaut.png, read off the picture by eye."""
    bundle, source, runners = opened
    by_eye = [(202, 105), (245, 105), (221, 127), (204, 146), (243, 146)]
    picture = Image.open(shared_data / "astronaut.png").convert("RGB")
    found: Detections
    for lane, runner in {"source": source, **runners}.items():
        found = detect(runner, bundle, picture)
        x1, y1, x2, y2 = found.boxes_xyxy[0]
        assert 165 < x1 < 195 and 255 < x2 < 285 and 40 < y1 < 85 and 155 < y2 < 190, lane
        assert found.landmarks_xy is not None
        assert np.abs(found.landmarks_xy[0] - by_eye).max() < 8, lane
