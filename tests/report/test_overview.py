"""The head of the page, its pictures and what it keeps: cards, changes, thumbnails, halves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.errors import MobileCatError
from mobilecat.judge.run import validate
from mobilecat.judge.saved import recording
from mobilecat.judge.words import verdict_sentence
from mobilecat.pictures.chart import round_ticks
from mobilecat.report import html_cases
from mobilecat.report.html import report_page
from mobilecat.report.html_evaluation import charts_of
from mobilecat.report.html_overview import _up_to, losses_of, told_before
from tests.judge.fake import LANE, Workshop, moved
from tests.report.browser import Browser
from tests.report.pages import page

CARD = "[...document.querySelectorAll('.card')].find(c => c.innerText.includes('fake.onnx'))"
SMALL = "[...document.querySelectorAll('.case.small')].map(c => c.dataset.name)"
SHOWN = "[...document.querySelectorAll('.case:not([hidden])')].map(c => c.dataset.name)"


def written(shop: Workshop, **options: Any) -> Path:
    """Write the page over the one that is there, as `validate --html` does."""
    path = shop.root / "report.html"
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
        text = report_page(report, recorder.saved, times=recorder.times, replaces=path, **options)
    path.write_text(text, encoding="utf-8")
    return path


def evaluation(shop: Workshop, **losses: float) -> dict[str, float]:
    """What `evaluate --json` would have written, as it is read."""
    path = shop.root / "evaluation.json"
    lanes = [
        {"artifact": f"fake.{kind}", "loss_points": {"map": loss}} for kind, loss in losses.items()
    ]
    told = {"bundle": {"name": open_bundle(shop.bundle).name}, "lanes": lanes}
    path.write_text(json.dumps(told), encoding="utf-8")
    return losses_of(path, open_bundle(shop.bundle))


def test_a_card_says_what_one_asks_first(browser: Browser, shop: Workshop) -> None:
    browser.open(written(shop, losses=evaluation(shop, onnx=1.25, tflite=0.0)))
    card = browser.eval(f"{CARD}.innerText")
    assert "✓ pass" in card and "boxes as approved" in card and "1.25 lost" in card
    assert "ms here" in card and "✓ onnx" in card
    assert browser.eval("document.querySelectorAll('.card').length") == 2
    assert browser.eval("document.querySelector('img.chart').alt").endswith("size against loss")
    assert browser.errors == []


def test_the_next_page_says_what_has_changed(browser: Browser, shop: Workshop) -> None:
    written(shop, losses=evaluation(shop, onnx=0.5))
    shop.faults[LANE] = moved
    browser.open(written(shop, losses=evaluation(shop, onnx=0.9)))
    changes = browser.eval(f"[...{CARD}.querySelectorAll('.change')].map(c => c.innerText)")
    assert any("passed before" in c for c in changes)
    assert any("lost 0.50 points before" in c for c in changes)
    # A box is moved by 3 px along x and along y: √18 = 4.24.
    assert "boxes up to 4.2 px off, 0.5 px allowed" in browser.eval(f"{CARD}.innerText")
    shop.faults.clear()
    browser.open(written(shop, losses=evaluation(shop, onnx=0.9)))
    assert "failed before" in browser.eval(f"{CARD}.innerText")


@pytest.mark.parametrize(
    "text",
    ["", "a page of another", '<script type="application/json" id="told">{"bundle": 3}</script>',
     '<script type="application/json" id="told">[[[</script>',
     '<script type="application/json" id="told">{"bundle": "fake", "artifacts": 3}</script>'],
)  # fmt: skip
def test_another_page_at_this_place_tells_nothing(text: str, shop: Workshop) -> None:
    path = shop.root / "report.html"
    path.write_text(text, encoding="utf-8")
    assert told_before(path, "fake") == {}
    assert told_before(shop.root / "absent.html", "fake") == {}
    assert "has-changed" not in written(shop).read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "word"),
    [("{}", "is not what"), ("[1]", "is not what"), ("x", "is not what"),
     ('{"bundle": {"name": "other"}, "lanes": []}', "is of the bundle 'other'")],
)  # fmt: skip
def test_an_evaluation_that_is_none(text: str, word: str, shop: Workshop) -> None:
    path = shop.root / "e.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MobileCatError, match=word):
        losses_of(path, open_bundle(shop.bundle))
    with pytest.raises(MobileCatError, match="not found"):
        losses_of(shop.root / "absent.json", open_bundle(shop.bundle))


def test_an_evaluation_is_read_before_anything_runs(shop: Workshop) -> None:
    page = shop.root / "r.html"
    with pytest.raises(MobileCatError, match="not found"):  # and no engine opens these files
        mc.validate(shop.bundle, random=1, html=page, evaluation=shop.root / "absent.json")
    assert not page.exists()
    with pytest.raises(MobileCatError, match=r"mobilecat evaluate .* --html"):
        mc.validate(shop.bundle, html=page, evaluation=shop.root / "absent.json")


def test_pictures_are_small_until_one_asks(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop))
    names = browser.eval(SHOWN)
    assert len(names) == 2 and browser.eval(SMALL) == names
    assert browser.eval("document.querySelector('.case .stage').clientHeight") < 170
    browser.eval("document.querySelector('.case .stage').click()")
    assert browser.eval(SMALL) == names[1:]
    browser.eval("document.querySelector('[data-open]').click()")
    assert browser.eval(SMALL) == names
    browser.eval("document.querySelector('[data-all]').click()")
    assert browser.eval(SMALL) == []
    assert browser.errors == []


def test_what_failed_is_open_and_found(browser: Browser, shop: Workshop) -> None:
    shop.faults[LANE] = moved
    browser.open(page(shop))
    assert browser.eval(SMALL) == []
    names = browser.eval(SHOWN)
    type_in = "const f = document.querySelector('[data-find]'); f.value = '{}';"
    browser.eval(f"{{ {type_in.format(names[0])} f.dispatchEvent(new Event('input')); }}")
    assert browser.eval(SHOWN) == names[:1]
    assert browser.eval("document.querySelector('[data-count]').innerText") == "1 of 2"
    shop.faults.clear()
    browser.open(page(shop))
    browser.eval("document.querySelector('[data-failures]').click()")
    assert browser.eval(SHOWN) == []


def test_many_that_passed_are_folded_and_what_failed_never_is(
    browser: Browser, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_cases, "FOLDED", 1)
    browser.open(page(shop))
    seen = "[...document.querySelectorAll('.case')].map(c => c.checkVisibility())"
    assert browser.eval(seen) == [True, False]
    assert browser.eval("document.querySelector('.rest summary').innerText") == (
        "Show all: 1 more that passed"
    )
    browser.eval("document.querySelector('.rest summary').click()")
    assert browser.eval(seen) == [True, True]
    browser.open(page(shop))
    name = browser.eval("document.querySelector('.rest .case').dataset.name")
    find = "document.querySelector('[data-find]')"
    browser.eval(f"{{ {find}.value = '{name}'; {find}.dispatchEvent(new Event('input')); }}")
    assert browser.eval(seen) == [False, True]  # it is found where it was folded
    shop.faults[LANE] = moved
    browser.open(page(shop))
    assert browser.eval(seen) == [True, True]
    assert browser.eval("document.querySelector('.rest')") is None
    assert browser.errors == []


def test_halves_show_one_result_left_and_another_right(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop))
    browser.eval("document.querySelector('[data-all]').click()")
    browser.eval("document.querySelector('[data-halves]').click()")
    rects = "[...document.querySelector('svg').querySelectorAll('clipPath rect')]"
    ends = f"{rects}.map(r => [+r.getAttribute('x'), +r.getAttribute('width')])"
    # a line in the middle of 96 px: the left half ends there, the right one begins
    (left, width), (right, _) = browser.eval(ends)
    assert left + width == 48 and right == 48
    drawn = "[...document.querySelector('svg').querySelectorAll('g.layer:not(.tags):not(.beside)')]"
    assert browser.eval(f"{drawn}.map(g => g.dataset.layer)") == ["1", "3"]
    browser.eval("document.querySelector('.cut').value = 250")
    browser.eval("document.querySelector('.cut').dispatchEvent(new Event('input'))")
    assert browser.eval(ends)[1][0] == 24
    browser.eval("document.querySelector('[data-halves]').click()")
    assert browser.eval("document.querySelectorAll('[clip-path]').length") == 0
    assert browser.errors == []


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_labels_do_not_cover_one_another(browser: Browser, shop: Workshop, width: int) -> None:
    browser.open(page(shop), width, 900)
    browser.eval("document.querySelector('[data-all]').click()")
    sleep(0.5)  # labels are placed before the next frame
    boxes = browser.eval(
        "[...document.querySelector('svg').querySelectorAll('.tags text:not(.crowded)')]"
        ".map(t => t.getBoundingClientRect()).filter(r => r.width)"
        ".map(r => [r.left, r.top, r.right, r.bottom])"
    )
    assert len(boxes) >= 3
    for i, (l1, t1, r1, b1) in enumerate(boxes):
        for l2, t2, r2, b2 in boxes[:i]:
            assert not (l1 < r2 - 1 and l2 < r1 - 1 and t1 < b2 - 1 and t2 < b1 - 1)


def test_curves_and_confusion_come_from_the_evaluation(browser: Browser, shop: Workshop) -> None:
    path = shop.root / "e.json"
    counts = [[7, 1, 0, 2], [0, 3, 1, 0], [4, 0, 0, 0]]
    taken = {"labelled": ["cat", "d<o>g", "-"], "found": ["cat", "d<o>g", "x", "-"]}
    row = {"lane": "onnx:fake.onnx", "precision_at_recall": [1, 0.5, 0.0], "map50": 0.5}
    wrong: list[Any] = [
        {"precision_at_recall": [1, 7.0], "confusion": {"labelled": ["a"], "counts": [[1]]}},
        {"precision_at_recall": "x", "confusion": {**taken, "counts": [[1]]}},
        {"precision_at_recall": [1], "confusion": {**taken, "counts": [[-1] * 4] * 3}},
    ]
    lanes = [*wrong, {**row, "confusion": {**taken, "counts": counts}}]
    name = open_bundle(shop.bundle).name
    path.write_text(json.dumps({"bundle": {"name": name}, "lanes": lanes}), encoding="utf-8")
    curve, matrix = charts_of(path, open_bundle(shop.bundle))
    assert "onnx:fake.onnx: mAP@.5 50.00" in curve.svg()
    svg = matrix.svg()
    assert "d&lt;o&gt;g" in svg and svg.count('class="count') == 6  # one for each that is not 0
    browser.open(written(shop, evaluated=(curve, matrix)))
    browser.eval("document.querySelectorAll('details').forEach(d => { d.open = true })")
    drawn = "[...document.querySelectorAll('img.chart')].map(i => i.naturalWidth > 0)"
    assert browser.eval(drawn) == [True, True] and browser.errors == []


def test_goldens_without_detections_are_said(shop: Workshop) -> None:
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
        report = replace(report, empty=report.cases)
        assert "nothing is detected on any: no box was held" in verdict_sentence(report)
        assert "of them with nothing detected" in report_page(report, recorder.saved)
        report = replace(report, empty=())
        assert "nothing is detected" not in verdict_sentence(report)


@pytest.mark.parametrize(
    ("least", "end", "ticks"), [(0.0133, 0.015, 4), (9.4, 10, 6), (0.5, 0.5, 6), (52, 60, 4)]
)
def test_axes_have_round_ticks(least: float, end: float, ticks: int) -> None:
    found, said = round_ticks(least)
    assert found == pytest.approx(end) and len(said) == ticks and said[-1][0] == 1


@pytest.mark.parametrize(
    ("value", "said"), [(8e-5, "less than 0.001"), (0.0794, "up to 0.079"), (4.2426, "up to 4.2")]
)
def test_how_far_boxes_are_off_is_said_as_one_says_it(value: float, said: str) -> None:
    assert _up_to(value) == said
