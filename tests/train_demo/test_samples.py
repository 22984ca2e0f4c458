"""The data that the demo models learn from: points follow pixels, mirrors exchange sides."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.cat_faces import PICTURES
from tools.train_demo.anchors import anchors
from tools.train_demo.augment import MIRRORED, about, moved, warped
from tools.train_demo.matching import targets
from tools.train_demo.pictures import Labelled, cat_photos, extents, is_held_back
from tools.train_demo.samples import Sources, detector_sample, landmark_sample


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0.0, 30.0, -17.0])
def test_a_mark_goes_where_its_point_goes(mirror: bool, degrees: float) -> None:
    """A white disc in the picture is found again, by its centroid, at the mapped point."""
    pixels = np.zeros((90, 130, 3), np.uint8)
    rows, columns = np.mgrid[:90, :130] + 0.5
    pixels[(columns - 80) ** 2 + (rows - 30) ** 2 < 36] = 255
    m = about((65, 45), (60, 70), (1.1, 0.9), degrees, mirror)
    out = warped(pixels, m, 128, (0, 0, 0))[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :128] + 0.5
    centroid = np.array([(columns * out).sum(), (rows * out).sum()]) / out.sum()
    point = np.tile(np.array([[[80.0, 30.0]]], np.float32), (1, 9, 1))
    assert moved(point, m, mirror)[0, 0] == pytest.approx(centroid, abs=0.15)


def test_shrinking_by_much_keeps_the_place() -> None:
    pixels = np.zeros((600, 500, 3), np.uint8)
    pixels[280:340, 100:180] = 255
    m = about((250, 300), (50, 60), (0.2, 0.2), 0, False)
    out = warped(pixels, m, 120, (0, 0, 0))[..., 0].astype(float)
    rows, columns = np.mgrid[:120, :120] + 0.5
    centroid = np.array([(columns * out).sum(), (rows * out).sum()]) / out.sum()
    # The middle of the block, (140, 310), is 110 left of and 10 below the centre: a fifth of that.
    assert centroid == pytest.approx([50 - 22, 60 + 2], abs=0.2)


def test_the_mirror_exchanges_sides_and_keeps_the_ears_order_from_left_to_right() -> None:
    face = np.array(
        [[40, 50], [60, 50], [50, 70], [30, 40], [32, 20], [45, 35], [55, 35], [68, 20], [70, 40]],
        np.float32,
    )
    mirrored = moved(face[None], about((50, 0), (50, 0), (1, 1), 0, True), True)[0]
    assert mirrored.tolist() == face.tolist()  # this face is its own mirror image
    assert sorted(MIRRORED) == list(range(9))
    assert all(MIRRORED[MIRRORED[k]] == k for k in range(9))


def test_anchors_are_squares_on_their_grids() -> None:
    rows = anchors()
    assert rows.shape == (2 * (14 * 14 + 7 * 7 + 4 * 4 + 2 * 2), 4)
    assert np.array_equal(rows[:, 2], rows[:, 3])
    assert rows[0, :2] == pytest.approx([1 / 28, 1 / 28])
    assert rows[2, :2] == pytest.approx([1 / 28, 3 / 28])  # y, x: columns run first


def test_targets_by_hand() -> None:
    two = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]], np.float32)
    face = np.array([[0.0, 0.0, 100.0, 80.0]])  # IoU with the first anchor: 80·100 / 10000
    rows = targets(face, two, 200)
    assert rows[0].tolist() == pytest.approx([0, 0, 0.4, 0.5, 1, 1])
    assert rows[1, 4:].tolist() == [0, 1]


def test_a_face_that_no_anchor_fits_still_gets_the_best() -> None:
    rows = targets(np.array([[90.0, 90.0, 110.0, 110.0]]), anchors(), 224)
    assert rows[:, 4].sum() >= 1


def test_a_face_hardly_seen_is_neither_taught_nor_denied() -> None:
    at = np.array([[0.0, 0.5, 0.5, 0.5]], np.float32)
    rows = targets(np.array([[50.0, -70.0, 150.0, 30.0]]), at, 200)  # 30 % of it is inside
    assert rows[0, 4:].tolist() == [0, 0]


def drawn(name: str) -> Labelled:
    """Return one of the demo's pictures with its cats' points."""
    entries = json.loads((PICTURES / "labels.json").read_text("utf-8"))["images"]
    points = [e["landmarks9"] for e in entries if e["file"] == name]
    pixels = np.asarray(Image.open(PICTURES / name).convert("RGB"))
    return Labelled(name, pixels, np.array(points, np.float32))


def test_samples_are_the_same_for_a_seed_and_points_lie_on_the_face() -> None:
    photos = [drawn(f"{name}.png") for name in ("one_at_night", "three_in_a_meadow")]
    empty = [Labelled("grey", np.full((50, 70, 3), 90, np.uint8), np.zeros((0, 9, 2), np.float32))]
    sources = Sources(photos, [], empty)
    for seed in range(8):
        one, two = (detector_sample(np.random.default_rng(seed), sources, 224) for _ in range(2))
        assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])
        pixels, points = landmark_sample(np.random.default_rng(seed), sources, 128)
        assert pixels.shape == (128, 128, 3) and pixels.dtype == np.uint8
        assert (points > -0.2).all() and (points < 1.2).all()


def test_no_held_back_photo_is_learned_from(shared_data) -> None:  # type: ignore[no-untyped-def]
    taught = {p.name for p in cat_photos(shared_data / "cats", held_back=False)}
    kept = {p.name for p in cat_photos(shared_data / "cats", held_back=True)}
    assert len(kept) == 16 and len(taught) == 50 and not taught & kept
    assert is_held_back(min(kept), sorted(taught | kept))


def test_extents() -> None:
    face = np.arange(18, dtype=np.float32).reshape(1, 9, 2)
    assert extents(face).tolist() == [[0, 1, 16, 17]]
    assert extents(np.zeros((0, 9, 2))).shape == (0, 4)
