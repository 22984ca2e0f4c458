"""A result says itself: the same words in a terminal, a `repr` and a notebook."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.cli.terminal import show
from mobilecat.demo import DETECTOR
from mobilecat.shown import LONGEST, Column, Line, Shown, Table
from tests.api.conftest import PICTURES
from tests.report.browser import Browser, chromium


@pytest.fixture(scope="module")
def results(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One value of every kind that a verb gives."""
    work = tmp_path_factory.mktemp("shown")
    cats, photo = mc.open(exported / "cat_faces"), PICTURES / "two_on_a_sofa.png"
    found = cats.run(photo)
    mc.golden.record(cats, work / "golden", photo)
    lying = np.rot90(np.asarray(found.picture))
    return {
        "open": cats,
        "export": mc.export(DETECTOR, work / "b"),
        "run": found,
        "lane": found["onnx"],
        "detections": found.detections,
        "review": mc.golden.review(cats, work / "golden"),
        "validate": cats.validate(random=1, runner="onnx"),
        "evaluate": cats.evaluate(PICTURES, runner="onnx", cache=work),
        "tune": cats.tune(PICTURES, scores=[0.1, 0.5], ious=[0.45], cache=work),
        "bisect": cats.bisect("tflite", photo, limit=0),
        "diagnose": mc.diagnose(image=lying, bundle=cats, runner="onnx"),
        "inspect": mc.inspect(cats.folder / "cat_faces.tflite"),
    }


class Text(HTMLParser):
    """What a reader of the HTML reads; `open`: tags that were not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, _: Any) -> None:
        self.open += [tag] if tag != "img" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_the_three_say_the_same(results: dict[str, Any]) -> None:
    for name, value in results.items():
        said = repr(value)
        assert 0 < len(said) < 9000, name
        assert not re.search(r"object at|array\(|<class|Record\(", said), name
        html = Text(value._repr_html_())
        assert not html.open, name
        assert html.words == said.split(), name
        printed = io.StringIO()
        with redirect_stdout(printed):
            show(value.words())
        letters = sorted("".join(printed.getvalue().split()))  # a narrow terminal folds cells
        assert letters == sorted("".join(said.split())), name


def test_the_verdict_comes_first(results: dict[str, Any]) -> None:
    first = {name: repr(value).splitlines()[0] for name, value in results.items()}
    assert first["validate"].startswith("HELD: cat_faces gives what it should.")
    assert first["bisect"].startswith("tflite:cat_faces.tflite parts from the reference at layer")
    assert first["diagnose"].endswith("tell Vision the orientation is .right (EXIF 6).")


def test_what_can_be_drawn_is_drawn(results: dict[str, Any]) -> None:
    drawn = {name for name, value in results.items() if "<img" in value._repr_html_()}
    assert drawn == {"run", "review", "evaluate", "tune", "bisect", "diagnose"}


def test_a_strangers_words_stay_words() -> None:
    class Hostile(Shown):
        def words(self) -> list[Line | Table]:
            bad = "<script>alert(1)</script>&"
            return [Line(bad, "bold red", bad), Line(bad), Table([Column(bad)], [[bad]])]

    html = Hostile()._repr_html_()
    assert "<script" not in html
    assert Text(html).words == ["<script>alert(1)</script>&"] * 5


def test_anchors_in_a_files_metadata_fill_no_screen(exported: Path) -> None:
    found = mc.inspect(exported / "cat_faces" / "cat_faces.onnx")
    anchors = max(found.metadata.values(), key=len)
    assert len(anchors) == 11_308
    printed = io.StringIO()
    with redirect_stdout(printed):
        show(found.words())
    for text in (repr(found), printed.getvalue()):
        assert f"{anchors[:80]}… (11,308 characters; --json has them all)" in text
        assert anchors[:81] not in text
    assert found.to_json()["metadata"]["mobilecat.anchors"] == anchors


def test_a_long_line_is_cut_but_in_a_terminal() -> None:
    line = Line("x" * (LONGEST + 1))
    assert line.markdown() == line.text[: LONGEST - 1] + "…"
    assert "x" * LONGEST not in line.html()


def test_a_table_in_plain_text() -> None:
    table = Table([Column("lane", "word"), Column("px")], [["onnx", "0.25"], ["tflite", "1"]])
    assert str(table) == "lane      px\nonnx    0.25\ntflite     1"


def test_a_browser_shows_all_of_it(results: dict[str, Any], tmp_path: Path) -> None:
    """Every picture loads, nothing is asked of the network, nothing is wider than the page."""
    if (binary := chromium()) is None:
        pytest.skip("NOT_RUN: no chromium on this machine")
    page = tmp_path / "page.html"
    shown = "<hr>".join(v._repr_html_() for v in results.values())
    page.write_text(f"<meta charset=utf-8><body>{shown}", encoding="utf-8")
    with Browser(binary, tmp_path / "profile") as browser:
        browser.open(page)
        widths = browser.eval("[...document.images].map(i => i.complete ? i.naturalWidth : 0)")
        assert len(widths) >= 6 and min(widths) > 100
        assert browser.eval("document.documentElement.scrollWidth <= innerWidth")
        assert not browser.errors
        assert [r for r in browser.requests if not r.startswith(("file:", "data:"))] == []
