"""The chart of a bisection: where its marks lie, and that nothing leaves the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobilecat.bisection.plot import OVER, OWN, chart_of
from mobilecat.bisection.walk import Bisection, Layer
from mobilecat.errors import MobileCatError
from mobilecat.pictures.chart import SIZE_WH, require_svg

INF, NAN = float("inf"), float("nan")
LEFT, RIGHT, TOP, BOTTOM = 84, 1172, 72, 576  # of the plotted field: 1e1 at its top, 1e-8 below
SVG = "{http://www.w3.org/2000/svg}"


def found(errors: Sequence[float], name: str = "conv", lane: str = "tflite:a.tflite") -> Bisection:
    layers = tuple(
        Layer(f"{name}{i}", (f"Conv {name}{i}",), "Conv", (1, 3, 5), own, 100 * own)
        for i, own in enumerate(errors)
    )
    return Bisection(lane, "cat.png", 1e-4, layers, ())


def drawn(told: Bisection, folder: Path) -> ElementTree.Element:
    told.plot(folder / "plot.svg")
    return ElementTree.parse(folder / "plot.svg").getroot()


def dots(picture: ElementTree.Element, colour: str) -> list[tuple[float, float]]:
    return [
        (float(c.get("cx", "nan")), float(c.get("cy", "nan")))
        for g in picture.iter(f"{SVG}g")
        if g.get("fill") == colour
        for c in g
    ]


def test_a_dot_lies_at_its_layer_and_its_error(tmp_path: Path) -> None:
    picture = drawn(found([1e-7, 1e-2, 1e-7]), tmp_path)
    width, decade = RIGHT - LEFT, (BOTTOM - TOP) / 9
    # nine decades from foot to top; 1e-7 is one above the foot, 1e-2 six
    (first, last), (over,) = dots(picture, OWN), dots(picture, OVER)
    assert first == pytest.approx((LEFT + width / 6, BOTTOM - decade), abs=0.1)
    assert last == pytest.approx((LEFT + 5 * width / 6, BOTTOM - decade), abs=0.1)
    assert over == pytest.approx((LEFT + width / 2, BOTTOM - 6 * decade), abs=0.1)


@pytest.mark.parametrize("error,y", [(0.0, BOTTOM), (1e9, TOP), (INF, TOP), (NAN, TOP)])
def test_what_is_beyond_the_scale_lies_on_its_edge(tmp_path: Path, error: float, y: int) -> None:
    picture = drawn(found([error]), tmp_path)
    (at,) = dots(picture, OVER if error else OWN)
    assert at == pytest.approx(((LEFT + RIGHT) / 2, y), abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 2, 100, 379, 5000])
def test_any_number_of_layers(tmp_path: Path, count: int) -> None:
    at = dots(drawn(found([1e-6] * count), tmp_path), OWN)
    assert len(at) == count
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in at)
    if count == 100:  # each dot stands alone
        assert len(set(at)) == count


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    picture = drawn(found([1e-7, 0.5], name="<script>слой→", lane="coreml:猫&co"), tmp_path)
    title = picture.findtext(f"{SVG}title")
    assert title == "First apart: '<script>слой→1' (Conv); coreml:猫&co, cat.png"
    assert not list(picture.iter(f"{SVG}script"))


def test_a_long_title_is_made_narrow_and_a_short_one_is_not(tmp_path: Path) -> None:
    for name, narrow in (("block/" * 60, str(RIGHT - LEFT)), ("conv", None)):
        picture = drawn(found([1.0], name=name), tmp_path)
        (title,) = [t for t in picture.iter(f"{SVG}text") if t.get("class") == "title"]
        assert title.get("textLength") == narrow


def test_the_first_layer_apart_is_named(tmp_path: Path) -> None:
    chart = chart_of(found([1e-7, 0.5, 1e-7, 0.25]))
    assert [m.note for m in chart.marks if getattr(m, "note", "")] == ["layer 2: own 0.5"]
    picture = drawn(found([1e-7, 0.5]), tmp_path)
    assert (picture.get("width"), picture.get("height")) == (str(SIZE_WH[0]), str(640 + 4 * 26))


def test_another_suffix_is_refused() -> None:
    with pytest.raises(MobileCatError, match="SVG") as e:
        require_svg(Path("plot.png"))
    assert "plot.svg" in str(e.value)
