"""What a person needs of the pages: nothing cut off, everything legible, all of it by keyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.changes.behaviour import Given, LaneChange
from mobilecat.changes.facts import Change
from mobilecat.changes.pictures import change_of
from mobilecat.changes.sides import open_side
from mobilecat.changes.whole import Difference as WhatChanged
from mobilecat.changes.whole import Limits
from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.search import Sensitive
from mobilecat.judge.run import validate
from mobilecat.judge.saved import recording
from mobilecat.report.html import report_page
from mobilecat.report.html_compression import compression_page
from mobilecat.report.html_diff import diff_page
from mobilecat.report.html_evaluation import evaluation_page
from mobilecat.report.html_review import review_page
from mobilecat.report.results_file import fold
from mobilecat.review.approve import pendings
from mobilecat.shown import Column, Line, Table
from tests.changes.test_diff import boxes
from tests.judge.fake import LANE, Workshop, check, moved, write_bundle
from tests.judge.test_faults import edit, put
from tests.report.browser import Browser
from tests.report.pages import matrix, page
from tests.report.test_mac_results import MODEL, honest, move, written

OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"


def review(shop: Workshop) -> Path:
    """Two pending results of one lane."""
    shop.faults[LANE] = moved
    check(shop)
    path = shop.root / "review.html"
    found = pendings(shop.bundle, shop.golden)
    path.write_text(review_page(shop.bundle, shop.golden, found), encoding="utf-8")
    return path


def report(shop: Workshop) -> Path:
    """A report with a fault and every part that a report may have."""
    shop.faults[LANE] = moved
    shop.not_run["tflite:fake.tflite"] = "no such engine here " * 6
    return page(shop, matrix("FAIL"), random=2)


def changes(shop: Workshop) -> Path:
    """Two releases: one box moved far, one lost, one gained; a lane that did not run."""
    a, b = (boxes((10, 10, 60, 60), *row) for row in (((90, 20, 120, 60),), ((30, 70, 50, 90),)))
    moved_far = replace(b, boxes_xyxy=b.boxes_xyxy + np.array([[4], [0]]))
    pictures = [shop.root / f"changed_{k}.png" for k in range(3)]
    for picture in pictures:
        Image.new("RGB", (128, 96), "white").save(picture)
    side = open_side(shop.bundle)
    lane = LaneChange(LANE, LANE, tuple(change_of(p, (128, 96), a, moved_far) for p in pictures))
    idle = LaneChange("x:y", "x:y", not_run="no such engine " * 9)
    given = Given((), "the pictures named")
    facts = (Change("suppression", "nms.score_threshold", "0.4", "0.5"),)
    found = WhatChanged(side, side, facts, given, (lane, idle), Limits(lost=0))
    path = shop.root / "changes.html"
    path.write_text(diff_page(found), encoding="utf-8")
    return path


def accuracy(shop: Workshop) -> Path:
    """An evaluation that fell short, with every part that its page may have."""
    taken = {"labelled": ["cat", "-"], "found": ["cat", "x", "-"], "counts": [[7, 0, 1], [2, 0, 0]]}
    files = ("fake.onnx", "fake.tflite")
    lanes = [
        {"lane": f"{f[5:]}:{f}", "artifact": f, "bytes": 4 << 20, "inference_seconds": 0.02,
         "loss_points": {"map": 1.5}, "not_run": "", "map50": 0.5,
         "artifact_precision": "float32", "precision_at_recall": [1, 0.5, 0.0], "confusion": taken}
        for f in files
    ]  # fmt: skip
    why = "onnx:fake.onnx loses 1.50 points of mAP@[.5:.95]; at most 1 were allowed"
    told = {"lanes": lanes, "shortfalls": [why], "max_drop_points": 1.0, "data": {"pictures": 4}}
    columns = [Column("lane", "word"), *map(Column, ("mAP", "loss", "mAP@.5", "loss", "VOC07"))]
    costs = [Column("artifact", "word"), Column("size"), Column("ms a picture")]
    words = [
        Line(f"fake on {shop.root}/labels.json: 4 pictures, 6 objects of 1 class. 12 inferences."),
        Table(columns, [["onnx:fake.onnx", *["79.66"] * 5]]),
        Table([Column("class", "word"), Column("objects")], [["cat", "6"]]),
        Table(costs, [["onnx:fake.onnx", "4.2 MB", "20.0"]]),
        Line("x:y: " + "no such engine " * 9, "yellow", "NOT_RUN"),
    ]
    path = shop.root / "accuracy.html"
    path.write_text(evaluation_page(told, words, open_bundle(shop.bundle)), encoding="utf-8")
    return path


def compressed(shop: Workshop) -> Path:
    """A compression with every part that its page may have: of one file nothing fits."""
    layers = [f"a/network/with/long/names/block_{i}/{'expand' * 5}/Conv" for i in range(40)]
    keys = {"weights": "palette6", "layers": [{"nodes": layers[:20], "weights": "int8"}]}
    rows = [
        Row("fake.mlpackage", "float32", {}, 8 << 20, "a", 1, 0, 0, 0.1, 0.1, 1.0, True, False,
            False),
        Row("fake.mlpackage", "mixed: 20 int8, 20 palette6", keys, 2 << 20, "b", 0.25, 0.2, 0.3,
            0.7, 0.2, 2.5, True, True, True),
        Row("fake.mlpackage", "int8 activations", {"activations": "int8"}, 3 << 20, "c", 0.3, 9.5,
            2.1, 8.5, 2.2, 2.5, False, False, False, meant_for="the Neural Engine of new phones"),
        Row("fake.tflite", "int8", {"precision": "int8"}, 2 << 20, "d", 0.26, 40.25, 3.0, None,
            None, None, False, True, False),
    ]  # fmt: skip
    diff = ["--- mobilecat.toml", "+++ mobilecat.toml", "@@ -1,2 +1,3 @@", '-weights = "int8"']
    diff += [f'+  "{name}",' for name in layers]
    found = Compressed(
        spec=shop.root / "mobilecat.toml",
        measure="mAP",
        budget=0.5,
        goal="size",
        pictures=34,
        held_pictures=34,
        objects=34,
        least=0.29,
        rows=tuple(rows),
        sensitive=tuple(
            Sensitive("fake.mlpackage", name, what, error / (k + 1))
            for k, name in enumerate(layers)
            for what, error in (("int8", 0.2), ("palette6", 0.8))
        ),
        unfit={"fake.tflite": rows[-1]},
        measured=4,
        seconds=1,
        notes=("NOT_RUN fake.tflite, int8-dynamic: no such engine " + "here " * 20, "a note"),
        written=True,
        diff="\n".join(diff),
    )
    path = shop.root / "compressed.html"
    page = compression_page(found.to_json(), found.words(), found.chart)
    path.write_text(page, encoding="utf-8")
    return path


PAGES = {
    "report": report,
    "review": review,
    "changes": changes,
    "accuracy": accuracy,
    "compressed": compressed,
}
FEW = {"accuracy": 5, "compressed": 9}
"""Pages of tables and charts have links and folds alone; the others have more than 20 controls."""

# Text whose contrast to the nearest painted ground is below 4.5 (3 where it is large):
# https://www.w3.org/TR/WCAG22/#contrast-minimum
FAINT = """
(() => {
  const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = rgb(c).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if ((rgb(c)[3] ?? 1) > 0.99) return c;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const e of document.querySelectorAll("body *:not(script):not(svg *)")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(style.color), light(ground(e))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(e.textContent.trim().slice(0, 40));
  }
  return found;
})()
"""


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_needs_sideways_scrolling(
    browser: Browser,
    shop: Workshop,
    kind: str,
    width: int,
) -> None:
    browser.open(PAGES[kind](shop), width, 844)
    assert browser.eval("document.documentElement.scrollWidth") <= width
    browser.eval(OPEN)
    assert browser.eval("document.documentElement.scrollWidth") <= width
    assert browser.errors == []


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_is_legible(
    browser: Browser,
    shop: Workshop,
    kind: str,
    dark: bool,
) -> None:
    browser.open(PAGES[kind](shop), dark=dark)
    browser.eval(OPEN)
    assert browser.eval(FAINT) == []
    browser.eval("document.querySelector('.verdict span').style.color = '#888'")
    assert len(browser.eval(FAINT)) == 1  # the test can fail


@pytest.mark.parametrize("kind", PAGES)
def test_the_keyboard_reaches_everything_in_the_order_of_reading(
    browser: Browser,
    shop: Workshop,
    kind: str,
) -> None:
    browser.open(PAGES[kind](shop))
    all_of_them = """[...document.querySelectorAll('a, button, summary, input, svg')]
        .filter(e => e.checkVisibility() && e.tabIndex >= 0).length"""
    at = "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
    places: list[int] = []
    for _ in range(200):
        browser.key("Tab")
        place = int(browser.eval(at))
        if place <= (places[-1] if places else 0):
            break  # past the end: the browser's own controls, or round again
        places.append(place)
    browser.eval("document.activeElement.blur()")  # it may have come round to the first again
    assert browser.eval("document.querySelector('.skip').getBoundingClientRect().left") < 0
    regions = int(browser.eval("document.querySelectorAll('details[open] .scroll').length"))
    assert len(places) == int(browser.eval(all_of_them)) + regions > FEW.get(kind, 20)


@pytest.mark.parametrize("kind", PAGES)
def test_every_control_has_a_name_and_every_link_a_place(
    browser: Browser,
    shop: Workshop,
    kind: str,
) -> None:
    browser.open(PAGES[kind](shop))
    nameless = """[...document.querySelectorAll('button, a, summary, svg, label, th[scope=col]')]
        .filter(e => !(e.ariaLabel || e.textContent).trim()).map(e => e.outerHTML)"""
    assert browser.eval(nameless) == []
    lost = """[...document.querySelectorAll('a[href^="#"]')]
        .filter(a => !document.querySelector(a.getAttribute('href'))).map(a => a.href)"""
    assert browser.eval(lost) == []
    ids = "[...document.querySelectorAll('[id]')].map(e => e.id)"
    assert len(set(browser.eval(ids))) == len(browser.eval(ids))


def test_what_did_not_run_is_told_beside_the_verdict(browser: Browser, shop: Workshop) -> None:
    shop.not_run["tflite:fake.tflite"] = "no such engine here"
    browser.open(page(shop))
    facts = browser.eval("document.querySelector('.facts').innerText")
    assert "2 of 3 lanes ran" in facts and "what did not run" in facts
    rows = browser.eval("[...document.querySelectorAll('tr.idle')].map(r => r.innerText)")
    # Its place in the table leads to the one list of all that did not run.
    assert len(rows) == 1 and "tflite:fake.tflite" in rows[0] and "Why it did not run" in rows[0]
    listed = browser.eval("document.querySelector('#not-run').nextElementSibling.innerText")
    assert "tflite:fake.tflite: no such engine here" in listed
    assert browser.eval("document.querySelector('main').innerText").count("no such engine") == 1


def test_scores_keep_their_size_and_can_be_put_away(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop))
    said = "[...document.querySelectorAll('.tags[data-layer=\"0\"] text')].map(t=>t.textContent)"
    # two classes: the class is written, too; three detections on each of two pictures
    assert browser.eval(said) == ["dog 0.90", "cat 0.80", "cat 0.50"] * 2
    browser.eval("document.querySelector('[data-all]').click()")  # small pictures have none
    sleep(0.5)  # letters get their size before the next frame
    height = "document.querySelector('.tags text').getBoundingClientRect().height"
    before = browser.eval(height)
    assert 10 < before < 30
    for _ in range(3):
        browser.eval("document.querySelector('button[data-act=in]').click()")
    assert browser.eval(height) == pytest.approx(before, rel=0.1)
    browser.eval("document.querySelector('input[data-tags]').click()")
    assert browser.eval("getComputedStyle(document.querySelector('.tags')).display") == "none"


def drag(*moves: tuple[str, int, float, float]) -> str:
    """Return a script of pointer events on the first picture, at shares of its size."""
    lines = [
        "{ const svg = document.querySelector('svg'), r = svg.getBoundingClientRect();",
        "const at = (kind, id, x, y) => svg.dispatchEvent(new PointerEvent(kind, { bubbles: true,",
        "pointerId: id, clientX: r.left + x * r.width, clientY: r.top + y * r.height }));",
    ]
    lines += [f"at('pointer{kind}', {i}, {x}, {y});" for kind, i, x, y in moves]
    return "\n".join([*lines, "}"])


def test_two_fingers_zoom_about_the_place_between_them(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop), 390, 844)
    browser.eval("SVGElement.prototype.setPointerCapture = () => {}")  # the fingers are not real
    pinch = [("down", 1, 0.25, 0.5), ("down", 2, 0.5, 0.5), ("move", 2, 0.75, 0.5)]
    browser.eval(drag(*pinch, ("up", 1, 0.25, 0.5), ("up", 2, 0.75, 0.5)))
    view = "document.querySelector('svg').getAttribute('viewBox').split(' ').map(Number)"
    x, y, width, height = browser.eval(view)
    assert (width, height) == (48, 30)  # of 96×60: the fingers are twice as far apart
    assert (x, y) == (24, 15)  # (0.25 + 0.75) / 2 of the width stays where it was
    browser.eval(drag(("down", 1, 0.5, 0.5), ("move", 1, 0.25, 0.5), ("up", 1, 0.25, 0.5)))
    assert browser.eval(view) == [36, 15, 48, 30]  # a quarter of what is seen
    assert browser.errors == []


def test_a_command_is_copied_whole(browser: Browser, shop: Workshop) -> None:
    browser.open(review(shop))
    browser.eval("navigator.clipboard.writeText = async (t) => { window.copied = t; }")
    browser.eval("document.querySelector('.decide button').click()")
    words = f"mobilecat golden approve {shop.bundle} hall --golden {shop.golden} --lane {LANE}"
    assert browser.eval("window.copied") == words
    assert browser.eval("getSelection().toString().replace(/\\s+/g, ' ')") == words


def test_the_review_page_lists_what_waits_the_largest_first(
    browser: Browser,
    shop: Workshop,
) -> None:
    browser.open(review(shop))
    listed: Any = browser.eval("[...document.querySelectorAll('.toc li')].map(e => e.innerText)")
    assert [x.split()[0] for x in listed] == ["hall", "room"]
    assert "boxes off by 4.24, limit 0.5" in listed[0]
    assert "✗ 6.36" in browser.eval("document.querySelector('#pending-1 .found').innerText")


def test_names_are_short_where_that_tells_them_apart(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop))
    chips = "[...document.querySelectorAll('.bar label')].map(e => e.innerText)"
    assert browser.eval(chips) == ["golden", "source", "onnx", "tflite", "labels", "halves"]


def test_a_failing_case_says_what_no_table_of_it_shows(browser: Browser, shop: Workshop) -> None:
    shop.faults[LANE] = edit("boxes", put((0, 3), [1, 1, 5, 5]))  # a row of padding
    browser.open(page(shop))
    said = browser.eval("[...document.querySelectorAll('.case .reasons li')].map(e => e.innerText)")
    assert len(said) == 2 and all(f"{LANE}: contract padding: " in x for x in said)
    shop.faults[LANE] = moved  # in the table already
    browser.open(page(shop))
    assert browser.eval("document.querySelectorAll('.case .reasons li').length") == 0


def test_a_lane_without_a_picture_is_not_passed_over(browser: Browser, tmp_path: Path) -> None:
    """Results of a Mac's file have no tensors here: what is wrong with them is said in words."""
    shop = write_bundle(tmp_path, kinds=("coreml", "mlmodel")).approved("hall", "room")
    data = honest(shop)
    move(data)
    with recording(None, shop.open) as recorder:
        found = validate(shop.bundle, shop.golden, opener=recorder)
        text = report_page(fold(found, [written(shop, data)]), recorder.saved)
    path = shop.root / "mac.html"
    path.write_text(text, encoding="utf-8")
    browser.open(path)
    case = browser.eval("document.querySelector('.case[aria-label=hall]').innerText")
    assert f"coreml-native/vision@all:{MODEL}: detections boxes" in case
    assert "3 detections, within the limits on the 3 lanes drawn" in case
