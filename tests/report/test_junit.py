"""JUnit XML: red exactly where the report is, whatever the texts hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mobilecat.report.junit import _case, _suite, to_junit
from tests.judge.fake import LANE, Workshop, check, moved, write_bundle


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved("room", "hall")


def test_a_bundle_that_held(shop: Workshop) -> None:
    report = check(shop, random=1)
    root = ET.fromstring(to_junit(report))
    cases = root.findall(".//testcase")
    assert len(cases) == len(report.results) + len(report.random) == int(root.get("tests", ""))
    assert root.get("failures") == "0" and not root.findall(".//failure")
    assert len(root.findall(".//skipped")) == len(report.not_run) + sum(
        r.verdict == "NOT_RUN" for r in report.random
    )
    assert {s.get("name") for s in root} >= {LANE, "source", f"{LANE} on random inputs"}


def test_a_failure_says_what_and_where(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    root = ET.fromstring(to_junit(check(shop)))
    assert root.get("failures") == "2"
    case = next(c for c in root.iter("testcase") if c.find("failure") is not None)
    assert case.get("classname") == LANE
    assert case.get("name") == "hall/detections/boxes against the golden"
    message = case.find("failure").get("message")  # type: ignore[union-attr]
    assert message is not None and "4.243, limit 0.5" in message


def test_what_did_not_run_is_red_where_the_report_is(shop: Workshop) -> None:
    shop.not_run[LANE] = "no engine"
    report = check(shop)
    assert not report.failed and not report.held
    root = ET.fromstring(to_junit(report))
    assert root.get("failures") == str(len(report.shortfalls)) == "1"
    assert "was held to no golden" in ET.tostring(root, encoding="unicode")


def test_texts_that_xml_cannot_hold(shop: Workshop) -> None:
    def crash(_: object) -> object:
        raise RuntimeError('<&"> \x00\x1b]]> ￾ \ud800')

    shop.faults[LANE] = crash
    root = ET.fromstring(to_junit(check(shop)).encode("utf-8"))
    assert '<&">' in next(f for f in root.iter("failure")).get("message", "")


def test_what_did_not_run_is_skipped_with_its_reason() -> None:
    suite = _suite(ET.Element("testsuites"), "a lane")
    for verdict in ("PASS", "NOT_RUN", "FAIL"):
        _case(suite, verdict, verdict, "why")
    assert [[e.tag for e in case] for case in suite] == [[], ["skipped"], ["failure"]]
    skipped = suite.find(".//skipped")
    assert skipped is not None and skipped.get("message") == "NOT_RUN: why"
