"""A cascade end to end: the crop by hand, every lane against the source, both spaces of boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.compile.cascade import export_cascade
from mobilecat.demo import CASCADE, DETECTOR, FOLDER, LANDMARKS
from mobilecat.errors import ArtifactError, MobileCatError
from mobilecat.judge.run import validate
from mobilecat.lanes import NotRun, decode_outputs, detect, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.review.approve import approve, record
from tests.cat_faces import ONE
from tests.lanes.cascade.tiny_landmarks import TARGETS, landmark_spec
from tests.tiny import save_yunet_like, yunet_like_spec

# Of a 40×30 picture. Vision: 10/40, (30 − 14)/30 from below, 12/40, 8/30.
BOX_XYXY = [10, 6, 22, 14]
BOX_VISION = [0.25, 16 / 30, 0.3, 8 / 30]
# Eyes, mouth, ears of the cat in one_at_night.png, as pictures/labels.json has them.
DRAWN = [(112.3, 284.0), (152.6, 285.1), (132.9, 314.0), (81.3, 266.1), (79.0, 223.7),
         (113.5, 244.0), (152.4, 243.7), (186.4, 226.1), (180.6, 268.5)]  # fmt: skip


def picture_of(folder: Path) -> Path:
    """40×30, grey; red 51, green 204 just where the grown box is: x 7 to 25, y 4 to 16."""
    pixels = np.full((30, 40, 3), 128, np.uint8)
    pixels[4:16, 7:25] = (51, 204, 0)
    path = folder / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def exported(folder: Path, boxes: str, crop: str, targets: str = TARGETS) -> Path:
    landmark_spec(folder, targets)
    spec = folder / "cascade.toml"
    spec.write_text(
        f'[cascade]\nboxes = "{boxes}"\nlandmarks = "points.toml"\nmax_crops = 3\n[crop]\n{crop}\n'
    )
    return export_cascade(spec, folder / f"out-{boxes}").folder


def run_all(folder: Path, picture: Path, boxes: Path | None) -> dict[str, Detections]:
    bundle = open_any(folder)
    with Image.open(picture) as opened:
        tensors, plan = picture_inputs(bundle, opened.convert("RGB"), boxes)
    found = {}
    for lane in lanes_of(bundle):
        try:
            engine = open_lane(folder, bundle, lane)
        except NotRun:
            assert lane.runner == "coreml-native"
            continue
        found[lane.name] = decode_outputs(engine.infer(tensors), plan)
    return found


def boxes_file(folder: Path, rows: object) -> Path:
    path = folder / "boxes.json"
    path.write_text(json.dumps(rows))
    return path


def test_the_crop_by_hand_in_every_lane(tmp_path: Path) -> None:
    # ¼ of its own side a side: 12×8 becomes 18×12 at (7, 4). (½, ¼) of it is (16, 7); the mean
    # colour (51/255, 204/255) = (0.2, 0.8) of it is (10.6, 13.6).
    out = exported(tmp_path, "image", 'grow = 0.25\ngrow_by = "own-side"\nrounding = "truncate"')
    found = run_all(out, picture_of(tmp_path), boxes_file(tmp_path, [BOX_XYXY]))
    assert len(found) == 5
    for name, d in found.items():
        assert len(d) == 1, name
        np.testing.assert_allclose(d.boxes_xyxy, [BOX_XYXY], err_msg=name)
        np.testing.assert_allclose(
            d.landmarks_xy, [[[16, 7], [10.6, 13.6]]], atol=1e-3, err_msg=name
        )


CROPS = [
    # box, crop, where (½, ¼) of the crop lies
    ([0, 0, 8, 6], 'grow = 0.5\ngrow_by = "own-side"\nedge = "pad"', (4, 0)),  # −4 −3 12 9
    ([0, 0, 8, 6], 'grow = 0.5\ngrow_by = "own-side"\nedge = "clip"', (6, 2.25)),  # 0 0 12 9
    ([0, 0, 8, 6], 'grow = 0.5\ngrow_by = "own-side"\nedge = "shift"', (8, 3)),  # 0 0 16 12
    ([10, 6, 22, 14], "square = true", (16, 7)),  # 10 4 22 16
    ([10, 6, 22, 14], "grow = 0.25", (16, 6.5)),  # 3 px each: 7 3 25 17
    ([10.6, 6.2, 20.9, 14.7], 'rounding = "truncate"', (15, 8)),  # 10 6 20 14
    ([10.6, 6.2, 20.9, 14.7], 'rounding = "outward"', (15.5, 8.25)),  # 10 6 21 15
    ([10.6, 6.2, 20.6, 14.2], "", (15.6, 8.2)),  # 10 × 8, fractions kept
]


@pytest.mark.parametrize(("box", "crop", "point"), CROPS, ids=[f"{b} {c}" for b, c, _ in CROPS])
def test_crop_rules(
    tmp_path: Path, box: list[float], crop: str, point: tuple[float, float]
) -> None:
    out = exported(tmp_path, "image", crop, "[targets.onnx]\n")
    for name, d in run_all(out, picture_of(tmp_path), boxes_file(tmp_path, [box])).items():
        assert d.landmarks_xy is not None
        np.testing.assert_allclose(d.landmarks_xy[0, 0], point, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("edge", ["pad", "clip"])
def test_padding_is_black(tmp_path: Path, edge: str) -> None:
    crop = f'grow = 0.5\ngrow_by = "own-side"\nedge = "{edge}"'
    out = exported(tmp_path, "image", crop, "[targets.onnx]\n")
    boxes = boxes_file(tmp_path, [[-12, 18, 12, 30]])  # grown: −24 12 24 36, clipped 0 12 24 30
    found = run_all(out, picture_of(tmp_path), boxes)["source"]
    assert found.landmarks_xy is not None
    share = (found.landmarks_xy[0, 1] - (-24, 12)) / (48, 24)
    if edge == "clip":
        share = (found.landmarks_xy[0, 1] - (0, 12)) / (24, 18)
    # Of the crop's 24×18 inside pixels, 17×4 are (51, 204), the rest 128; padded, it is 3/8 of all.
    mean = np.array([51 * 68 + 128 * 364, 204 * 68 + 128 * 364]) / 432 / 255
    expected = mean if edge == "clip" else mean * 3 / 8
    np.testing.assert_allclose(share, expected, atol=0.03)


def test_vision_boxes_equal_image_boxes(tmp_path: Path) -> None:
    crop = 'grow = 0.1\nsquare = true\nedge = "clip"'
    picture = picture_of(tmp_path)
    rows = [{"box_xyxy": BOX_XYXY, "score": 0.5}, {"box_xyxy": [30, 20, 39, 29], "score": 0.9}]
    image = run_all(
        exported(tmp_path, "image", crop, "[targets.onnx]\n"), picture, boxes_file(tmp_path, rows)
    )
    rows = [
        {"box_xywh": BOX_VISION, "score": 0.5},
        {"box_xywh": [0.75, 1 / 30, 9 / 40, 0.3], "score": 0.9},
    ]
    vision = run_all(
        exported(tmp_path, "vision", crop, "[targets.onnx]\n"), picture, boxes_file(tmp_path, rows)
    )
    for name, d in image.items():
        np.testing.assert_allclose(d.scores, [0.9, 0.5], atol=1e-6)  # best first
        np.testing.assert_allclose(d.boxes_xyxy[1], BOX_XYXY)
        np.testing.assert_allclose(vision[name].boxes_xyxy, d.boxes_xyxy, atol=1e-4)
        assert d.landmarks_xy is not None
        np.testing.assert_allclose(vision[name].landmarks_xy, d.landmarks_xy, atol=1e-3)


def test_no_boxes_and_too_many(tmp_path: Path) -> None:
    out = exported(tmp_path, "image", "", "[targets.onnx]\n")
    picture = picture_of(tmp_path)
    assert all(len(d) == 0 for d in run_all(out, picture, boxes_file(tmp_path, [])).values())
    many = [{"box_xyxy": [i, 0, i + 4, 3], "score": i / 10} for i in range(1, 6)]
    found = run_all(out, picture, boxes_file(tmp_path, {"boxes": many}))["source"]
    np.testing.assert_allclose(found.boxes_xyxy[:, 0], [5, 4, 3])  # max_crops = 3, best first


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detector and landmark model in every float32 target."""
    folder = tmp_path_factory.mktemp("chained")
    landmark_spec(folder)
    source = save_yunet_like(folder / "yunet.onnx")
    detector = yunet_like_spec(source, TARGETS).replace("threshold = 0.5", "threshold = 0.3")
    (folder / "detector.toml").write_text(detector)
    (folder / "cascade.toml").write_text(
        '[cascade]\ndetector = "detector.toml"\nlandmarks = "points.toml"\nmax_crops = 5\n'
    )
    export_cascade(folder / "cascade.toml", folder / "out")
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8).repeat(15, axis=0).repeat(15, axis=1)
    Image.fromarray(blocks).save(folder / "noise.png")
    return folder


