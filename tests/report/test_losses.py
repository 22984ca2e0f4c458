"""What artifacts may lose of mAP, in JUnit and on the page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mobilecat.api.judging import Validation
from mobilecat.judge.run import validate
from mobilecat.judge.saved import recording
from mobilecat.measure.budget import NO_DATA, Budget, Falls, Held
from mobilecat.report.html import report_page
from mobilecat.report.junit import to_junit
from mobilecat.shown import Line
from tests.judge.fake import Workshop, check


@pytest.mark.parametrize(
    ("loss", "failures", "skipped", "says"),
    [
        (0.25, 0, 0, "loses 0.25 points of mAP on 34 pictures, 0.5 are allowed"),
        (0.75, 1, 0, "loses 0.75 points of mAP on 34 pictures, 0.5 are allowed"),
        (-0.76, 0, 0, "gains 0.76 points of mAP on 34 pictures, where 0.5 may be lost"),
        (None, 0, 1, "map_loss 0.5: no pictures"),
    ],
)
def test_both_reports_have_it(
    shop: Workshop, loss: float | None, failures: int, skipped: int, says: str
) -> None:
    why = "no pictures" if loss is None else ""
    told = Budget((Held("fake.onnx", 0.5, loss, why),), 34, loss is not None).to_json()
    suite = next(
        s for s in ET.fromstring(to_junit(check(shop), None, told)) if "mAP" in s.attrib["name"]
    )
    assert (suite.get("failures"), suite.get("skipped")) == (str(failures), str(skipped))
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
    page = report_page(report, recorder.saved, budget=told)
    assert says in page
    assert ("✗ Fell short" in page) == (failures > 0)
    assert ("0.25 lost" in page) == (loss == 0.25)
    assert ("0.75 lost, 0.5 allowed" in page) == (loss == 0.75)
    assert ("loses more mAP than it may" in page) == (loss == 0.75)
    assert ('class="card FAIL"' in page) == (loss == 0.75)


def test_where_none_is_stated_neither_speaks_of_it(shop: Workshop, tmp_path: Path) -> None:
    names = [s.get("name") for s in ET.fromstring(to_junit(check(shop)))]
    assert "mAP lost" not in names


def test_the_pages_command_has_the_labelled_pictures(shop: Workshop, tmp_path: Path) -> None:
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
    command = f"--golden {shop.golden} --data {tmp_path}/labelled"
    page = report_page(report, recorder.saved, data=f"{tmp_path}/labelled")
    assert f'aria-label="Copy: mobilecat validate {shop.bundle} {command}"' in page
    without = report_page(report, recorder.saved)
    assert f'aria-label="Copy: mobilecat validate {shop.bundle} --golden {shop.golden}"' in without


def test_a_limit_that_nothing_tried_is_in_the_headline(shop: Workshop) -> None:
    report = check(shop)
    untried = Budget((Held("fake.onnx", 2.0, None, NO_DATA),), 0, False)
    first = next(iter(Validation(report, budget=untried).words()))
    assert isinstance(first, Line) and first.style == "bold yellow"
    assert first.text.startswith("HELD, but map_loss of fake.onnx was not tried: add --data DATA")
    assert Validation(report, budget=untried).exit_code == 0
    tried = Budget((Held("fake.onnx", 2.0, 0.1),), 34, True)
    first = next(iter(Validation(report, budget=tried).words()))
    assert isinstance(first, Line) and first.text.startswith("HELD: ")
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
    page = report_page(report, recorder.saved, budget=untried.to_json())
    assert "The limit map_loss was not tried: add --data DATA." in page


def test_scores_that_fall_are_in_every_headline(shop: Workshop) -> None:
    said = "fake.onnx: scores are lower; 0.05 and 0.1 are allowed (score_loss)"
    fallen = (Falls("fake.onnx", 0.05, said, "FAIL"),)
    told = Budget((Held("fake.onnx", 0.5, 0.2),), 34, True, scores=fallen)
    report = check(shop)
    done = Validation(report, budget=told)
    first = next(iter(done.words()))
    assert isinstance(first, Line) and done.exit_code == 1
    assert first.text.startswith("FELL SHORT: scores fall further than they may. Else ")
    assert done.to_json()["verdict"] == "FELL_SHORT" and said in done.to_json()["shortfalls"]
    (suite,) = [
        s
        for s in ET.fromstring(to_junit(report, None, told.to_json()))
        if s.get("name") == "scores that fall"
    ]
    assert suite.get("failures") == "1"
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
    page = report_page(report, recorder.saved, budget=told.to_json())
    assert "✗ Fell short" in page and "but scores of some fall further than they may." in page
    assert "scores are lower; 0.05 and 0.1 are allowed (score_loss)" in page
    both = Budget((Held("fake.onnx", 0.5, 0.7),), 34, True, scores=fallen)
    assert both.why == "more mAP is lost than may be, and scores fall further than they may"
