"""How a picture is fitted where a size is not whole; expected values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mobilecat.coordinates.belongs import _Fit, _fits
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