def test_every_float32_lane_agrees_with_the_source(chained: Path) -> None:
    found = run_all(chained / "out", chained / "noise.png", None)
    assert len(found) == 5
    source = found.pop("source")
    assert len(source) == 5 and source.landmarks_xy is not None
    alone = open_bundle(chained / "out" / "detector")
    engine = open_lane(chained / "out" / "detector", alone, lanes_of(alone, "source")[0])
    with Image.open(chained / "noise.png") as picture:
        boxes = detect(engine, alone, picture.convert("RGB")).boxes_xyxy
    np.testing.assert_allclose(source.boxes_xyxy, boxes[:5], atol=1e-4)
    for name, d in found.items():
        np.testing.assert_allclose(d.boxes_xyxy, source.boxes_xyxy, atol=0.05, err_msg=name)
        np.testing.assert_allclose(d.landmarks_xy, source.landmarks_xy, atol=0.05, err_msg=name)


def test_goldens_hold_a_cascade_and_can_fail(
    chained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    out, golden = chained / "out", chained / "golden"
    record(out, golden, chained / "noise.png")
    approve(out, golden, every=True, by="test")
    report = validate(out, golden)
    assert report.held, report.shortfalls

    def moved(*args: object) -> object:
        engine = open_lane(*args)  # type: ignore[arg-type]

        class Moved:
            note = "one landmark 2 px to the right"

            def infer(self, inputs: object, taps: object = ()) -> object:
                found = engine.infer(inputs)  # type: ignore[arg-type]
                found["landmarks"][0, 0, 0, 0] += 2
                return found

        return Moved()

    report = validate(out, golden, opener=moved, write_pending=False)  # type: ignore[arg-type]
    assert not report.held
    assert {r.check.name for r in report.failed} == {"landmarks"}
    with pytest.raises(MobileCatError, match="one model"):
        validate(out, golden, random=2)


def test_goldens_of_given_boxes_keep_the_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    out = exported(tmp_path, "vision", "", "[targets.onnx]\n")
    boxes = boxes_file(tmp_path, [BOX_VISION])
    with pytest.raises(MobileCatError, match="needs boxes"):
        record(out, tmp_path / "golden", picture_of(tmp_path))
    record(out, tmp_path / "golden", picture_of(tmp_path), boxes=boxes)
    approve(out, tmp_path / "golden", every=True, by="test")
    assert validate(out, tmp_path / "golden").held
    kept = tmp_path / "golden" / "cascade" / "picture" / "boxes.json"
    kept.write_text(json.dumps([[0.2, 0.5, 0.3, 0.3]]))
    report = validate(out, tmp_path / "golden", write_pending=False)
    assert [r.check.stage for r in report.failed][:1] == ["golden"]


def test_lints_name_the_part_where_there_are_two(chained: Path, tmp_path: Path) -> None:
    pairs = [a for a in open_any(chained / "out").artifacts if a.kind == "tflite"]
    said = [lint.partition(":")[0] for a in pairs for lint in a.lints]
    assert set(said) == {"tiny.tflite"}  # one set of points has nothing to be said of
    alone = open_any(exported(tmp_path, "vision", "", "[targets.tflite]\n"))
    (artifact,) = alone.artifacts
    assert not any("tflite:" in lint for lint in artifact.lints)


def test_a_part_that_was_exchanged_is_caught(tmp_path: Path) -> None:
    out = exported(tmp_path, "vision", "", "[targets.onnx]\n")
    with pytest.raises(ArtifactError, match="one model at a time"):
        open_bundle(out)
    file = out / "landmarks" / "bundle.json"
    file.write_text(file.read_text().replace('"fixed"', '"other"'))
    (out / "landmarks" / "points.onnx").write_bytes(b"")
    with pytest.raises(ArtifactError, match="cannot be trusted"):
        open_any(out)


@pytest.mark.parametrize("boxes", [None, "vision"])
def test_points_land_on_the_face(tmp_path: Path, boxes: str | None) -> None:
    for spec in (DETECTOR, LANDMARKS):
        text = spec.read_text("utf-8").replace('source = "', f'source = "{FOLDER}/')
        text = text[: text.index("[[targets")] + "[targets.onnx]\n[targets.tflite]\n"
        (tmp_path / spec.name).write_text(text, "utf-8")
    text = CASCADE.read_text("utf-8")
    assert 'detector = "cat_faces.toml"' in text
    if boxes:
        text = text.replace('detector = "cat_faces.toml"', f'boxes = "{boxes}"')
    (tmp_path / "cats.toml").write_text(text, "utf-8")
    out = export_cascade(tmp_path / "cats.toml", tmp_path / "out").folder
    # The extent of the drawn points, x 79.0 to 186.4, y 223.7 to 314.0 of 300×500, from below.
    given = boxes_file(tmp_path, [[0.2633, 0.372, 0.358, 0.1806]]) if boxes else None
    found = run_all(out, ONE, given)
    assert len(found) == 3
    for lane, d in found.items():
        assert d.landmarks_xy is not None and len(d) == 1, lane
        off = np.linalg.norm(d.landmarks_xy[0] - DRAWN, axis=1)
        assert off.max() < 7, (lane, off)  # of a face 90 high
        assert np.abs(d.landmarks_xy - found["source"].landmarks_xy).max() < 0.1, lane
