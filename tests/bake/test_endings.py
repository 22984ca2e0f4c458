"""How a baked graph ends: the vision ending by hand, refusals, anchors that travel with a graph."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bake import Ending, bake
from mobilecat.compile import export
from mobilecat.errors import ModelError
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import spec_from_text
from tests.heads.cases import SINGLE, SUPPRESSED
from tests.heads.networks import frozen, run_graph, save_constant_network, save_network
from tests.heads.rows import Case, toml


def case_of(name: str) -> Case:
    return next(c for c in (*SUPPRESSED, *SINGLE) if c.name == name)


@pytest.fixture
def picture() -> np.ndarray:
    return np.full((1, 30, 50, 3), 128, np.uint8)


def test_vision_coordinates_by_hand(tmp_path: Path, picture: np.ndarray) -> None:
    # rows cx, cy, w, h, two classes: 10,6–30,12 of 50×30 has centre (.4, .3) and size (.4, .2)
    out = np.array([[20, 25], [9, 15], [20, 50], [6, 30], [0.3, 0.1], [0.6, 0.2]])[None]
    out = np.concatenate([out, np.zeros((1, 6, 5))], axis=2)
    path = save_constant_network(tmp_path / "net.onnx", (50, 30), {"o": out})
    case = Case("", 'kind = "yolov8"', (50, 30), {}, 7, 2)
    baked = bake(frozen(path), spec_from_text(toml(case, path)), "uint8", "vision")
    assert [v.name for v in baked.model.graph.outputs] == ["confidence", "coordinates"]
    got = run_graph(baked.model, {"image": picture}, ())
    assert got["confidence"].shape == (7, 2)
    assert got["coordinates"].shape == (7, 4)
    np.testing.assert_allclose(
        got["coordinates"][:2], [[0.4, 0.3, 0.4, 0.2], [0.5, 0.5, 1, 1]], atol=1e-6
    )
    np.testing.assert_allclose(got["confidence"][:2], [[0.3, 0.6], [0.1, 0.2]], atol=1e-7)


@pytest.mark.parametrize("ending", ["vision", "detection"])
def test_only_tensors_carry_landmarks(ending: Ending, tmp_path: Path) -> None:
    case = case_of("centernet")
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    with pytest.raises(ModelError) as caught:
        bake(frozen(path), spec_from_text(toml(case, path)), "uint8", ending)
    assert [p.what for p in caught.value.problems] == [
        "the head has 5 landmarks, which it cannot carry"
    ]


DETECTION = ("ssd-generated", "ssd-settings-xywh-softmax", "yolox", "yolov8", "yolov1-nhwc")


@pytest.mark.parametrize("name", DETECTION)
def test_detection_encodings_stand_for_the_same_boxes(name: str, tmp_path: Path) -> None:
    """Decoded as TFLite_Detection_PostProcess does, they are the candidates of `tensor`.

    https://github.com/google-ai-edge/LiteRT: detection_postprocess.cc, DecodeCenterSizeBoxes.
    """
    case = case_of(name)
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    spec = spec_from_text(toml(case, path))
    width, height = case.size_wh
    picture = np.full((1, height, width, 3), 77, np.uint8)
    tensor = bake(frozen(path), spec, "uint8")
    want = run_graph(tensor.model, {"image": picture}, tensor.candidates)
    baked = bake(frozen(path), spec, "uint8", "detection")
    assert [v.name for v in baked.model.graph.outputs] == ["box_encodings", "class_predictions"]
    got = run_graph(baked.model, {"image": picture}, ())
    assert got["box_encodings"].shape == (1, case.n, 4)
    assert got["class_predictions"].shape == (1, case.n, case.c)
    assert baked.anchors is not None and baked.anchors.rows.shape == (case.n, 4)
    assert (baked.anchors.scales == (1, 1, 1, 1)) is not name.startswith("ssd")
    t = got["box_encodings"][0].astype(np.float64) / baked.anchors.scales
    anchor = baked.anchors.rows.astype(np.float64)
    cy, cx = (t[:, :2] * anchor[:, 2:] + anchor[:, :2]).T
    h, w = (np.exp(t[:, 2:]) * anchor[:, 2:]).T
    boxes = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
    boxes *= [width, height, width, height]
    np.testing.assert_allclose(boxes, want[tensor.candidates[0]][0], rtol=2e-5, atol=2e-4)
    scores = want[tensor.candidates[1]]
    np.testing.assert_allclose(got["class_predictions"], scores, atol=1e-6)


def test_a_box_without_sides_has_an_encoding(tmp_path: Path, picture: np.ndarray) -> None:
    out = np.concatenate([np.full((1, 2, 7), 9.0), np.zeros((1, 2, 7)), np.ones((1, 1, 7))], axis=1)
    path = save_constant_network(tmp_path / "net.onnx", (50, 30), {"o": out})
    spec = spec_from_text(toml(Case("", 'kind = "yolov8"', (50, 30), {}, 7, 1), path))
    baked = bake(frozen(path), spec, "uint8", "detection")
    got = run_graph(baked.model, {"image": picture}, ())
    assert np.isfinite(got["box_encodings"]).all()
    assert (np.exp(got["box_encodings"][..., 2:]) < 1e-8).all()


def test_anchors_in_the_graphs_metadata(tmp_path: Path, picture: np.ndarray) -> None:
    """Zero encodings are the anchors: cy .5, cx .2, h .4, w .1 of 50×30."""
    rows = np.array([[0.5, 0.2, 0.4, 0.1], [0.5, 0.5, 1, 1]], dtype="<f4")
    arrays = {"enc": np.zeros((1, 2, 4)), "cls": np.zeros((1, 2, 3))}
    path = save_constant_network(tmp_path / "net.onnx", (50, 30), arrays)
    network = frozen(path)
    network.metadata_props["mobilecat.anchors"] = base64.b64encode(rows.tobytes()).decode()
    spec = spec_from_text(toml(Case("", 'kind = "ssd"', (50, 30), {}, 2, 2), path))
    baked = bake(network, spec, "uint8")
    assert "2 anchors from the graph" in baked.settled[0]
    got = run_graph(baked.model, {"image": picture}, baked.candidates)
    boxes = got[baked.candidates[0]][0]
    np.testing.assert_allclose(boxes, [[7.5, 9, 12.5, 21], [0, 0, 50, 30]], atol=1e-5)


def test_damaged_anchors_are_said(tmp_path: Path) -> None:
    arrays = {"enc": np.zeros((1, 2, 4)), "cls": np.zeros((1, 2, 3))}
    path = save_constant_network(tmp_path / "net.onnx", (50, 30), arrays)
    network = frozen(path)
    network.metadata_props["mobilecat.anchors"] = base64.b64encode(b"12345").decode()
    spec = spec_from_text(toml(Case("", 'kind = "ssd"', (50, 30), {}, 2, 2), path))
    with pytest.raises(ModelError, match="anchors cannot be read"):
        bake(network, spec, "uint8")


def test_labels_are_held_to_the_classes(tmp_path: Path) -> None:
    case = case_of("box+class")
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    spec = spec_from_text(toml(case, path, 'labels = ["cat", "dog"]'))
    with pytest.raises(ModelError) as caught:
        bake(frozen(path), spec, "uint8")
    assert [p.what for p in caught.value.problems] == ["2 labels, but the head has 3 classes"]


def test_the_familys_thresholds_are_printed(tmp_path: Path) -> None:
    case = case_of("yolov1-nhwc")
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    baked = bake(frozen(path), spec_from_text(toml(case, path)), "uint8")
    assert baked.settled[1].startswith(
        "nms defaults of yolov1: score_threshold 0.1, iou_threshold 0.5"
    )


@pytest.mark.parametrize("k", [1, 300, 3000])
def test_as_many_as_asked_for(k: int, tmp_path: Path) -> None:
    """40×40 boxes side by side, none overlapping: min(k, 1600) are kept, best first."""
    n = 1600
    row, col = np.divmod(np.arange(n), 40)
    score = 0.5 + np.random.default_rng(0).permutation(n) / 4000
    out = np.stack([col * 2 + 1.0, row + 0.5, np.full(n, 2.0), np.ones(n), score])[None]
    path = save_constant_network(tmp_path / "net.onnx", (80, 40), {"o": out})
    case = Case("", 'kind = "yolov8"', (80, 40), {}, n, 1)
    nms = f"nms = {{ max_detections = {k} }}"
    baked = bake(frozen(path), spec_from_text(toml(case, path, nms)), "uint8")
    got = run_graph(baked.model, {"image": np.zeros((1, 40, 80, 3), np.uint8)}, ())
    kept = min(k, n)
    assert got["count"].tolist() == [kept]
    assert got["boxes"].shape == (1, k, 4)
    best = np.argsort(-score)[:kept]
    want = np.stack([col * 2, row, col * 2 + 2, row + 1], axis=1)[best]
    np.testing.assert_allclose(got["boxes"][0, :kept], want, atol=1e-4)
    assert not got["boxes"][0, kept:].any() and not got["scores"][0, kept:].any()


def test_a_networks_own_boxes_step_aside(tmp_path: Path) -> None:
    """UltraFace's outputs are called as the contract's: both can be read, each by its name."""
    case = case_of("ultraface-raw")
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    spec = spec_from_text(toml(case, path))
    bundle = export(spec, tmp_path / "bundle").bundle
    assert {t.name: t.shape for t in bundle.raw_outputs} == {
        "boxes__network": (1, 1187, 4),
        "scores__network": (1, 1187, 2),
    }
    width, height = case.size_wh
    image = np.full((height, width, 3), 9, np.uint8)
    source, onnx = (
        open_lane(tmp_path / "bundle", bundle, lane).infer(
            {"image": image}, ["boxes__network", "scores__network", "boxes"]
        )
        for lane in lanes_of(bundle)
    )
    assert source["boxes"].shape == onnx["boxes"].shape == (1, 100, 4)
    for name in ("boxes__network", "scores__network"):
        np.testing.assert_allclose(onnx[name], source[name], atol=1e-5)
