"""tools/quantize_sets.py: a source's own detections as labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

import mobilecat as mc
from mobilecat.measure.datasets import load_dataset
from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.names import match_classes
from mobilecat.measure.evaluate.scores import truth_of
from tools.quantize_sets import annotations_of

SIZE = (100, 80)
FOUND = mc.Detections(
    np.array(
        [
            [10.0, 10.0, 40.0, 50.0],
            [-30.0, 20.0, 30.0, 60.0],  # half of it is beyond the picture: cut it has an IoU of 0.5
            [60.0, 50.25, 95.0, 90.0],
            [-40.0, 0.0, 0.5, 40.0],  # half a pixel is inside
            [0.0, 0.0, 20.0, 20.0],
        ]
    ),
    np.array([0.9, 0.8, 0.7, 0.6, 0.29]),
    np.zeros(5, np.int64),
)


def test_a_box_is_a_label_as_it_was_found() -> None:
    rows = annotations_of(FOUND, 7, SIZE)
    assert [r["bbox"] for r in rows] == [
        [10.0, 10.0, 30.0, 40.0],
        [-30.0, 20.0, 60.0, 40.0],
        [60.0, 50.25, 35.0, 39.75],
    ]
    assert [r["area"] for r in rows] == [1200.0, 2400.0, 1391.25]
    assert {r["image_id"] for r in rows} == {7}


def test_what_labelled_the_pictures_finds_all_of_it(tmp_path: Path) -> None:
    Image.new("RGB", SIZE).save(tmp_path / "a.png")
    rows = [{**a, "id": k} for k, a in enumerate(annotations_of(FOUND, 0, SIZE))]
    told = {
        "images": [{"id": 0, "file_name": "a.png", "width": SIZE[0], "height": SIZE[1]}],
        "categories": [{"id": 0, "name": "face"}],
        "annotations": rows,
    }
    (tmp_path / "found.json").write_text(json.dumps(told), "utf-8")
    data = load_dataset(tmp_path / "found.json")
    truth = truth_of(data.pictures[0], match_classes(data, ["face"], None), None, False)
    assert coco_scores([truth], [FOUND], 1).ap == 1.0
