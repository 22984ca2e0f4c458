"""An engine that takes seconds gets one picture, says so, and gets all where somebody asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobilecat.bundle.cascade import open_any
from mobilecat.golden.store import read_cases
from mobilecat.judge.engines import fullest
from mobilecat.lanes import lanes_of
from tests.judge.fake import Workshop, check, moved, write_bundle

SLOW, QUICK = "coreai-apple:fake.aimodel", "coreai:fake.aimodel"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path, kinds=("coreai",)).approved("first", "second", "third")


def held_to(report: object, lane: str) -> set[str]:
    return {r.case for r in report.results if r.lane == lane and r.check.against == "golden"}  # type: ignore[attr-defined]


def test_one_picture_is_enough_and_said(shop: Workshop) -> None:
    report = check(shop)
    assert report.held
    assert held_to(report, SLOW) == {"first"}
    assert held_to(report, QUICK) == {"first", "second", "third"}
    (said,) = [r.check.detail for r in report.not_run if r.lane == SLOW]
    assert said == "not on 2 cases: its engine takes seconds an input; --slow runs all"


def test_it_is_the_picture_with_the_most_to_be_wrong_about(shop: Workshop) -> None:
    cases, _ = read_cases(shop.golden, open_any(shop.bundle))
    nothing = [replace(c, approved=c.approved.model_copy(update={"detections": ()})) for c in cases]
    assert [c.name for c in fullest([*nothing[:2], cases[2]])] == ["third"]
    assert [c.name for c in fullest(nothing)] == ["first"]
    assert fullest([]) == []


@pytest.mark.parametrize("asked", [{"slow": True}, {"runner": "coreai-apple"}])
def test_all_where_somebody_asks(shop: Workshop, asked: dict[str, object]) -> None:
    report = check(shop, **asked)
    assert held_to(report, SLOW) == {"first", "second", "third"}
    assert not [r for r in report.not_run if r.lane == SLOW]


def test_its_one_picture_counts(shop: Workshop) -> None:
    shop.faults[SLOW] = moved
    report = check(shop)
    assert not report.held
    assert {(r.lane, r.case) for r in report.failed} == {(SLOW, "first")}


def test_an_engine_that_gives_up_is_no_pass(shop: Workshop) -> None:
    shop.after[SLOW] = 0
    assert "compared on 0 of 1 cases" in "".join(r.check.detail for r in check(shop).failed)


def test_who_runs_many_pictures_leaves_it_out(shop: Workshop) -> None:
    bundle = open_any(shop.bundle)
    assert SLOW in [x.name for x in lanes_of(bundle)]
    assert SLOW not in [x.name for x in lanes_of(bundle, slow=False)]
    assert SLOW in [x.name for x in lanes_of(bundle, "coreai-apple", slow=False)]
