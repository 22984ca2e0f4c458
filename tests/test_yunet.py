"""The main job on real input: YuNet in every form, and the demo's detector, every artifact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.demo import DETECTOR
from mobilecat.lanes import NotRun, Runner, detect, lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.spec import load_spec
from tests.conftest import ROOT, network_and_picture

SPEC = ROOT / "examples" / "yunet" / "mobilecat.toml"
DEMO = "cat_faces"
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
    DEMO: (224, 224),
    "face_detection_yunet_2023mar": (640, 640),
    "yunet_n_320_320": (320, 320),
    "yunet_n_dynamic": (640, 480),
    "face_detection_yunet_2022mar": (160, 120),
}
# Of the pictures: the face as it was drawn, or read off by eye, and a part that is mostly face.
FACES = {DEMO: (79, 224, 186, 314), "yunet": (180, 62.5, 270, 172.5)}
PARTS = {DEMO: (40, 180, 221, 400), "yunet": (140, 20, 321, 240)}
EYES_NOSE_MOUTH = [(202, 105), (245, 105), (221, 127), (204, 146), (243, 146)]
# Pixels of a 640 input, and scores: what the shipped precision may cost.
LIMITS = {"float32": (0.5, 1e-3), "float16": (2.0, 1e-2)}


def pictures(upright: Image.Image, model: str) -> dict[str, Image.Image]:
    """The face upright, in pictures of odd aspect ratios, and turned by 90°."""
    wide = ImageOps.expand(upright, (301, 17, 0, 3), "gray")
    tall = ImageOps.expand(upright, (5, 0, 2, 397), "navy")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    close = upright.crop(PARTS[model])
    return {"upright": upright, "wide": wide, "tall": tall, "turned": turned, "close": close}


@pytest.fixture(scope="module", params=MODELS)
def picture_and_bundle(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Image.Image, Path]:
    source, picture = network_and_picture(request.param)
    width, height = MODELS[request.param]
    text = (DETECTOR if request.param == DEMO else SPEC).read_text("utf-8")
    text = text.split("[[targets", 1)[0] + BOTH_PRECISIONS
    folder = tmp_path_factory.mktemp("bundle")
    spec = folder / "mobilecat.toml"
    spec.write_text(text.replace("size = [640, 640]", f"size = [{width}, {height}]"), "utf-8")
    export(load_spec(spec), folder / "bundle", source=source)
    return Image.open(picture).convert("RGB"), folder / "bundle"


@pytest.fixture(scope="module")
def upright(picture_and_bundle: tuple[Image.Image, Path]) -> Image.Image:
    return picture_and_bundle[0]


@pytest.fixture(scope="module")
def opened(
    picture_and_bundle: tuple[Image.Image, Path],
) -> tuple[Bundle, Runner, dict[str, Runner]]:
    """The bundle, its source, and a runner for each artifact that this machine can run."""
    bundle_dir = picture_and_bundle[1]
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
    opened: tuple[Bundle, Runner, dict[str, Runner]], upright: Image.Image, name: str
) -> None:
    bundle, source, runners = opened
    picture = pictures(upright, bundle.name)[name]
    expected = detect(source, bundle, picture)
    assert bundle.spec.input is not None
    assert len(expected) >= 1 or name == "turned"
    for lane, runner in runners.items():
        got = detect(runner, bundle, picture)
        assert len(got) == len(expected), f"{lane}: {len(got)} detections, not {len(expected)}"
        px, score = LIMITS[precision_of(bundle, lane)]
        px *= max(picture.size) / 640
        np.testing.assert_allclose(got.boxes_xyxy, expected.boxes_xyxy, atol=px, err_msg=lane)
        if expected.landmarks_xy is None:
            assert bundle.name == DEMO and got.landmarks_xy is None
        else:
            np.testing.assert_allclose(
                got.landmarks_xy, expected.landmarks_xy, atol=px, err_msg=lane
            )
        np.testing.assert_allclose(got.scores, expected.scores, atol=score, err_msg=lane)


def test_the_face_is_where_the_face_is(
    opened: tuple[Bundle, Runner, dict[str, Runner]], upright: Image.Image
) -> None:
    """The drawn face; or the astronaut's, with eyes, nose and mouth read off by eye."""
    bundle, source, runners = opened
    found: Detections
    for lane, runner in {"source": source, **runners}.items():
        found = detect(runner, bundle, upright)
        off = np.abs(found.boxes_xyxy[0] - FACES[bundle.name])
        assert (off < (15, 22.5, 15, 17.5)).all(), (lane, off)
        if bundle.name != DEMO:
            assert found.landmarks_xy is not None
            assert np.abs(found.landmarks_xy[0] - EYES_NOSE_MOUTH).max() < 8, lane
