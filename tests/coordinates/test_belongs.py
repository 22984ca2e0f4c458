"""How a picture is fitted where a size is not whole; expected values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mobilecat.coordinates.belongs import (
    Belongs,
    Engine,
    Picture,
    Pixels,
    _Fit,
    _fits,
    _halved,
    _unrounded,
    belongs,
    held_through,
)
from mobilecat.lanes import Lane
from mobilecat.pictures.detections import Detections
from mobilecat.spec import ImageSpec


@pytest.mark.parametrize(
    "mode, wh, model_wh, expected",
    [
        # 300 · 224 / 720 = 93.33 rows: 93 with 65.5 above (Python rounds to 66), or 94 with 65
        (
            "scaleFit",
            (720, 300),
            (224, 224),
            [
                _Fit((0, 0, 720, 300), (224, 93), (0, 66)),
                _Fit((0, 0, 720, 300), (224, 94), (0, 65)),
            ],
        ),
        # 201 · 96 / 300 = 64.32 columns of 120 × 96, portrait
        (
            "scaleFit",
            (201, 300),
            (120, 96),
            [_Fit((0, 0, 201, 300), (64, 96), (28, 0)), _Fit((0, 0, 201, 300), (65, 96), (28, 0))],
        ),
        ("scaleFit", (640, 320), (320, 320), [_Fit((0, 0, 640, 320), (320, 160), (0, 80))]),
        ("scaleFill", (720, 300), (224, 200), [_Fit((0, 0, 720, 300), (224, 200))]),
        # 500 × 300 into 100 × 80: the middle 375 columns
        ("centerCrop", (500, 300), (100, 80), [_Fit((62.5, 0, 437.5, 300), (100, 80))]),
    ],
)
def test_a_fit_and_its_other_rounding(mode, wh, model_wh, expected) -> None:  # type: ignore[no-untyped-def]
    assert _fits(mode, wh, model_wh) == expected


def test_boxes_go_to_the_picture_and_back() -> None:
    fit = _Fit((0, 0, 720, 300), (224, 93), (0, 66))
    model = np.array([[56.0, 66.0, 112.0, 159.0]])  # a quarter to a half across, all rows
    assert fit.image_boxes(model) == pytest.approx(np.array([[180.0, 0.0, 360.0, 300.0]]))
    assert fit.model_boxes(fit.image_boxes(model)) == pytest.approx(model)


def test_the_picture_lies_where_the_fit_says() -> None:
    white = Image.new("RGB", (72, 30), "white")
    fit = _fits("scaleFit", (72, 30), (24, 20))[0]
    seen = fit.model_input(white, ImageSpec(size=(24, 20)))
    assert seen.shape == (20, 24, 3)
    rows = np.flatnonzero((seen == 255).all(axis=(1, 2)))
    assert rows.tolist() == list(range(5, 15))
    assert (np.delete(seen, rows, axis=0) == 0).all()


def _boxes(*rows: tuple[list[float], float]) -> Detections:
    boxes = np.array([r[0] for r in rows], np.float64).reshape(-1, 4)
    return Detections(boxes, np.array([r[1] for r in rows]), np.zeros(len(rows), np.int64))


A, A_THIRD, B, C = [10.0, 10, 40, 40], [10.3, 10, 40.3, 40], [50.0, 10, 90, 40], [0.0, 60, 9, 90]


def test_what_holds_in_every_drawing() -> None:
    """A moves by .3 px, B by 6 px of 40 (IoU .74), C is gone once, and once there is another."""
    found = _boxes((A, 0.9), (B, 0.8), (C, 0.7))
    moved = _boxes((A_THIRD, 0.9), ([56.0, 10, 96, 40], 0.8), (C, 0.7))
    held = held_through(found, [moved, _boxes((A, 0.9), (B, 0.8), (C, 0.7))], 0.3)
    assert held.steady.tolist() == [True, False, True]
    assert held.moves == pytest.approx([0.3, 6.0, 0.0])
    assert held.lasting.tolist() == [True, True, True]
    assert held.settled
    gone = held_through(found, [moved, _boxes((A, 0.9), (B, 0.8))], 0.3)
    assert gone.steady.tolist() == [True, False, False] and not gone.settled  # 1 of 3 is steady
    assert gone.lasting.tolist() == [True, True, False]
    more = _boxes((A, 0.9), (B, 0.8), (C, 0.7), ([70.0, 70, 90, 90], 0.5))
    assert not held_through(found, [found], 0.3, most=3).settled  # the list is full
    low = _boxes((A, 0.9), (B, 0.35))
    assert held_through(low, [low], 0.3).steady.tolist() == [True, False]  # close to the threshold
    restless = held_through(found, [moved, more], 0.3)
    assert not restless.settled and restless.lasting.tolist() == [True, False, True]
    close = _boxes((A, 0.9), (B, 0.8), (C, 0.7), ([70.0, 70, 90, 90], 0.39))
    assert held_through(found, [close], 0.3).settled  # within .1 of the threshold


def test_colour_for_every_second_pixel() -> None:
    """Red and blue columns in turn become one colour; brightness stays each pixel's own."""
    stripes = np.zeros((4, 6, 3), np.uint8)
    stripes[:, ::2, 0], stripes[:, 1::2, 2] = 255, 255
    seen = np.asarray(_halved(Image.fromarray(stripes)).convert("YCbCr"), np.int64)
    before = np.asarray(Image.fromarray(stripes).convert("YCbCr"), np.int64)
    mean = before[..., 1:].reshape(2, 2, 3, 2, 2).mean(axis=(1, 3))
    assert np.abs(before[..., 1] - mean[0, 0, 0]).min() > 50  # there is a difference to lose
    assert seen[..., 0].std() > 10
    spread = seen[..., 1:].reshape(-1, 2).std(axis=0)
    assert (spread < 0.4 * before[..., 1:].reshape(-1, 2).std(axis=0)).all()


