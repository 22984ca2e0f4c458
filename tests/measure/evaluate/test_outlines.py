"""Average precision of masks, and the outlines of COCO files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.geometry.affine import Affine
from mobilecat.measure.datasets import load_dataset
from mobilecat.measure.datasets.labelled import RunLengths
from mobilecat.measure.evaluate.metrics import match
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.evaluate.outlines import mask_scores
from mobilecat.measure.evaluate.scores import truth_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.masks import Masks

pytest.importorskip("pycocotools", reason="NOT_RUN: pycocotools is not installed")
CLASSES = ClassMap(("cat",), {0: 0}, {0: 0})
SQUARE = [8, 8, 24, 8, 24, 24, 8, 24]


def labelled(folder: Path, *outlines: Any) -> Any:
    """Return the labels of one picture of 64 × 48, with an object an outline."""
    Image.new("RGB", (64, 48)).save(folder / "a.png")
    rows = [
        {"id": k, "image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 16], "segmentation": o,
         "area": 256}
        for k, o in enumerate(outlines)
    ]  # fmt: skip
    told = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": rows,
    }
    (folder / "labels.json").write_text(json.dumps(told))
    (picture,) = load_dataset(folder / "labels.json").pictures
    return picture


def found(wide: int, score: float = 0.9) -> Detections:
    """Return the box of the square, and its left `wide` of 16 columns as the mask, 1 px a cell."""
    values = np.zeros((1, 48, 64), np.float32)
    values[0, 8:24, 8 : 8 + wide] = 1
    masks = Masks(values, Affine.identity())
    box = np.array([[8.0, 8, 24, 24]])
    return Detections(box, np.array([score]), np.zeros(1, np.int64), {}, masks)


# 16 of 16 columns: IoU 1. 12 of 16: .75, which .5, .55, … .75 reach: six of ten thresholds.
@pytest.mark.parametrize(
    ("wide", "iou", "ap", "ap50"), [(16, 1, 1, 1), (12, 0.75, 0.6, 1), (6, 0.375, 0, 0)]
)
def test_by_hand(wide: int, iou: float, ap: float, ap50: float, tmp_path: Path) -> None:
    truth = truth_of(labelled(tmp_path, [SQUARE]), CLASSES, None, masks=True)
    given = found(wide)
    got = mask_scores([(truth, given, match(truth, given))], 1)
    assert got is not None
    assert (got.measured, got.objects) == (1, 1)
    assert got.mean_iou == pytest.approx(iou)
    assert (got.ap, got.ap50) == (pytest.approx(ap), pytest.approx(ap50))


def test_objects_without_an_outline_do_not_count(tmp_path: Path) -> None:
    truth = truth_of(labelled(tmp_path, [SQUARE], None), CLASSES, None, masks=True)
    given = found(16)
    got = mask_scores([(truth, given, match(truth, given))], 1)
    assert got is not None and got.objects == 1 and got.ap == pytest.approx(1)
    none = truth_of(labelled(tmp_path, None), CLASSES, None, masks=True)
    assert mask_scores([(none, given, match(none, given))], 1) is None


# Column by column: 8 columns of 48 and 8 rows, then 16 × (16 of 48).
def test_run_lengths_of_a_file(tmp_path: Path) -> None:
    counts = [8 * 48 + 8, *[16, 32] * 15, 16, 24 + 40 * 48]
    picture = labelled(tmp_path, {"size": [48, 64], "counts": counts})
    assert picture.outlines == (RunLengths(tuple(counts)),)
    truth = truth_of(picture, CLASSES, None, masks=True)
    given = found(16)
    got = mask_scores([(truth, given, match(truth, given))], 1)
    assert got is not None and got.mean_iou == pytest.approx(1)


@pytest.mark.parametrize(
    "told",
    [
        [], [[1, 2, 3]], [["a"] * 6], "text", {"counts": [1, 2]}, {"counts": [-1, 3073]},
        {"counts": "aXbc", "size": [48, 64]}, {"counts": [1e9]}, 7,
    ],
)  # fmt: skip
def test_what_is_no_outline_is_left(told: Any, tmp_path: Path) -> None:
    assert labelled(tmp_path, told).outlines == ()
