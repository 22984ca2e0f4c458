"""The page in a browser: what it says, what switches and keys do; and that it fetches nothing."""

from __future__ import annotations

import pytest

from tests.judge.fake import LANE, SPEC, Workshop, moved
from tests.report.browser import Browser
from tests.report.pages import EVIL, matrix, page


def test_a_page_that_held(browser: Browser, shop: Workshop) -> None:
    browser.open(page(shop, random=1))
    text = browser.eval("document.body.innerText")
    assert browser.eval("document.querySelector('.verdict').innerText").startswith("✓ Held")
    assert "on 2 golden pictures and on 1 random input" in text
    assert browser.eval("document.querySelectorAll('table.checks tbody tr').length") == 3
    assert "labels.txt" in text and "float32 sums in another order" in text
    # three boxes and six landmarks a layer: golden, source, onnx, tflite; two pictures
    assert browser.eval("document.querySelectorAll('.layer .line').length") == 3 * 4 * 2
    assert browser.eval("document.querySelectorAll('.layer .dot').length") == 6 * 4 * 2
    first = "[...document.querySelector('.layer .line').attributes].map(a=>a.value).slice(1,5)"
    # model [10, 8, 30, 28] → image [15, 6, 45, 36]
    assert browser.eval(first) == ["15.0", "6.0", "30.0", "30.0"]
    assert browser.eval("document.querySelector('image').getBBox().width") == 96
    assert browser.errors == []
    assert all(r.startswith(("file:", "data:")) for r in browser.requests)


def test_a_page_that_fell_short_says_so_first(browser: Browser, shop: Workshop) -> None:
    shop.faults[LANE] = moved
    browser.open(page(shop))
    assert browser.eval("document.querySelector('.verdict').innerText").startswith("✗ Fell short")
    assert "4.243, limit 0.5" in browser.eval("document.querySelector('.reasons').innerText")
    rows = browser.eval("[...document.querySelectorAll('table.checks tr')].map(r => r.innerText)")
    assert "first at detections" in next(r for r in rows if "fake.onnx" in r)
    shown = "document.querySelector('table.found').innerText"
    # 3 px of the model input in x and y are 4.5 of the picture each; the lane alone is wrong
    assert browser.eval(shown).count("✗ 6.36") == 1
    wrong = "[...document.querySelectorAll('table.found .FAIL')].map(c=>c.innerText)"
    assert browser.eval(wrong) == ["✗ 6.36"] * 2  # one a picture: the landmarks and scores hold
    first = browser.eval("document.querySelector('.reasons').innerText")
    assert f"{LANE} fails first at detections (2 of 12 checks): look at NMS" in first
    solid = (
        "document.querySelectorAll('.layer[data-layer=\"2\"] rect.line:not([stroke-dasharray])')"
    )
    assert browser.eval(f"{solid}.length") == 2
    assert browser.errors == []


def test_switches_and_zoom_by_mouse_and_keyboard(browser: Browser, shop: Workshop) -> None:
    shop.faults[LANE] = moved
    browser.open(page(shop))

    def shown(layer: int) -> int:
        query = f"[...document.querySelectorAll('.layer:not(.tags)[data-layer=\"{layer}\"]')]"
        return int(browser.eval(f"{query}.filter(g=>getComputedStyle(g).display!='none').length"))

    assert [shown(k) for k in range(4)] == [2, 2, 2, 2]
    browser.eval("document.querySelector('input[value=\"2\"]').click()")
    assert [shown(k) for k in range(4)] == [2, 2, 0, 2]
    browser.eval("document.querySelector('input[value=\"0\"]').focus()")
    browser.key(" ")
    assert [shown(k) for k in range(4)] == [0, 2, 0, 2]
    view = "document.querySelector('svg').getAttribute('viewBox')"
    browser.eval("document.querySelector('svg').focus()")
    browser.key("+")
    zoomed = browser.eval(view)
    assert zoomed.split()[2] == "60.00"  # 96 / 1.6
    browser.key("ArrowRight")
    assert float(browser.eval(view).split()[0]) > float(zoomed.split()[0])
    browser.key("0")
    assert browser.eval(view) == "0.00 0.00 96.00 60.00"
    buttons = "[...document.querySelectorAll('button[data-frame]')]"
    browser.eval(f"{buttons}.find(b => b.ariaLabel.includes('cat 0.500')).click()")
    assert float(browser.eval(view).split()[2]) < 96
    browser.eval("document.querySelector('button[data-act=fit]').click()")
    assert browser.eval(view) == "0.00 0.00 96.00 60.00"
    assert browser.errors == []


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, shop: Workshop, dark: bool) -> None:
    browser.open(page(shop, matrix("PASS")), 390, 844, dark)
    assert browser.eval("document.documentElement.scrollWidth") <= 390
    assert browser.eval("document.querySelector('table.grid').scrollWidth") <= 390 - 32
    paper = browser.eval("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 26)" if dark else "rgb(251, 250, 248)")


