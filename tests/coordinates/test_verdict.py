"""Not measurable with these pictures is no failure."""

from __future__ import annotations

from mobilecat.coordinates.report import Chain, CoordinateReport, Row
from mobilecat.geometry.orientation import Orientation

CHAIN = Chain(Orientation.UP, "own", "resize", "32BGRA")
OTHER = Chain(Orientation.RIGHT, "own", "resize", "32BGRA")


def row(chain: Chain, verdict: str, detail: str = "") -> Row:
    px = 0.1 if verdict == "PASS" else None
    return Row("source", "cat", chain, verdict, px, 1.0, 1, detail)  # type: ignore[arg-type]


def test_a_chain_without_a_box_to_measure_by_is_said_and_is_no_failure() -> None:
    report = CoordinateReport((row(CHAIN, "PASS"), row(OTHER, "NOT_RUN", "noise")), (), 2, False)
    assert report.held and report.verdict == "NOT_MEASURABLE" and not report.shortfalls
    told = report.to_json()
    assert told["verdict"] == "NOT_MEASURABLE" and "1 of 2 chains" in told["unmeasured"][0]
    assert "one object" in told["advice"]


def test_a_chain_that_failed_falls_short_whatever_else_was_not_measurable() -> None:
    report = CoordinateReport((row(CHAIN, "FAIL", "off"), row(OTHER, "NOT_RUN")), (), 2, False)
    assert not report.held and report.verdict == "FELL_SHORT"


def test_nothing_at_all_is_a_shortfall() -> None:
    report = CoordinateReport((), ("source: not here",), 0, False)
    assert not report.held and report.verdict == "FELL_SHORT"
    assert CoordinateReport((row(CHAIN, "PASS"),), (), 1, False).verdict == "HELD"
