"""The picture of a bisection: where its marks lie, and that every letter on it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mobilecat.bisection.plot import OVER, OWN, SIZE_WH, plot
from mobilecat.bisection.walk import Bisection, Layer

INF, NAN = float("inf"), float("nan")
LEFT, RIGHT, BOTTOM = 80, 1172, 562  # of the plotted field; its top, 92, is 1e1, its foot 1e-8


def found(errors: Sequence[float], name: str = "conv", lane: str = "tflite:a.tflite") -> Bisection:
    layers = tuple(
        Layer(f"{name}{i}", (f"Conv {name}{i}",), "Conv", (1, 3, 5), own, 100 * own)
        for i, own in enumerate(errors)
    )
    return Bisection(lane, "cat.png", 1e-4, layers, ())


def drawn(told: Bisection, folder: Path) -> np.ndarray:
    plot(told, folder / "plot.png")
    with Image.open(folder / "plot.png") as image:
        assert image.size == SIZE_WH and image.format == "PNG"
        return np.asarray(image.convert("RGB"), dtype=int)


def near(picture: np.ndarray, x: float, y: float, colour: str, within: int = 2) -> bool:
    """Return whether there is a pixel of the colour about a place."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    x0, y0 = round(x) - within, round(y) - within
    part = picture[y0 : y0 + 2 * within + 1, x0 : x0 + 2 * within + 1]
    return bool((abs(part - wanted).max(-1) <= 12).any())


def test_a_dot_lies_at_its_layer_and_its_error(tmp_path: Path) -> None:
    picture = drawn(found([1e-7, 1e-2, 1e-7]), tmp_path)
    width = RIGHT - LEFT
    # nine decades over 470 px; 1e-7 is one above the foot, 1e-2 six
    assert near(picture, LEFT + width / 6, BOTTOM - 470 / 9, OWN)
    assert near(picture, LEFT + width / 2, BOTTOM - 6 * 470 / 9, OVER)
    assert not near(picture, LEFT + width / 2, BOTTOM - 470 / 9, OWN)


@pytest.mark.parametrize("error,y", [(0.0, BOTTOM), (1e9, 92), (INF, 92), (NAN, 92)])
def test_what_is_beyond_the_scale_lies_on_its_edge(tmp_path: Path, error: float, y: int) -> None:
    picture = drawn(found([error]), tmp_path)
    assert near(picture, (LEFT + RIGHT) / 2, y, OVER if error else OWN)


@pytest.mark.parametrize("count", [0, 1, 2, 100, 379, 5000])
def test_any_number_of_layers(tmp_path: Path, count: int) -> None:
    picture = drawn(found([1e-6] * count), tmp_path)
    dark = (abs(picture - [0x1D, 0x21, 0x26]).max(-1) <= 40)[400:500]  # the row of dots, at 1e-6
    columns = dark.any(0)
    assert columns[: LEFT - 4].sum() == 0 and columns[RIGHT + 4 :].sum() == 0
    if count == 100:  # each dot stands alone: as many gaps as dots
        assert (columns[1:] & ~columns[:-1]).sum() == 100
    assert bool(columns.any()) is (count > 0)


def test_every_letter_is_in_the_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter that Pillow's font lacks is an empty box: what it draws for U+FFFF."""
    written: list[str] = []
    write = ImageDraw.ImageDraw.text

    def seen(pen: ImageDraw.ImageDraw, at: object, text: str, *a: object, **k: object) -> None:
        written.append(text)
        write(pen, at, text, *a, **k)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", seen)
    drawn(found([1e-7, 0.5], name="слой→", lane="coreml:猫.mlpackage"), tmp_path)
    drawn(found([1e-7]), tmp_path)
    font = ImageFont.load_default(size=20)
    lacking = bytes(font.getmask("\uffff"))
    letters = set("".join(written)) - {" "}
    assert len(letters) > 20
    assert [c for c in letters if bytes(font.getmask(c)) == lacking] == []
    assert bytes(font.getmask("→")) == lacking  # the test can fail


def test_a_long_name_stays_on_the_picture(tmp_path: Path) -> None:
    picture = drawn(found([1.0], name="block/" * 60), tmp_path)
    assert (picture[:, -20:] == 255).all()
