"""Failing checks in few lines: alike ones in one, with the worst of them; the rest on request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobilecat.compare.compare import Check
from mobilecat.judge.engines import SOURCE
from mobilecat.judge.report import Report, Result
from mobilecat.judge.words import failures
from tests.judge.fake import LANE, check, write_bundle


@pytest.fixture
def right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.delenv("CI", raising=False)
    return check(write_bundle(tmp_path).approved())


def failing(report: Report, *found: tuple[str, str, float]) -> Report:
    """Return the report with boxes of (lane, case, pixels) beyond a limit of 0.5."""
    bad = [
        Result(lane, case, Check("detections", "boxes", "FAIL", px, 0.5, "moved", against="golden"))
        for lane, case, px in found
    ]
    cases = tuple(dict.fromkeys(case for _, case, _ in found))
    return replace(report, cases=cases, results=(*report.results, *bad))


def lines(report: Report, every: bool = False) -> list[str]:
    return [str(part) for part in report.words(every)]


def failed(report: Report, every: bool = False) -> list[str]:
    return [x for x in lines(report, every) if x.startswith("FAIL")]


def test_alike_checks_are_one_line_with_the_worst_of_them(right: Report) -> None:
    report = failing(right, *((LANE, f"cat_{i}", 1.0 + (i == 2)) for i in range(4)))
    assert failed(report) == [
        f"FAIL  detections boxes against the golden, {LANE} on all 4 goldens: the worst: {LANE}, "
        "cat_2: 2, limit 0.5. moved"
    ]
    assert lines(report)[1] == (
        f"  {LANE}: 4 checks failed on all 4 goldens, the first of them detections boxes"
    )


def test_the_worst_is_so_by_its_own_limit_and_what_no_number_says_is_worst(right: Report) -> None:
    report = failing(right, *((LANE, f"cat_{i}", 1.0) for i in range(3)))
    lost = Check("detections", "boxes", "FAIL", None, None, "one is missing", against="golden")
    report = replace(report, results=(*report.results, Result(LANE, "cat_9", lost)))
    assert failed(report)[0].endswith(f"the worst: {LANE}, cat_9: one is missing")
    wide = Check("detections", "boxes", "FAIL", 9.0, 8.0, "little beyond", against="golden")
    report = failing(right, *((LANE, f"cat_{i}", 1.0) for i in range(3)))
    report = replace(report, results=(*report.results, Result(LANE, "cat_9", wide)))
    assert "the worst: " in failed(report)[0] and "little beyond" not in failed(report)[0]


def test_every_one_is_there_on_request_and_few_are_never_summed_up(right: Report) -> None:
    many = failing(right, *((LANE, f"cat_{i}", float(i + 1)) for i in range(4)))
    assert len(failed(many, every=True)) == 4 == len(failures(many))
    assert "3 lines more that say the like: --all, --json, --html" in lines(many)
    few = failing(right, (LANE, "cat_0", 1.0), (LANE, "cat_1", 2.0))
    assert failed(few) == failed(few, every=True)
    assert not any("--all" in x for x in lines(few))


def test_boxes_that_are_others_are_no_count_and_columns_are_of_goldens_alone(right: Report) -> None:
    others = Check(
        "detections", "count", "FAIL", 1, 0, "4 found, 4 expected; missing: a cat", "golden"
    )
    unrounded = Check("detections", "boxes", "PASS", 9.5, 10.0, "", "structure")
    found = [Result(LANE, "room", c) for c in (others, unrounded)]
    report = replace(right, results=(*right.results, *found))
    (said,) = failed(report)
    assert "detections missing or extra against the golden: 4 found, 4 expected" in said
    assert "9.5" not in "\n".join(lines(report))


def test_a_source_that_is_off_itself_is_told_first(right: Report) -> None:
    names = [r.lane.name for r in right.lanes]
    every = failing(right, *((lane, f"cat_{i}", 1.0) for lane in names for i in range(2)))
    assert "The model itself no longer gives what was approved" in lines(every)[1]
    began = next(x for x in lines(every) if "lanes that ran" in x)
    assert began.startswith(f"  all {len(names)} lanes that ran: {2 * len(names)} checks")
    assert SOURCE.name in names
    one = failing(right, *((LANE, f"cat_{i}", 1.0) for i in range(3)))
    assert not any("The model itself" in x for x in lines(one))
