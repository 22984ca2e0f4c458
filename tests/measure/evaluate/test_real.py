"""Published models on photos: every artifact's accuracy is the source's, as far as is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.compile import export
from mobilecat.compile.cascade import export_cascade
from mobilecat.measure.evaluate import Evaluation, evaluate
from mobilecat.spec import load_spec
from tests.measure.evaluate.labels import write_json

ROOT = Path(__file__).resolve().parents[3]

# By eye, in the picture of 512×512 enlarged four times: forehead to chin, cheek to cheek; eyes.
FACE = [180, 68, 270, 178]
EYES = {"right_eye": [204, 101], "left_eye": [247, 103]}  # YuNet's right: the person's


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Labels of the astronaut's face, and of a picture without one: the cat Chelsea."""
    folder = tmp_path_factory.mktemp("astronaut")
    for name in ("astronaut.png", "chelsea.png"):
        (folder / name).symlink_to((shared_data / name).resolve())
    x1, y1, x2, y2 = FACE
    keypoints = [v for name in EYES for v in (*EYES[name], 2)]
    return write_json(
        folder / "faces.json",
        {
            "images": [
                {"id": 1, "file_name": "astronaut.png", "width": 512, "height": 512},
                {"id": 2, "file_name": "chelsea.png", "width": 451, "height": 300},
            ],
            "categories": [{"id": 1, "name": "face", "keypoints": list(EYES)}],
            "annotations": [
                {
                    "image_id": 1,
                    "category_id": 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "keypoints": keypoints,
                }
            ],
        },
    )


def compiled(name: str, shared_data: Path, out: Path) -> Path:
    """Export examples/`name`, a model or a cascade, with the models of `shared_data`."""
    examples = out / "examples"
    for file in (ROOT / "examples").rglob("*.*"):
        copy = examples / file.relative_to(ROOT / "examples")
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text("utf-8").replace("../../../shared/data", str(shared_data.resolve()))
        copy.write_text(text, "utf-8")
    path = examples / name
    if path.name == "mobilecat.toml":
        return export(load_spec(path), out / "bundle", spec_folder=path.parent).folder
    return export_cascade(path, out / "bundle").folder


def no_loss(report: Evaluation) -> None:
    """Float32 within 0.2 points of the source's mAP, float16 within 0.5."""
    ran = [r for r in report.lanes if r.scores is not None and r.lane.artifact is not None]
    assert len(ran) == 4
    for row in ran:
        assert row.lane.artifact is not None
        loss = report.loss(row)
        limit = 0.5 if row.lane.artifact.precision == "float16" else 0.2
        assert loss is not None and abs(loss.ap) <= limit and abs(loss.ap50) <= limit


def test_yunet_finds_the_face_and_its_eyes(
    astronaut: Path, shared_data: Path, tmp_path: Path
) -> None:
    bundle = compiled("yunet/mobilecat.toml", shared_data, tmp_path)
    report = evaluate(bundle, astronaut, cache=tmp_path / "cache")
    no_loss(report)
    for row in report.lanes:
        if row.scores is None:
            assert row.lane.runner == "coreml-native"
            continue
        s = row.scores
        assert s.ap50 == pytest.approx(1) and s.recall == 1
        # It takes the cat's face, which fills the picture, for one.
        assert (s.wrong, s.wrong_in_empty, s.empty_pictures) == (1, 1, 1)
        assert s.mean_iou is not None and s.mean_iou > 0.7
        marks = s.landmarks
        assert marks is not None and (marks.measured, marks.points) == (1, 2)
        assert marks.nme is not None and marks.nme < 0.1  # 4 px of 43; labelled by eye


def test_a_cascade_brings_landmarks_back_to_the_picture(
    astronaut: Path, shared_data: Path, tmp_path: Path
) -> None:
    bundle = compiled("face_cascade/cascade.toml", shared_data, tmp_path)
    # MTCNN's left is the picture's: the names of its eyes are exchanged against YuNet's.
    text = astronaut.read_text()
    swapped = text.replace('"right_eye", "left_eye"', '"left_eye", "right_eye"')
    assert swapped != text
    file = astronaut.with_name("mtcnn.json")
    file.write_text(swapped)
    report = evaluate(bundle, file, cache=tmp_path / "cache")
    no_loss(report)
    for row in report.lanes:
        if row.scores is not None:
            assert row.scores.recall == 1 and row.scores.landmarks is not None
            assert row.scores.landmarks.nme is not None and row.scores.landmarks.nme < 0.1


def test_a_cascade_that_is_given_boxes_takes_the_labels(
    astronaut: Path, shared_data: Path, tmp_path: Path
) -> None:
    bundle = compiled("face_cascade/vision.toml", shared_data, tmp_path)
    report = evaluate(bundle, astronaut, cache=tmp_path / "cache", runner="onnx")
    for row in report.lanes:
        assert row.scores is not None
        s = row.scores
        assert s.ap is None and (s.found, s.wrong) == (1, 0)
        # Eyes by MTCNN's names are exchanged here: each an eye's distance from where it should be.
        assert s.landmarks is not None and s.landmarks.nme == pytest.approx(1, abs=0.1)
    assert any("the boxes are the labels' own" in n for n in report.notes)


def test_yolox_on_cats(shared_data: Path, tmp_path: Path) -> None:
    """The labels are faces, the model finds whole cats: few overlap by half, in every artifact."""
    bundle = compiled("yolox_nano/mobilecat.toml", shared_data, tmp_path)
    data = shared_data / "cats"
    report = evaluate(bundle, data, limit=11, cache=tmp_path / "cache")
    no_loss(report)
    assert report.classes == ("cat",) and report.pictures == 11
    for row in report.lanes:
        if row.scores is not None:
            assert row.scores.objects == 11 and row.scores.found + row.scores.wrong > 0
