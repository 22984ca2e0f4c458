"""The same pictures in every format give the same boxes; every damaged file is named with place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mobilecat.measure.datasets import Dataset, DatasetError, load_dataset
from tests.measure.evaluate import labels as given


def by_name(data: Dataset) -> dict[str, list[tuple[str, list[float]]]]:
    return {
        p.path.name: list(zip(data.labels_of(p), p.boxes_xyxy.round(6).tolist(), strict=True))
        for p in data.pictures
    }


TWO = {"two.png": list(zip(given.LABELS, given.BOXES, strict=True)), "none.png": []}


@pytest.mark.parametrize(
    ("make", "format"),
    [(given.coco, "COCO JSON"), (given.voc, "VOC XML"), (given.yolo, "YOLO txt")],
)
def test_each_format_gives_the_same_boxes(
    make: Callable[[Path], Path], format: str, tmp_path: Path
) -> None:
    data = load_dataset(make(tmp_path))
    assert data.format == format
    assert data.classes == ("cat", "dog")
    assert by_name(data) == TWO
    assert all(p.size_wh == (30, 20) for p in data.pictures)


def test_coco_keeps_area_and_crowd(tmp_path: Path) -> None:
    two, none = load_dataset(given.coco(tmp_path)).pictures
    assert two.areas.tolist() == [61.5, 80]  # the second has none: its box's 10·8
    assert two.crowd.tolist() == two.ignore.tolist() == [False, True]
    assert none.boxes_xyxy.shape == (0, 4) and len(none) == 0


def test_coco_keypoints(tmp_path: Path) -> None:
    value = given.coco_json()
    value["categories"] = [
        {"id": 17, "name": "cat", "keypoints": ["left eye", "nose"]},
        {"id": 18, "name": "dog"},
    ]
    value["annotations"][0]["keypoints"] = [4, 6, 2, 0, 0, 0]
    given.coco(tmp_path)
    given.write_json(tmp_path / "annotations" / "instances_val.json", value)
    data = load_dataset(tmp_path)
    assert data.landmarks == ("left eye", "nose")
    points = data.pictures[0].landmarks_xy
    assert points is not None
    np.testing.assert_array_equal(points[0], [[4, 6], [np.nan, np.nan]])  # v 0: not labelled
    assert np.isnan(points[1]).all()


def test_voc_difficult_is_ignored(tmp_path: Path) -> None:
    data = load_dataset(given.voc(tmp_path))
    two = next(p for p in data.pictures if p.path.name == "two.png")
    assert two.ignore.tolist() == [False, True]
    assert not two.crowd.any()


def test_voc_counted_from_zero_is_said(tmp_path: Path) -> None:
    given.voc(tmp_path)
    text = given.VOC_TWO.replace("<ymin>1</ymin>", "<ymin>0</ymin>")
    given.write(tmp_path / "Annotations" / "two.xml", text)
    data = load_dataset(tmp_path)
    assert by_name(data)["two.png"] == [("cat", [4, 6, 12, 15]), ("dog", [21, 0, 30, 8])]
    assert "counted from 0" in data.notes[0]


def test_voc_image_set(tmp_path: Path) -> None:
    given.voc(tmp_path)
    chosen = given.write(tmp_path / "ImageSets" / "Main" / "test.txt", "two  1\n")
    assert by_name(load_dataset(chosen)) == {"two.png": TWO["two.png"]}


@pytest.mark.parametrize(
    "names",
    [
        "names: [cat, 'dog']",
        "names:\n- cat\n- dog",
        'names: [\n  cat,\n  "dog"\n]\nval: x',
    ],
)
def test_yolo_names_in_each_form(names: str, tmp_path: Path) -> None:
    given.write(given.yolo(tmp_path) / "data.yaml", f"nc: 2\n{names}\n")
    assert by_name(load_dataset(tmp_path)) == TWO


def test_yolo_beside_the_pictures_and_without_a_file(tmp_path: Path) -> None:
    for name in ("two", "none"):
        given.picture(tmp_path / f"{name}.png")
    given.write(tmp_path / "two.txt", given.YOLO_TWO)
    given.write(tmp_path / "classes.txt", "cat\ndog\n")
    data = load_dataset(tmp_path)
    assert by_name(data) == TWO
    assert data.notes == ("1 pictures have no txt: without objects, as YOLO reads it",)


def test_cat_files(tmp_path: Path) -> None:
    data = load_dataset(given.cat_files(tmp_path))
    assert data.format == "Crawford .cat"
    assert by_name(data) == {"a.jpg": [("cat", [3, 5, 12, 15])]}
    assert data.landmarks[:3] == ("left eye", "right eye", "mouth")
    points = data.pictures[0].landmarks_xy
    assert points is not None and points.tolist() == [given.FACE]


def test_faces_one_several_none_and_cut(tmp_path: Path) -> None:
    moved = [[x + 20, y - 7] for x, y in given.FACE]  # x 23..32, y −2..8 in a 30×20 picture
    hidden = [None, *given.FACE[1:]]
    data = load_dataset(given.faces_json(tmp_path, given.FACE, [given.FACE, moved], [], hidden))
    assert [p.boxes_xyxy.tolist() for p in data.pictures] == [
        [[3, 5, 12, 15]],
        [[3, 5, 12, 15], [23, 0, 30, 8]],
        [],
        [[3, 5, 12, 15]],
    ]
    points = data.pictures[1].landmarks_xy
    assert points is not None and points[1].tolist() == moved  # points are not cut
    last = data.pictures[3].landmarks_xy
    assert last is not None and np.isnan(last[0, 0]).all() and last[0, 1].tolist() == [9, 8]
    none = data.pictures[2].landmarks_xy
    assert none is not None and none.shape == (0, 9, 2)


def test_faces_of_one_file_in_several_entries(tmp_path: Path) -> None:
    moved = [[x + 10, y] for x, y in given.FACE]
    given.faces_json(tmp_path, given.FACE, moved, None)
    file = tmp_path / "labels.json"
    value = json.loads(file.read_text())
    value["images"][1]["file"] = value["images"][0]["file"]
    given.write_json(file, value)
    data = load_dataset(tmp_path)
    assert [p.boxes_xyxy.tolist() for p in data.pictures] == [
        [[3, 5, 12, 15], [13, 5, 22, 15]],
        [],
    ]
    value["images"][1]["width"] = 31
    given.write_json(file, value)
    said = f"another width and height than {file}: images[0] has"
    assert problems(tmp_path) == [(f"{file}: images[1]", said)]


# EXIF 6: stored 20×30 (w×h), upright 30×20. Labels of the upright picture are taken as they are.
def test_labels_are_of_the_upright_picture(tmp_path: Path) -> None:
    given.coco(tmp_path)
    given.picture(tmp_path / "images" / "two.png", (20, 30), exif=6)
    assert by_name(load_dataset(tmp_path)) == TWO


def test_labels_of_the_stored_pixels_are_refused(tmp_path: Path) -> None:
    given.coco(tmp_path)
    given.picture(tmp_path / "images" / "two.png", (30, 20), exif=6)  # upright 20×30
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path)
    (problem,) = e.value.problems
    assert problem.what == (
        "labels are for 30×20, the stored pixels; upright (EXIF 6) the picture is 20×30"
    )
    assert problem.where.endswith("images[0]")


def test_yolo_follows_the_upright_size(tmp_path: Path) -> None:
    given.yolo(tmp_path)
    given.picture(tmp_path / "images" / "val" / "two.png", (20, 30), exif=8)
    assert by_name(load_dataset(tmp_path)) == TWO


def problems(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(DatasetError) as e:
        load_dataset(path)
    return [(p.where, p.what) for p in e.value.problems]


def test_coco_lists_everything_wrong_at_once(tmp_path: Path) -> None:
    value = given.coco_json()
    value["annotations"] += [
        {"image_id": 8, "category_id": 99, "bbox": [1, 2, 3]},
        {"image_id": 7, "category_id": 17, "bbox": [40, 0, 5, 5]},
        {"image_id": 7, "category_id": 17, "bbox": [4, 0, -2, 5]},
        {"image_id": 7, "category_id": 17, "bbox": [4, 0, 0, 5]},
    ]
    value["images"] += [
        {"id": 9, "file_name": "gone.png", "width": 3, "height": 5},
        {"id": 7, "file_name": "two.png", "width": 3, "height": 5},
        {"id": 10, "file_name": "none.png", "width": 30, "height": 20},
    ]
    given.coco(tmp_path)
    file = given.write_json(tmp_path / "annotations" / "instances_val.json", value)
    found = [(where.removeprefix(f"{file}: "), what) for where, what in problems(tmp_path)]
    assert found == [
        ("images[3]", "id 7 is taken"),
        ("annotations[2]", "image_id 8 is of none in the file"),
        ("annotations[2]", "category_id 99 is of none in the file"),
        ("annotations[2]", "bbox must be four numbers: x, y, width, height"),
        ("annotations[3]", "box x1,y1,x2,y2 = 40, 0, 45, 5 lies outside of the 30×20 picture"),
        ("annotations[4]", "box x1,y1,x2,y2 = 4, 0, 2, 5 ends before it starts"),
        ("images[2]", "the picture gone.png is not there"),
        ("images[4]", "none.png is labelled twice"),
    ]


def test_a_box_without_width_is_left_out_and_counted(tmp_path: Path) -> None:
    value = given.coco_json()
    value["annotations"][0]["bbox"] = [3, 5, 0, 10]
    given.coco(tmp_path)
    given.write_json(tmp_path / "annotations" / "instances_val.json", value)
    data = load_dataset(tmp_path)
    assert by_name(data)["two.png"] == [TWO["two.png"][1]]
    assert data.notes == ("1 boxes of no width or height left out",)


def test_voc_names_file_and_line(tmp_path: Path) -> None:
    given.voc(tmp_path)
    text = given.VOC_TWO.replace("<xmax>12</xmax>", "<xmax>wide</xmax>").replace("dog", "")
    two = given.write(tmp_path / "Annotations" / "two.xml", text)
    none = given.write(tmp_path / "Annotations" / "none.xml", "<annotation>\n<oops></annotation>")
    other = given.write(tmp_path / "Annotations" / "zother.xml", "<html/>")
    assert problems(tmp_path) == [
        (f"{none}:2", "not XML: mismatched tag"),
        (f"{two}:6", "<bndbox> has no number for xmax"),
        (f"{two}:8", "an object without a <name>"),
        (f"{other}:1", "<html> where <annotation> should be"),
        (str(other), "the picture zother.jpg is not there"),
    ]


def test_yolo_names_file_and_line(tmp_path: Path) -> None:
    given.yolo(tmp_path)
    text = "0 0.25 0.5 0.3\n2 .5 .5 .1 .1\n\n0 120 60 30 40\nx 0 0 0 0\n0 .1 .1 .2 .2 .3 .3 .4 .4\n"
    file = given.write(tmp_path / "labels" / "val" / "two.txt", text)
    assert problems(tmp_path) == [
        (f"{file}:1", "4 numbers, expected 5: class cx cy w h, or 9: class and four corners"),
        (f"{file}:2", "class 2, but there are 2 class names"),
        (f"{file}:4", "'0 120 60 30 40' is not in 0..1 of the picture"),
        (f"{file}:5", "'x 0 0 0 0' is not all numbers"),
    ]  # line 6 is of a turned box


def test_yolo_without_names(tmp_path: Path) -> None:
    given.yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    assert (str(tmp_path), "no class names") in problems(tmp_path)


def test_cat_files_name_file_and_line(tmp_path: Path) -> None:
    given.cat_files(tmp_path)
    a = given.write(tmp_path / "CAT_00" / "b.jpg.cat", "9 1 2 3")
    b = given.write(tmp_path / "CAT_00" / "c.jpg.cat", "nine")
    c = given.write(tmp_path / "CAT_00" / "d.jpg.cat", "9 " + "3 4 " * 9)
    assert problems(tmp_path) == [
        (f"{a}:1", "expected the number 9, then 18 coordinates: x y a point"),
        (f"{b}:1", "is not all numbers"),
        (f"{c}:1", "the picture d.jpg is not there"),
    ]


def test_faces_name_their_key(tmp_path: Path) -> None:
    far = [[x + 100, y] for x, y in given.FACE]
    given.faces_json(tmp_path, given.FACE[:8], far, "no", [given.FACE, 3])
    file = tmp_path / "labels.json"
    what = "landmarks9 must be 9 points [x, y], a list of such faces, or null"
    assert problems(tmp_path) == [
        (f"{file}: images[0].landmarks9", what),
        (f"{file}: images[1].landmarks9[0]",
         "box x1,y1,x2,y2 = 103, 5, 112, 15 lies outside of the 30×20 picture"),
        (f"{file}: images[2].landmarks9", what),
        (f"{file}: images[3].landmarks9", what),
    ]  # fmt: skip


def test_json_that_is_none(tmp_path: Path) -> None:
    file = given.write(tmp_path / "labels.json", '{"images": [\n}')
    assert problems(tmp_path) == [(f"{file}:2:1", "not JSON: Expecting value")]


def test_no_labels_and_several_kinds(tmp_path: Path) -> None:
    *formats, without = problems(tmp_path)
    assert len(formats) == 7  # one a format: what it would have to hold
    assert "pictures without labels cannot tell" in without[1]
    assert problems(tmp_path / "gone") == [(str(tmp_path / "gone"), "not found")]
    (tmp_path / "photos").mkdir()
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path / "photo")
    assert e.value.problems[0].fix == f"did you mean {tmp_path / 'photos'}?"
    given.coco(tmp_path)
    given.voc(tmp_path)
    ((where, what),) = problems(tmp_path)
    assert "COCO JSON" in what and "VOC XML" in what and where == str(tmp_path)


def test_many_problems_are_counted(tmp_path: Path) -> None:
    given.yolo(tmp_path)
    given.write(tmp_path / "labels" / "val" / "two.txt", "x\n" * 150)
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path)
    assert "150 problems" in e.value.summary
    assert e.value.problems[-1].what == "and 50 more"


def test_some_of_a_sets_pictures_may_be_missing(tmp_path: Path) -> None:
    """Someone measures on eight of sixty photos, and is told so in a sentence."""
    given.coco(tmp_path)
    value = given.coco_json()
    sixty = [
        {"id": 100 + i, "file_name": f"gone_{i}.png", "width": 3, "height": 5} for i in range(58)
    ]
    value["images"] += sixty
    file = given.write_json(tmp_path / "annotations" / "instances_val.json", value)
    data = load_dataset(tmp_path)
    assert by_name(data) == TWO
    (note,) = data.notes
    assert note.startswith("58 of 60 labelled pictures are not there, and left out (")
    assert "gone_0.png is the first" in note
    value["images"], value["annotations"] = sixty, []
    given.write_json(file, value)
    ((_, what),) = problems(tmp_path)
    assert what == "none of the 58 labelled pictures is there"


def test_photos_without_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    given.cat_files(tmp_path)
    home = next(tmp_path.rglob("*.cat")).parent
    pictures = len(load_dataset(tmp_path))
    for name in ("x1.jpg", "x2.jpg"):
        (home / name).touch()
    data = load_dataset(tmp_path)
    assert len(data) == pictures
    assert data.notes[-1] == "2 pictures have no .cat file, and left out: x1.jpg, …"
