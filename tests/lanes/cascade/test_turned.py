"""Palm → turned crop → hand, against arithmetic of its own: vectors along the crop's sides.

What is expected here uses nothing of mobilecat: onnxruntime on both networks, Pillow for the
letterbox, and sums of unit vectors for the crop. No angle, sine, cosine or matrix.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compile.cascade import export_cascade
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.formats.coreai.dialect import missing
from mobilecat.golden.terms import terms_of
from mobilecat.judge.run import validate
from mobilecat.lanes import NotRun, decode_outputs, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.review.approve import approve, record
from mobilecat.spec.cascade import load_cascade
from tests.lanes.cascade.tiny_landmarks import TARGETS, landmark_spec
from tools.hand_nets import save_all

Array = np.ndarray[Any, Any]
COREAI = "" if missing() else "[targets.coreai]\n"


def detections_of(folder: Path, picture: Path, boxes: Path | None = None) -> dict[str, Detections]:
    bundle = open_any(folder)
    with Image.open(picture) as opened:
        tensors, plan = picture_inputs(bundle, opened.convert("RGB"), boxes)
    found = {}
    for lane in lanes_of(bundle, slow=False):
        try:
            found[lane.name] = decode_outputs(open_lane(folder, bundle, lane).infer(tensors), plan)
        except NotRun:
            assert lane.runner in ("coreml-native", "coreai-native")
    return found


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hands")
    export_cascade(save_all(folder, TARGETS + COREAI), folder / "out")
    return folder


def run_net(path: Path, x: Array) -> dict[str, Array]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input": x.astype(np.float32)}), strict=True))


def as_input(pixels: Array) -> Array:
    return pixels.transpose(2, 0, 1)[None] / 255


def palms(folder: Path) -> list[tuple[Array, Array, Array]]:
    """Return box, wrist, middle knuckle of each palm in the picture's pixels, best first."""
    canvas = np.zeros((192, 192, 3), np.uint8)
    with Image.open(folder / "hands.png") as picture:  # 320×240 → 192×144, 24 rows above
        canvas[24:168] = np.asarray(picture.resize((192, 144), Image.Resampling.BILINEAR))
    out = run_net(folder / "palm.onnx", as_input(canvas))
    kept: list[tuple[float, Array, Array]] = []
    for row in np.argsort(-out["scores"][0, :, 0], kind="stable"):
        score = 1 / (1 + np.exp(-out["scores"][0, row, 0]))
        if score <= 0.5:
            break
        cell, stride, across = (row // 2, 8, 24) if row < 1152 else ((row - 1152) // 6, 16, 12)
        anchor = np.array([cell % across + 0.5, cell // across + 0.5]) * stride
        values = out["boxes"][0, row].reshape(-1, 2)
        centre, half = anchor + values[0], values[1] / 2
        box = np.concatenate([centre - half, centre + half])
        if all(overlap(box, other) <= 0.3 for _, other, _ in kept):
            kept.append((score, box, anchor + values[2:]))

    def back(points: Array) -> Array:
        return (points - (0, 24)) * (320 / 192, 240 / 144)

    return [(back(b.reshape(2, 2)).ravel(), back(p)[0], back(p)[2]) for _, b, p in kept]


def overlap(a: Array, b: Array) -> float:
    w, h = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(w, 0) * max(h, 0)
    areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return float(shared / (areas - shared))


def hand_of(folder: Path, box: Array, wrist: Array, knuckle: Array) -> Array:
    """Return the 21 points in the picture's pixels."""
    up = (knuckle - wrist) / np.hypot(*(knuckle - wrist))
    down, right = -up, np.array([-up[1], up[0]])
    w, h = box[2] - box[0], box[3] - box[1]
    centre = (box[:2] + box[2:]) / 2 + 0.5 * h * up
    side = 2.6 * max(w, h)

    def at(x: Array, y: Array) -> tuple[Array, Array]:
        """The picture's x and y of a place in the hand's 224×224 input."""
        u, v = (x / 224 - 0.5) * side, (y / 224 - 0.5) * side
        return centre[0] + u * right[0] + v * down[0], centre[1] + u * right[1] + v * down[1]

    with Image.open(folder / "hands.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(float)
    framed = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")  # a pixel more on each side
    columns, rows = np.meshgrid(np.arange(224) + 0.5, np.arange(224) + 0.5)
    x, y = at(columns, rows)
    left, top = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)  # framed pixel centres
    fx, fy = (x + 0.5 - left)[..., None], (y + 0.5 - top)[..., None]
    inside = (x >= 0) & (y >= 0) & (x < 320) & (y < 240)
    left, top = np.where(inside, left, 0), np.where(inside, top, 0)
    seen = (
        framed[top, left] * (1 - fx) * (1 - fy)
        + framed[top, left + 1] * fx * (1 - fy)
        + framed[top + 1, left] * (1 - fx) * fy
        + framed[top + 1, left + 1] * fx * fy
    )
    seen = np.where(inside[..., None], np.floor(seen + 0.5 + 1e-9), 0)
    points = run_net(folder / "hand.onnx", as_input(seen))["points"].reshape(21, 3)
    return np.stack(at(points[:, 0].astype(float), points[:, 1].astype(float)), axis=1)


def test_21_points_of_each_hand_in_every_lane_to_a_hundredth_of_a_pixel(hands: Path) -> None:
    expected = palms(hands)
    assert len(expected) == 2
    for box, wrist, knuckle in expected:
        assert np.hypot(*(knuckle - wrist)) > 20, box
    points = [hand_of(hands, *palm) for palm in expected]
    found = detections_of(hands / "out", hands / "hands.png")
    assert len(found) == (5 if missing() else 6)
    for name, d in found.items():
        assert d.landmarks_xy is not None and d.landmarks_xy.shape == (2, 21, 2), name
        order = np.argsort(d.boxes_xyxy[:, 0])  # both scores are 1 − 10⁻⁵
        hand = sorted(zip(expected, points, strict=True), key=lambda pair: pair[0][0][0])
        for row, ((box, _, _), want) in zip(order, hand, strict=True):
            np.testing.assert_allclose(d.boxes_xyxy[row], box, atol=0.01, err_msg=name)
            np.testing.assert_allclose(d.landmarks_xy[row], want, atol=0.01, err_msg=name)


def test_the_contract_has_the_rule_with_landmarks_by_number(hands: Path) -> None:
    told = json.loads((hands / "out" / "bundle.json").read_text())["crop"]
    assert told["rotation"] == {"start": 0, "end": 2, "target_degrees": 90.0, "about": "box"}
    assert (told["scale"], told["shift"], told["edge"]) == (2.6, [0.0, -0.5], "pad")
    bundle = open_any(hands / "out")
    assert isinstance(bundle, CascadeBundle) and bundle.landmark_model.spec.landmarks == ()
    # Another rotation is another contract: what was approved is not of it.
    assert bundle.file.crop.rotation is not None
    other = bundle.file.crop.rotation.model_copy(update={"target_degrees": 0.0})
    crop = bundle.file.crop.model_copy(update={"rotation": other})
    changed = bundle.model_copy(update={"file": bundle.file.model_copy(update={"crop": crop})})
    assert terms_of(changed).parts["crop"] != terms_of(bundle).parts["crop"]


def test_goldens_hold_a_turned_crop_and_can_fail(
    hands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    record(hands / "out", hands / "golden", hands / "hands.png")
    approve(hands / "out", hands / "golden", every=True, by="test")
    report = validate(hands / "out", hands / "golden", runner="onnx")
    assert report.held, report.shortfalls

    def turned_back(folder: Path, bundle: CascadeBundle, *rest: Any) -> Any:
        assert bundle.file.crop.rotation is not None
        turn = bundle.file.crop.rotation.model_copy(update={"start": 2, "end": 0})
        crop = bundle.file.crop.model_copy(update={"rotation": turn})
        file = bundle.file.model_copy(update={"crop": crop})
        return open_lane(folder, bundle.model_copy(update={"file": file}), *rest)

    report = validate(
        *(hands / "out", hands / "golden"),
        runner="onnx",
        opener=turned_back,  # type: ignore[arg-type]
        write_pending=False,
    )
    assert {r.check.name for r in report.failed} == {"landmarks"}


def test_boxes_from_elsewhere_bring_their_landmarks(tmp_path: Path) -> None:
    landmark_spec(tmp_path, "[targets.onnx]\n")
    spec = tmp_path / "c.toml"
    spec.write_text(
        '[cascade]\nboxes = "image"\nlandmarks = "points.toml"\n[crop]\nedge = "pad"\n'
        "shift = [0.0, -0.5]\n[crop.rotation]\nstart = 0\nend = 1\n"
    )
    out = export_cascade(spec, tmp_path / "out").folder
    Image.new("RGB", (40, 30), (0, 0, 0)).save(tmp_path / "p.png")
    # 12×8 about (16, 10), pointing right: its up is the picture's right. The centre moves 4 to the
    # right; (½, ¼) of the crop is ¼ of its height, 2, above its centre: 2 to the right.
    row = {"box_xyxy": [10, 6, 22, 14], "landmarks": {"a": [3, 20], "b": [9, 20]}}
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps([row]))
    for name, d in detections_of(out, tmp_path / "p.png", boxes).items():
        assert d.landmarks_xy is not None
        np.testing.assert_allclose(d.landmarks_xy[0, 0], (22, 10), atol=1e-4, err_msg=name)
    for bad, said in (
        ({"box_xyxy": [10, 6, 22, 14]}, "brings 0 landmarks; the crop is turned by number 1"),
        ({**row, "landmarks": [[3, 20], [9, None]]}, "landmark 1 is [9, None]"),
    ):
        boxes.write_text(json.dumps([bad]))
        with pytest.raises(MobileCatError) as e:
            detections_of(out, tmp_path / "p.png", boxes)
        assert said in str(e.value)


SPECS = [
    ('start = "wrist"\nend = "wrist"', "rotation.start and rotation.end are both 'wrist'"),
    ('start = "wrist"', "crop.rotation.end is missing"),
    ('start = "wrist"\nend = -1', "crop.rotation.end"),
    ("start = 0\nend = 1\nangle = 90", "unknown key 'crop.rotation.angle'"),
    ('start = 0\nend = 1\nabout = "middle"', "about = 'middle' is not one of box, points"),
]


@pytest.mark.parametrize(("rotation", "said"), SPECS, ids=range(len(SPECS)))
def test_what_a_rotation_may_say(tmp_path: Path, rotation: str, said: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        '[cascade]\ndetector = "a"\nlandmarks = "b"\n[crop]\nedge = "pad"\n'
        f"[crop.rotation]\n{rotation}\n"
    )
    with pytest.raises(SpecError) as e:
        load_cascade(path)
    assert said in str(e.value)


TURNS = [
    ("", '"wrist"', '"palm"', "the detector has no landmark 'palm'", "it has wrist, index"),
    ("", '"wrist"', "11", "it turns by landmark 11, and the detector gives 7", ""),
    ("", 'edge = "pad"', 'edge = "clip"', "edge = 'clip' of a crop that is turned", ""),
    ("", 'detector = "palm.toml"', 'boxes = "vision"', 'boxes = "vision" do not bring', ""),
    ("", 'detector = "palm.toml"', 'boxes = "image"', "count the landmarks from 0", ""),
    ("hand", "range = [0, 1]", 'range = [0, 1]\nresize = "letterbox"', 'resize is "letterbox"', ""),
    ("hand", "range = [0, 1]", 'range = [0, 1]\nresample = "nearest"', 'resample = "bilinear"', ""),
]


@pytest.mark.parametrize(("file", "old", "new", "said", "also"), TURNS, ids=range(len(TURNS)))
def test_both_models_are_held_to_the_turn(
    tmp_path: Path, file: str, old: str, new: str, said: str, also: str
) -> None:
    spec = save_all(tmp_path)
    path = tmp_path / f"{file or 'hands'}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(MobileCatError) as e:
        export_cascade(spec, tmp_path / "out")
    assert said in str(e.value) and also in str(e.value)
    assert not (tmp_path / "out").exists()
