"""The planted faults beyond the geometry stay plantable, and the page is about them alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def mutants() -> list[tuple[Any, str]]:
    sys.path.insert(0, str(ROOT / "tools"))
    from logic_mutants import MUTANTS

    return list(MUTANTS)


def test_every_fault_has_its_text_exactly_once(mutants: list[tuple[Any, str]]) -> None:
    for mutant, tests in mutants:
        text = (ROOT / "mobilecat" / mutant.file).read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file}: {mutant.name}"
        assert mutant.old != mutant.new
        assert all((ROOT / t).exists() for t in tests.split())


def test_the_page_lists_each_fault_as_killed(mutants: list[tuple[Any, str]]) -> None:
    page = (ROOT / "docs" / "logic_mutants.md").read_text("utf-8")
    listed = re.findall(r"^\| (.+) \| `.+` \|$", page, re.MULTILINE)
    assert listed == [m.name for m, _ in mutants]
    assert f"{len(listed)} of {len(listed)} faults are killed" in page
