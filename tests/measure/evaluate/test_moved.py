"""How far a quantised lane's boxes are from the source's: by hand, and planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.errors import MobileCatError
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.measure.evaluate.moved import Moved, moved
from mobilecat.measure.evaluate.words import _lost
from mobilecat.pictures.detections import Detections
from mobilecat.spec import QuantizeSpec, load_spec

A, B, C = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


def found(*rows: tuple[tuple[float, ...], float, int]) -> Detections:
    boxes = np.array([r[0] for r in rows], float).reshape(-1, 4)
    return Detections(boxes, np.array([r[1] for r in rows]), np.array([r[2] for r in rows], int))


def test_by_hand() -> None:
    """A falls by 0.4 and moves by 2 of 10: IoU 8/12. B is of another class now, C is gone, and the
    second picture's A is as it was. Half of the changes are −0.4, half 0."""
    source = [found((A, 0.9, 0), (B, 0.8, 0), (C, 0.7, 1)), found((A, 0.6, 0))]
    lane = [found((B, 0.8, 1), ((2, 0, 12, 10), 0.5, 0)), found((A, 0.6, 0), (B, 0.5, 0))]
    got = moved(source, lane)
    assert got is not None and (got.boxes, got.lost, got.found) == (4, 2, 2)
    assert got.score == pytest.approx(-0.2)
    assert got.fell == pytest.approx(-0.36)  # a tenth of the way from −0.4 to 0
    assert got.overlap == pytest.approx((8 / 12 + 1) / 2)


def test_each_box_is_taken_once_and_the_nearest_first() -> None:
    """Both of the lane's boxes overlap A; the nearer one is A's, and none is left for the other."""
    got = moved([found((A, 0.9, 0))], [found(((0, 0, 10, 8), 0.9, 0), (A, 0.2, 0))])
    assert got is not None and (got.lost, got.score) == (0, pytest.approx(-0.7))


def test_what_the_lane_alone_has_is_counted() -> None:
    """C is new in the first picture, and A of another class in the second."""
    source = [found((A, 0.9, 0)), found((A, 0.6, 0))]
    lane = [found((A, 0.9, 0), (C, 0.5, 0)), found((A, 0.6, 0), (A, 0.5, 1))]
    got = moved(source, lane)
    assert got is not None and (got.boxes, got.lost, got.new) == (2, 0, 2)
    assert got.to_json()["new"] == 2
    nothing = moved([found((A, 0.9, 0))], [found((C, 0.5, 0))])
    assert nothing is not None and (nothing.lost, nothing.new) == (1, 1)


def test_a_median_that_has_not_fallen_is_not_said_to() -> None:
    lower = "scores are lower than the source's on the same boxes, by "
    assert Moved(9, 0, -0.004, -0.16, 0.99).far() == [f"{lower}0.16 or more for a tenth of them"]
    both = f"{lower}0.21 in the median and by 0.30 or more for a tenth of them"
    assert Moved(9, 0, -0.21, -0.3, 0.99).far() == [both]


def test_a_gain_is_no_negative_loss() -> None:
    assert [_lost(v) for v in (0.42, -0.76, -0.001, 0.0, None)] == [
        "0.42", "gain 0.76", "0.00", "0.00", "–",
    ]  # fmt: skip


def test_a_source_that_finds_nothing_tells_nothing() -> None:
    assert moved([found()], [found((A, 0.9, 0))]) is None
    got = moved([found((A, 0.9, 0))], [found()])
    assert got == Moved(1, 1, 0.0, 0.0, 0.0)


def test_few_boxes_accuse_nobody() -> None:
    assert Moved(4, 4, 0.0, 0.0, 0.0).far() == []
    assert Moved(5, 5, 0.0, 0.0, 0.0).far() == ["5 of the source's 5 boxes are lost"]


def labelled(shared: Path, folder: Path, suffix: str, which: slice) -> Path:
    """Copy some of the cats' photos with their labels, saved as `suffix`."""
    told = json.loads((shared / "cats" / "labels.json").read_text("utf-8"))
    folder.mkdir()
    images = []
    for row in sorted(told["images"], key=lambda r: r["file"])[which]:
        photo = shared / "cats" / Path(row["file"]).name
        name = f"{photo.stem}{suffix}"
        if suffix == photo.suffix:
            (folder / name).write_bytes(photo.read_bytes())
        else:
            ImageOps.exif_transpose(Image.open(photo)).convert("RGB").save(folder / name)
        images.append({**row, "file": name})
    (folder / "labels.json").write_text(json.dumps({**told, "images": images}), "utf-8")
    return folder


def int8(calibration: Path, out: Path) -> Path:
    spec = load_spec(FOLDER / "cat_faces.toml")
    target = TfliteTarget(precision="int8", name="cats", keep_float=())
    changed = spec.model_copy(
        update={
            "targets": type(spec.targets)(tflite=(target,)),
            "quantize": QuantizeSpec(calibration=calibration.name),
            "source": str(FOLDER / spec.source),
        }
    )
    changed._folder = calibration.parent
    return mc.export(changed, out).folder


def test_planted_drawn_scenes_for_photos_are_told_and_photos_are_not(
    shared_data: Path, tmp_path: Path
) -> None:
    """mAP@.5 loses less than a point of either file: the scores tell them apart."""
    photos = labelled(shared_data, tmp_path / "photos", ".jpg", slice(0, 24, 2))
    seen = labelled(shared_data, tmp_path / "seen", ".jpg", slice(1, 25, 2))
    drawn = int8(FOLDER / "pictures", tmp_path / "of_drawn")
    right = int8(seen, tmp_path / "of_photos")
    wrong = mc.evaluate(drawn, photos, cache=tmp_path / "cache")
    held = mc.evaluate(right, photos, cache=tmp_path / "cache")
    (said,) = wrong.doubts
    assert "scores are lower" in said and "calibrated on 4 pictures" in said
    assert held.doubts == []
    (row,) = [r for r in wrong.to_json()["lanes"] if r["artifact"]]
    assert row["moved"]["boxes"] == 12 and row["moved"]["fell"] < -0.2
    assert row["loss_points"]["map50"] < 1
    assert "LOOKS WRONG" in str(wrong) and "LOOKS WRONG" not in str(held)
    again = labelled(shared_data, tmp_path / "again", ".png", slice(1, 25, 2))
    with pytest.raises(MobileCatError, match="12 of 12 pictures are those that"):
        mc.evaluate(right, again, cache=tmp_path / "cache")
