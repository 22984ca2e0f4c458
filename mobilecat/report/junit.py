"""A report as JUnit XML, for CI systems: one suite a lane, one test case a check.

What fell short without a failing check (asked for, and nothing vouches for it) is a failing test
case of its own, so that the XML is green exactly where the report is.

Form: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from mobilecat.compare.compare import Verdict
from mobilecat.judge.report import Report
from mobilecat.report.losses import falls_in, losses_in

_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold: https://www.w3.org/TR/xml/#charsets"""


def to_junit(
    report: Report,
    coordinates: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
) -> str:
    """Return the report as the text of a JUnit XML file.

    coordinates: the JSON of `validate --coordinates`, where it ran. budget: that of what artifacts
    may lose of mAP, where it is stated.
    """
    root = ET.Element("testsuites", name=f"mobilecat {report.bundle.name}")
    for lane in dict.fromkeys(["", *(r.lane for r in report.results)]):
        found = [r for r in report.results if r.lane == lane]
        suite = _suite(root, lane or "goldens and files")
        for r in found:
            c = r.check
            against = f" against the {c.against}" if c.against else ""
            amount = (
                f"{c.value:.4g}, limit {c.limit:g}. " if c.value is not None and c.limit else ""
            )
            place = "/".join(p for p in (r.case, c.stage, c.name) if p)
            _case(suite, f"{place}{against}", c.verdict, f"{amount}{c.detail}")
    for name in dict.fromkeys(r.lane.name for r in report.random):
        suite = _suite(root, f"{name} on random inputs")
        for row in report.random:
            if row.lane.name == name:
                _case(suite, row.output, row.verdict, row.detail)
    suite = _suite(root, "mAP lost")
    for lost in losses_in(budget):
        _case(suite, lost.artifact, lost.verdict, lost.said)
    suite = _suite(root, "scores that fall")
    for fall in falls_in(budget):
        _case(suite, fall.artifact, fall.verdict, fall.said)
    suite = _suite(root, "what was asked for")
    for shortfall in report.shortfalls:
        _case(suite, shortfall, "FAIL", shortfall)
    if coordinates is not None:
        _coordinates(root, coordinates)
    for empty in [s for s in root if not len(s)]:
        root.remove(empty)
    for element in (root, *root):
        _count(element)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _coordinates(root: ET.Element, told: Mapping[str, Any]) -> None:
    suite = _suite(root, "coordinates")
    for c in told["chains"]:
        words = [c[k] for k in ("lane", "case", "option", "gravity", "format")]
        name = "/".join([*words, f"EXIF {c['orientation']}"])
        _case(suite, name, c["verdict"], c["detail"])
    for shortfall in told["shortfalls"]:
        _case(suite, shortfall, "FAIL", shortfall)
    for unmeasured in told.get("unmeasured", ()):
        _case(suite, unmeasured, "NOT_RUN", unmeasured)


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=_speakable(name))


def _case(suite: ET.Element, name: str, verdict: Verdict, detail: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_speakable(name))
    detail = _speakable(detail)
    if verdict == "FAIL":
        ET.SubElement(case, "failure", message=detail).text = detail
    elif verdict == "NOT_RUN":
        ET.SubElement(case, "skipped", message=f"NOT_RUN: {detail}")


def _count(element: ET.Element) -> None:
    for key, path in (("tests", ""), ("failures", "/failure"), ("skipped", "/skipped")):
        element.set(key, str(len(element.findall(f".//testcase{path}"))))
    element.set("errors", "0")


def _speakable(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)