def test_no_text_becomes_markup(browser: Browser, shop: Workshop) -> None:
    def crash(_: object) -> object:
        raise RuntimeError(EVIL)

    shop.faults[LANE] = crash
    path = page(shop, matrix("FAIL"))
    browser.open(path)
    assert browser.eval("window.hurt") is None
    running = "[...document.scripts].filter(s => s.type !== 'application/json').length"
    assert browser.eval(running) == 1
    assert "onerror='window.hurt=2'" in browser.eval("document.body.innerText")
    assert browser.errors == []


def test_even_unescaped_a_script_would_not_run(browser: Browser, shop: Workshop) -> None:
    path = page(shop)
    path.write_text(path.read_text("utf-8").replace("</main>", f"{EVIL}</main>"), "utf-8")
    browser.open(path)
    assert browser.eval("window.hurt") is None
    assert browser.errors  # the policy of the page's head complains


@pytest.mark.parametrize("verdict", ["PASS", "FAIL"])
def test_the_coordinate_grid_has_its_part_of_the_verdict(
    browser: Browser, shop: Workshop, verdict: str
) -> None:
    browser.open(page(shop, matrix(verdict)))
    said = browser.eval("document.querySelector('.verdict').innerText")
    assert said.startswith("✓ Held" if verdict == "PASS" else "✗ Fell short")
    cells = "[...document.querySelectorAll('table.worst tbody td')].map(c=>c.textContent)"
    assert browser.eval(cells) == [""] * 5 + ["93.3" if verdict == "PASS" else "✗ 93.3"] + [""] * 2
    assert browser.eval(cells.replace("worst", "lanes")) == browser.eval(cells)
    assert "Limit: 2.5 px" in browser.eval("document.body.innerText")


def test_what_did_not_run_is_there_with_its_reason(browser: Browser, shop: Workshop) -> None:
    shop.not_run["tflite:fake.tflite"] = "no such engine here"
    browser.open(page(shop))
    assert "no such engine here" in browser.eval("document.body.innerText")
    assert browser.eval("document.querySelectorAll('input[data-switch]').length") == 3


def test_nothing_of_the_fake_spec_has_changed() -> None:
    assert "size = [64, 48]" in SPEC  # what the numbers above rest on


def test_the_grid_names_each_lane_once_in_the_reports_order(
    browser: Browser, shop: Workshop
) -> None:
    told = matrix("PASS")
    first = told["chains"][0]
    told["chains"] = [
        {**first, "lane": lane, "option": option, "max_px": px}
        for lane, px in (("tflite:b", 0.26), ("onnx:a", 213.4))
        for option in ("own", "scaleFit")
    ]
    browser.open(page(shop, told))
    heads = "[...document.querySelectorAll('.lanes tbody th')].map(c=>c.firstChild.textContent)"
    assert browser.eval(heads) == ["tflite:b", "own", "scaleFit", "onnx:a", "own", "scaleFit"]
    cells = "[...document.querySelectorAll('.lanes tbody td')].map(c=>c.textContent).filter(x=>x)"
    assert browser.eval(cells) == ["0.3", "0.3", "213", "213"]
    # over all lanes, the worst a fit
    assert browser.eval(heads.replace("lanes", "worst")) == ["own", "scaleFit"]
    assert browser.eval(cells.replace("lanes", "worst")) == ["213", "213"]
