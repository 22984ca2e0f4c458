"""The faults for the Android kit stay plantable."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "android_sample/kit/src/main/kotlin/mobilecat/kit"


@pytest.fixture(scope="module")
def mutants() -> list[Any]:
    sys.path.insert(0, str(ROOT / "tools"))
    from android_mutants import MUTANTS

    return list(MUTANTS)


def test_every_fault_has_its_text_exactly_once(mutants: list[Any]) -> None:
    for mutant in mutants:
        text = (KIT / mutant.file).read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file}: {mutant.name}"
        assert mutant.old != mutant.new


def test_the_page_lists_each_fault_as_killed(mutants: list[Any]) -> None:
    page = (ROOT / "docs" / "android_mutants.md").read_text("utf-8")
    listed = re.findall(r"^\| (.+) \| `.+` \|$", page, re.MULTILINE)
    assert listed == [m.name for m in mutants]
    assert f"{len(listed)} of {len(listed)} faults are killed" in page
