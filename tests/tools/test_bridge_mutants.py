"""The faults planted in the app's bridges stay plantable, and the page is about them alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "ios_sample"


@pytest.fixture(scope="module")
def mutants() -> list[tuple[Any, str]]:
    sys.path.insert(0, str(ROOT / "tools"))
    from bridge_mutants import MUTANTS

    return list(MUTANTS)


def test_every_fault_has_its_text_exactly_once(mutants: list[tuple[Any, str]]) -> None:
    for mutant, tests in mutants:
        text = (SAMPLE / mutant.file).read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file}: {mutant.name}"
        assert mutant.old != mutant.new
        for name in tests.split("|"):
            assert (SAMPLE / f"stubs/Tests/BridgeTests/{name}.swift").exists(), name


def test_every_file_of_the_bridges_has_a_fault(mutants: list[tuple[Any, str]]) -> None:
    """A file that was added or renamed is not forgotten; Picture.swift only names a type."""
    folders = ("MobileCatKit/Sources/MobileCatKit/Apple", "CatCam/Apple", "CatCam/Screens")
    there = {
        p.relative_to(SAMPLE).as_posix() for f in folders for p in (SAMPLE / f).glob("*.swift")
    }
    assert there - {m.file for m, _ in mutants} == {"CatCam/Apple/Picture.swift"}


def test_the_page_lists_each_fault_as_killed(mutants: list[tuple[Any, str]]) -> None:
    page = (ROOT / "docs" / "bridge_mutants.md").read_text("utf-8")
    listed = re.findall(r"^\| (.+) \| `.+` \|$", page, re.MULTILINE)
    assert listed == [m.name for m, _ in mutants]
    assert f"{len(listed)} of {len(listed)} faults are killed" in page
