"""Heat maps: arithmetic by hand, and the demo's detector in every artifact."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.compile import export
from mobilecat.demo import FOLDER
from mobilecat.geometry.resize import plan_resize
from mobilecat.saliency.cam import correlation, eigen_cam, enlarged, grad_cam
from mobilecat.saliency.occlusion import occlusion_map
from mobilecat.saliency.result import on_picture
from tests.cat_faces import ONE, cat_faces_spec
from tests.command import mobilecat
from tests.test_cli import refused

TARGETS = '[targets.onnx]\n[targets.tflite]\n[[targets.coreml]]\nformat = "mlpackage"\n'


@pytest.fixture(scope="module")
def cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saliency") / "cats"
    export(cat_faces_spec(TARGETS), folder, spec_folder=FOLDER)
    return folder


def test_eigen_cam_finds_the_channel_that_differs_most() -> None:
    """Channel 0 is 3 at one place, channel 1 is 1 at another: the first direction is channel 0."""
    x = np.zeros((2, 3, 3))
    x[0, 1, 2], x[1, 0, 0] = 3.0, 1.0
    for sign in (1, -1):
        heat = eigen_cam(sign * x)
        assert np.unravel_index(heat.argmax(), heat.shape) == (1, 2) and heat.max() == 1
    assert not eigen_cam(np.ones((4, 5, 5))).any()


def test_grad_cam_by_hand() -> None:
    """Weights are the gradients' means, 1 and −2: 1·a₀ − 2·a₁ = [[1, 2], [-5, 0]], cut at 0."""
    a = np.array([[[1.0, 2], [3, 0]], [[0, 0], [4, 0]]])
    g = np.array([[[0.0, 2], [0, 2]], [[-2, -2], [-2, -2]]])
    assert np.allclose(grad_cam(a, g), [[0.5, 1.0], [0, 0]])


def test_enlarging_and_correlation_by_hand() -> None:
    assert np.allclose(enlarged(np.array([[0.0, 1.0]]), (4, 1)), [[0, 0.25, 0.75, 1]])
    a = np.array([[0.0, 1, 2]])
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1) and correlation(a, np.ones((1, 3))) == 0


def test_a_map_over_the_models_input_lies_on_the_picture() -> None:
    """200 × 100 into 100 × 100: rows 25 to 75 of the input are the picture."""
    values = np.zeros((10, 10))
    values[2, 0] = 1.0  # rows 20 to 30, columns 0 to 10 of the input: the picture's upper left
    heat = on_picture(values, plan_resize((200, 100), (100, 100), "letterbox"))
    assert heat.shape == (100, 200) and np.unravel_index(heat.argmax(), heat.shape)[0] < 5
    assert heat[:, 60:].max() < 0.01 and heat[60:].max() < 0.01


def test_occlusion_finds_the_only_place_that_counts() -> None:
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[30:38, 70:78] = 255
    heat = occlusion_map(pixels, lambda p: float(p[30:38, 70:78].mean()))
    i, j = np.unravel_index(heat.argmax(), heat.shape)
    assert abs((i + 0.5) * 8 - 34) <= 8 and abs((j + 0.5) * 8 - 74) <= 8
    assert heat[10:].max() == 0


def test_source_and_every_artifact_look_at_the_cats_face(cats: Path, tmp_path: Path) -> None:
    """The face is at x 79 to 186, y 224 to 314, as it was drawn."""
    found = mc.heat_maps(cats, ONE)
    assert {m.lane.partition(":")[0] for m in found.maps} == {"source", "onnx", "tflite", "coreml"}
    for m in found.maps:
        assert 79 < m.peak[0] < 186 and 224 < m.peak[1] < 314, m
        assert m.correlation is None or m.correlation > 0.95
    assert found.alike and found.exit_code == 0 and found.draw().width > 300
    told = mobilecat(
        "explain", cats, "--image", ONE, "--runner", "tflite", "--draw", tmp_path / "m.png"
    )
    assert told.returncode == 0 and "every artifact looks where its source does" in told.stdout
    assert (tmp_path / "m.png").is_file()


@pytest.mark.parametrize("name", ["00000003_024.jpg", "00000006_009.jpg"])
def test_on_photographs_too(cats: Path, shared_data: Path, name: str) -> None:
    """Of the 16 that docs/explain.md tells of."""
    labels = json.loads((shared_data / "cats/labels.json").read_text())["images"]
    face = next(x for x in labels if x["file"].endswith(name))["box_xyxy_from_landmarks"]
    found = mc.heat_maps(cats, shared_data / "cats" / name)
    assert len(found.maps) == 4 and found.alike
    for m in found.maps:
        assert face[0] < m.peak[0] < face[2] and face[1] < m.peak[1] < face[3], m.lane


def test_an_artifact_that_looks_elsewhere_falls_short(
    cats: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mobilecat.saliency.methods as methods

    right = methods.of_artifact

    def mirrored(*args: object) -> dict[str, np.ndarray]:
        return {n: a[..., ::-1] for n, a in right(*args).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(methods, "of_artifact", mirrored)
    found = mc.heat_maps(cats, ONE, runner="onnx")
    assert not found.alike and "looks elsewhere than its source" in repr(found)


def test_what_is_not_there_is_said(cats: Path) -> None:
    refused(mobilecat("explain", cats, "--image", ONE, "--method", "magic"), "No such method")
    refused(
        mobilecat("explain", cats, "--image", ONE, "--layer", "nowhere"), "There is no such layer"
    )
    words = ["explain", cats, "--image", ONE, "--class", "dog"]
    refused(mobilecat(*words, "--method", "occlusion"), "No such class", "cat face")
    refused(mobilecat(*words), "No such class")
    words = ["explain", cats, "--image", ONE, "--class", "cat face", "--method"]
    refused(mobilecat(*words, "eigen-cam"), "Eigen-CAM shows what a layer sees")
    refused(mobilecat("explain", cats), "Which picture?")


def test_heat_maps_stand_on_the_page_of_a_report(cats: Path, tmp_path: Path) -> None:
    golden, page = tmp_path / "golden", tmp_path / "page.html"
    mc.golden.record(cats, golden, ONE)
    mc.golden.approve(cats, golden, ONE.stem, by="me")
    words = ["validate", cats, "--golden", golden, "--runner", "onnx"]
    refused(mobilecat(*words, "--heat-maps"), "heat maps are shown on the page", "--html")
    told = mobilecat(*words, "--heat-maps", "--html", page)
    assert told.returncode == 0, told.stderr
    text = page.read_text()
    assert text.count('class="looks"') == 1 and "Where each lane looks" in text
    assert "eigen-cam of" in text and "gives no gradients" in text
