"""Everything that is wrong with a cascade is said at once, with its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle.cascade import open_any
from mobilecat.compile.cascade import export_cascade
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.lanes.boxes import read_boxes
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.spec.cascade import load_cascade
from tests.lanes.cascade.tiny_landmarks import landmark_spec

SPECS = [
    ("[cascade]\n", ["cascade.landmarks is missing"]),
    (
        '[cascade]\nlandmarks = "a"\n',
        ['boxes come from detector = "SPEC" or from boxes = "vision" or "image": neither is set'],
    ),
    ('[cascade]\nlandmarks = "a"\ndetector = "b"\nboxes = "image"\n', ["both are set"]),
    (
        'labels = ["x"]\n[cascade]\nlandmarks = "a"\ndetector = "b"\n',
        ["the detector's spec has the labels"],
    ),
    (
        '[cascade]\nlandmarks = "a"\nboxes = "visoin"\nmax_crop = 3\n[crop]\nedges = "clip"\n'
        'rounding = "floor"\ngrow = -1.0\n',
        [
            ":3: cascade.boxes = 'visoin' is not one of vision, image",
            "did you mean 'vision'?",
            ":4: unknown key 'cascade.max_crop'",
            "did you mean 'max_crops'?",
            ":6: unknown key 'crop.edges'",
            ":7: crop.rounding = 'floor' is not one of none, truncate, outward",
            ":8: crop.grow = -1.0",
        ],
    ),
]


@pytest.mark.parametrize(("text", "said"), SPECS, ids=range(len(SPECS)))
def test_specs(tmp_path: Path, text: str, said: list[str]) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(SpecError) as e:
        load_cascade(path)
    for words in said:
        assert words in str(e.value)


def test_a_model_that_is_not_there_is_said_with_the_other_mistakes(tmp_path: Path) -> None:
    (tmp_path / "points.toml").touch()
    (tmp_path / "faces.toml").touch()
    path = tmp_path / "c.toml"
    path.write_text(
        '[cascade]\ndetector = "faces.toml"\nlandmarks = "point.toml"\n[crop]\ngrwo = 0.25\n'
    )
    with pytest.raises(SpecError) as e:
        load_cascade(path)
    assert [(p.what, p.where, p.fix) for p in e.value.problems] == [
        (
            "cascade.landmarks = 'point.toml': not found",
            f"{path}:3",
            f"did you mean {tmp_path / 'points.toml'}?",
        ),
        ("unknown key 'crop.grwo'", f"{path}:5", "did you mean 'grow'?"),
    ]


def test_both_models_are_held_to_the_chain(tmp_path: Path) -> None:
    landmark_spec(tmp_path, "[targets.tflite]\n")
    raw = 'source = "points.onnx"\n[targets.onnx]\n'
    (tmp_path / "raw.toml").write_text(raw)
    (tmp_path / "c.toml").write_text('[cascade]\ndetector = "raw.toml"\nlandmarks = "raw.toml"\n')
    with pytest.raises(SpecError) as e:
        export_cascade(tmp_path / "c.toml", tmp_path / "out")
    assert "its head is raw: it decodes no boxes" in str(e.value)
    assert "its head is 'raw', which gives no set of points" in str(e.value)
    (tmp_path / "c.toml").write_text(
        '[cascade]\ndetector = "raw.toml"\nlandmarks = "points.toml"\n'
    )
    with pytest.raises(SpecError) as e:
        export_cascade(tmp_path / "c.toml", tmp_path / "out")
    assert "the detector has [targets.onnx], the landmark model has not" in str(e.value)
    assert "the landmark model has [targets.tflite], the detector has not" in str(e.value)
    (tmp_path / "c.toml").write_text('[cascade]\ndetector = "no.toml"\nlandmarks = "nor.toml"\n')
    with pytest.raises(SpecError) as e:
        export_cascade(tmp_path / "c.toml", tmp_path / "out")
    assert "no.toml" in str(e.value) and "nor.toml" in str(e.value)
    assert not (tmp_path / "out").exists()


def test_a_letterbox_takes_whole_pixels(tmp_path: Path) -> None:
    spec = landmark_spec(tmp_path, "[targets.onnx]\n")
    spec.write_text(
        spec.read_text().replace("size = [6, 4]", 'size = [6, 4]\nresize = "letterbox"')
    )
    (tmp_path / "c.toml").write_text('[cascade]\nboxes = "image"\nlandmarks = "points.toml"\n')
    with pytest.raises(SpecError, match="fractions of pixels"):
        export_cascade(tmp_path / "c.toml", tmp_path / "out")


def test_the_gaps_of_both_models_at_once(tmp_path: Path) -> None:
    landmark_spec(tmp_path, "[targets.onnx]\n")
    (tmp_path / "c.toml").write_text('[cascade]\nboxes = "image"\nlandmarks = "points.toml"\n')
    (tmp_path / "points.onnx").unlink()
    with pytest.raises(MobileCatError) as e:
        export_cascade(tmp_path / "c.toml", tmp_path / "out")
    assert "points.onnx" in str(e.value)
    assert not (tmp_path / "out").exists()


BOXES = [
    ("vision", [[0.1, 0.2, 0.3]], "box 0: box_xywh is [0.1, 0.2, 0.3]"),
    ("vision", [[10, 20, 30, 40]], "are pixels, Vision's boxes lie in 0..1"),
    ("vision", [[0.1, 0.2, 0.0, 0.3]], "has no area"),
    ("vision", [{"box_xyxy": [1, 2, 3, 4]}], 'the cascade says boxes = "vision"'),
    ("image", [[5, 2, 3, 4]], "has no area"),
    ("image", [[50, 2, 60, 4]], "lies outside of the picture: (50.0, 2.0, 60.0, 4.0) in 40×30"),
    ("image", [{"box_xyxy": [1, 2, 3, 4], "score": 2}], "score is 2"),
    ("image", [{"box_xyxy": [1, 2, 3, 4], "class_id": 1}], "a whole number from 0 to 0"),
    ("image", [[1, 2, 3, float("nan")]], "box_xyxy is [1, 2, 3, nan]"),
    ("image", [[1, 2, 3, True]], "box_xyxy is [1, 2, 3, True]"),
    ("image", {"detections": []}, "holds no list of boxes"),
    ("image", "text", "holds no list of boxes"),
]


@pytest.mark.parametrize(("space", "rows", "said"), BOXES, ids=range(len(BOXES)))
def test_boxes(tmp_path: Path, space: str, rows: object, said: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(MobileCatError) as e:
        read_boxes(path, space, (40, 30), ["one"])  # type: ignore[arg-type]
    assert said in str(e.value)


def test_every_bad_box_is_named(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([[0, 0, 1, 1], [1], [9, 9, 2, 2], "x"]))
    with pytest.raises(MobileCatError) as e:
        read_boxes(path, "image", (40, 30))
    assert [p.where[-5:] for p in e.value.problems] == ["box 1", "box 2", "box 3"]
    for text in ("{", None):
        path.write_text(text) if text else path.unlink()
        with pytest.raises(MobileCatError, match="cannot be used"):
            read_boxes(path, "image", (40, 30))


def test_boxes_are_asked_for_or_not(tmp_path: Path) -> None:
    landmark_spec(tmp_path, "[targets.onnx]\n")
    (tmp_path / "c.toml").write_text('[cascade]\nboxes = "image"\nlandmarks = "points.toml"\n')
    out = export_cascade(tmp_path / "c.toml", tmp_path / "out").folder
    picture = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(MobileCatError, match="needs boxes"):
        picture_inputs(open_any(out), picture)
    with pytest.raises(MobileCatError, match="nobody asked for"):
        picture_inputs(open_any(out / "landmarks"), picture, tmp_path / "boxes.json")
