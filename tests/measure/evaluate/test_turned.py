"""Turned boxes: labels of DOTA and YOLO, and average precision by the overlap of polygons."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.measure.datasets.base import DatasetError
from mobilecat.measure.datasets.table import load_dataset
from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.metrics import Truth, match, overlaps, voc_flags
from mobilecat.pictures.detections import Detections

LONG = (10.0, 40, 90, 50)  # 80 by 10


def truth(*rows: tuple[tuple[float, ...], float], difficult: tuple[int, ...] = ()) -> Truth:
    boxes = np.array([b for b, _ in rows], np.float64).reshape(-1, 4)
    n = len(rows)
    ignore = np.isin(np.arange(n), difficult)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    angles = np.array([a for _, a in rows], np.float64)
    return Truth(boxes, np.zeros(n, np.int64), areas, ignore, np.zeros(n, np.bool_), None, angles)


def found(*rows: tuple[tuple[float, ...], float | None, float]) -> Detections:
    angles = {} if any(a is None for _, a, _ in rows) else {"angles": [a for _, a, _ in rows]}
    return Detections(
        np.array([b for b, _, _ in rows], np.float64).reshape(-1, 4),
        np.array([s for _, _, s in rows], np.float64),
        np.zeros(len(rows), np.int64),
        {k: np.array(v, np.float64) for k, v in angles.items()},
    )


def test_a_turned_box_is_found_where_its_polygon_is() -> None:
    there = truth((LONG, 0.5))
    for angle in (0.5, 0.5 + math.pi, 0.52):
        assert coco_scores([there], [found((LONG, angle, 0.9))], 1).ap50 == pytest.approx(1)
    for angle in (-0.5, 0.0, 0.5 + math.pi / 2):  # the same box, turned otherwise
        assert coco_scores([there], [found((LONG, angle, 0.9))], 1).ap50 == 0
        assert match(there, found((LONG, angle, 0.9))).extra == (0,)


def test_precision_by_hand() -> None:
    """Two objects; a hit of .9, a miss of .8, a hit of .7: precision 1 to recall ½, then ⅔."""
    other = (10.0, 140, 90, 150)
    there = truth((LONG, 0.5), (other, -0.7))
    given = found((LONG, 0.5, 0.9), (LONG, -0.5, 0.8), (other, -0.7, 0.7))
    scores = coco_scores([there], [given], 1)
    assert scores.ap50 == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)
    _, right, wanted = voc_flags([(there, given)], 0)
    assert right.tolist() == [True, False, True] and wanted == 2


def test_upright_ones_are_as_coco_has_them() -> None:
    rng = np.random.default_rng(2)
    low = rng.uniform(0, 80, (30, 2))
    boxes = np.concatenate([low, low + rng.uniform(8, 40, (30, 2))], axis=1)
    near = boxes + rng.normal(0, 3, boxes.shape)
    order = rng.random(30)
    turned = truth(*((tuple(b), 0.0) for b in boxes), difficult=(3, 4))
    plain = Truth(
        *(getattr(turned, k) for k in ("boxes_xyxy", "class_ids", "areas", "ignore", "crowd"))
    )
    rows = [(tuple(b), s) for b, s in zip(near, order, strict=True)]
    a = coco_scores([turned], [found(*((b, 0.0, s) for b, s in rows))], 1)
    b = coco_scores([plain], [found(*((b, None, s) for b, s in rows))], 1)
    assert a.ap == pytest.approx(b.ap, abs=1e-9) and 0 < (b.ap or 0) < 1
    np.testing.assert_allclose(
        overlaps(turned, found(*((b, 0.0, s) for b, s in rows))),
        overlaps(plain, found(*((b, None, s) for b, s in rows))),
        atol=1e-12,
    )


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 100)).save(path)
    return path


def test_dota(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "P1.png")
    picture(tmp_path / "images" / "P2.png")
    labels = tmp_path / "labelTxt-v1.0"
    labels.mkdir()
    (labels / "P1.txt").write_text(
        "imagesource:GoogleEarth\ngsd:0.1\n"
        "60 20 60 80 50 80 50 20 ship 0\n"  # 60 by 10, its width downwards
        "10 10 30 10 30 20 10 20 plane 1\n"
    )
    read = load_dataset(tmp_path)
    assert (read.format, read.classes) == ("DOTA txt", ("plane", "ship"))
    assert read.notes == ("1 pictures have no txt in labelTxt: left out",)
    (one,) = read.pictures
    assert one.angles is not None
    np.testing.assert_allclose(one.boxes_xyxy, [[25, 45, 85, 55], [10, 10, 30, 20]])
    np.testing.assert_allclose(one.angles, [math.pi / 2, 0], atol=1e-12)
    assert one.class_ids.tolist() == [1, 0] and one.ignore.tolist() == [False, True]
    np.testing.assert_allclose(one.areas, [600, 200])


def test_dota_says_everything_that_is_wrong(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "P1.png")
    (tmp_path / "labelTxt").mkdir()
    (tmp_path / "labelTxt" / "P1.txt").write_text("1 2 3 4 ship\n900 0 950 0 950 9 900 9 ship 0\n")
    (tmp_path / "labelTxt" / "P9.txt").write_text("")
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path)
    said = str(e.value)
    assert "P1.txt:1" in said and "expected x1 y1 x2 y2" in said
    assert "P1.txt:2" in said and "outside of the 200×100" in said and "no picture P9" in said


def test_yolo_s_four_corners(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "classes.txt").write_text("ship\nplane\n")
    (tmp_path / "labels" / "a.txt").write_text("1 0.3 0.2 0.3 0.8 0.25 0.8 0.25 0.2\n")
    (one,) = load_dataset(tmp_path).pictures
    assert one.angles is not None and one.class_ids.tolist() == [1]
    np.testing.assert_allclose(one.boxes_xyxy, [[25, 45, 85, 55]])
    np.testing.assert_allclose(one.angles, [math.pi / 2])
