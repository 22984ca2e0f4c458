"""The planted faults stay plantable, and the page in docs/ is about them and no others."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def _mutants() -> list[Any]:
    found: list[Any] = runpy.run_path(str(ROOT / "tools" / "geometry_mutants.py"))["MUTANTS"]
    return found


def test_every_fault_has_its_text_exactly_once() -> None:
    for mutant in _mutants():
        text = (ROOT / "mobilecat" / mutant.file).read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file}: {mutant.name}"
        assert mutant.old != mutant.new


def test_the_page_lists_each_fault_as_killed() -> None:
    page = (ROOT / "docs" / "geometry_mutants.md").read_text("utf-8")
    listed = re.findall(r"^\| (.+) \| `.+` \|$", page, re.MULTILINE)
    assert listed == [m.name for m in _mutants()]
    assert f"{len(listed)} of {len(listed)} faults are killed" in page
    assert len(listed) >= 40