def test_another_resampler_gives_other_pixels_at_the_same_place() -> None:
    """A black half beside a white one, shrunk eight times: the edge stays where it was."""
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 34:] = 255
    fit = _fits("scaleFill", (64, 64), (8, 8))[0]
    spec = ImageSpec(size=(8, 8))
    plain, other = (fit.model_input(Image.fromarray(half), spec, kind) for kind in (None, "box"))
    assert other[0, :, 0].tolist() == [0, 0, 0, 0, 191, 255, 255, 255]  # 6 of 8 columns
    # A triangle about column 28 still reaches columns 34 and 35, by (1.5 + .5)/64.
    assert plain[0, 3, 0] == 8


def test_a_fit_that_rounds_nothing() -> None:
    """72×29 into 24×20: 24 × 9⅔ rows, 39 quarters of a pixel, with 20 quarters above."""
    white = Image.new("RGB", (72, 29), "white")
    fit = _unrounded("scaleFit", (72, 29), (24, 20))
    assert (fit.size, fit.at, fit.times) == ((96, 39), (0, 20), 4)
    seen = fit.model_input(white, ImageSpec(size=(24, 20)))[:, 3, 0]
    assert seen.tolist() == [0] * 5 + [255] * 9 + [191] + [0] * 5  # the last row: 3 quarters
    box = np.array([[6.0, 5.0, 12.0, 14.75]])
    assert fit.image_boxes(box) == pytest.approx(np.array([[18.0, 0.0, 36.0, 29.0]]))
    assert fit.model_boxes(fit.image_boxes(box)) == pytest.approx(box)


def test_many_drawings_find_a_box_that_chance_decides() -> None:
    """The engine takes the other of two cells where a pixel's noise has a certain sum."""

    class Fake(Engine):
        def model_boxes(self, pixels: Pixels) -> Detections:
            self.runs += 1
            other = self.runs == 6  # after the picture, two noises and a resampler: not among few
            return _boxes((([13.0, 10, 43, 40] if other else A), 0.9))

    picture = Picture(None, Image.new("RGB", (64, 64), "gray"), np.zeros((64, 64, 3), np.uint8))  # type: ignore[arg-type]
    spec = ImageSpec(size=(64, 64))

    def moves(thorough: bool) -> float:
        engine = Fake(Lane("source"), None, spec)  # type: ignore[arg-type]
        found = belongs(engine, picture, "scaleFill", False, 0.3, None, thorough)
        assert isinstance(found, Belongs)
        return float(found.moves[0])

    assert moves(False) == 0
    assert moves(True) == pytest.approx(3.0)
