"""The demo models: what their cards promise, on drawn scenes, a real photo and held-back ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.coordinates.chains import check_coordinates
from mobilecat.demo import FOLDER, GOLDEN
from mobilecat.judge.run import validate
from mobilecat.lanes import Lane, decode_outputs, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture

PICTURES = FOLDER / "pictures"


@pytest.fixture(scope="session")
def found(cats: Path):  # type: ignore[no-untyped-def]
    """Return what the source models find on a picture file."""
    bundle = open_any(cats)
    assert isinstance(bundle, CascadeBundle)
    runner = open_lane(cats, bundle, Lane("source"))

    def on(file: Path) -> Detections:
        tensors, plan = picture_inputs(bundle, read_picture(file))
        return decode_outputs(runner.infer(tensors), plan)

    return on


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    return shared / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared)


def drawn_faces() -> dict[str, list[np.ndarray]]:
    faces: dict[str, list[np.ndarray]] = {}
    for entry in json.loads((PICTURES / "labels.json").read_text())["images"]:
        points = faces.setdefault(entry["file"], [])
        if entry["landmarks9"] is not None:
            points.append(np.array(entry["landmarks9"]))
    return faces


@pytest.mark.parametrize("file", sorted(drawn_faces()))
def test_drawn_cats_are_found_each_and_no_other(file: str, found) -> None:  # type: ignore[no-untyped-def]
    there = drawn_faces()[file]
    result = found(PICTURES / file)
    assert len(result) == len(there)
    for points in there:
        box = np.concatenate([points.min(0), points.max(0)])
        overlaps = overlap(box, result.boxes_xyxy)
        best = int(overlaps.argmax())
        away = np.linalg.norm(result.landmarks_xy[best] - points, axis=1)
        assert overlaps[best] > 0.6
        assert away.mean() / np.linalg.norm(points[0] - points[1]) < 0.12


def test_the_photo_has_its_eyes_where_they_are(found) -> None:  # type: ignore[no-untyped-def]
    """Read off the picture by hand: its ears are cut by the upper edge."""
    import skimage

    result = found(Path(skimage.__file__).parent / "data" / "chelsea.png")
    assert len(result) == 1
    x1, y1, x2, y2 = result.boxes_xyxy[0]
    assert x1 < 110 and x2 > 340 and y1 < 10 and 230 < y2 < 300
    eyes = np.array([[172.0, 112.0], [313.0, 132.0]])
    away = np.linalg.norm(result.landmarks_xy[0, :2] - eyes, axis=1)
    assert away.max() < 0.1 * np.linalg.norm(eyes[0] - eyes[1])


def test_a_person_is_no_cat(found) -> None:  # type: ignore[no-untyped-def]
    import skimage

    assert len(found(Path(skimage.__file__).parent / "data" / "astronaut.png")) == 0


def test_every_artifact_holds_its_goldens(cats: Path) -> None:
    report = validate(cats, GOLDEN, write_pending=False)
    assert report.held, [r.check for r in report.failed] + list(report.shortfalls)
    assert len(report.cases) == len(drawn_faces()) + 1  # and the photo


def test_boxes_land_where_they_belong_through_every_phone(cats: Path) -> None:
    """One picture is fitted to 93.33 rows, and a box near its edge moves with the rounding."""
    report = check_coordinates(cats / "detector", GOLDEN, runner="tflite")
    assert report.held, [r.detail for r in report.rows if r.verdict == "FAIL"]
    assert {r.case for r in report.rows if r.verdict == "PASS"} == {
        *(name.removesuffix(".png") for name, there in drawn_faces().items() if there),
        "chelsea",
    }


def test_both_models_fit_in_ten_megabytes_and_have_cards() -> None:
    models = sorted(FOLDER.glob("*.onnx"))
    assert sum(m.stat().st_size for m in models) <= 10e6
    assert [m.with_suffix(".md").is_file() for m in models] == [True, True]
