"""What the documentation points at is there: each `file.py:function`, each path of the repo."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *ROOT.glob("*.md")]
PLACE = re.compile(r"`(mobilecat/[\w/]+\.py):(\w+)`")
PATH = re.compile(r"`((?:mobilecat|tests|tools|benchmarks|examples|golden)/[\w./-]+)`")


def _defined(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    return {n.name for n in ast.walk(tree) if isinstance(n, kinds)}


def test_every_step_of_the_walks_exists() -> None:
    steps = PLACE.findall((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(steps) > 20
    wrong = [f"{f}:{name}" for f, name in steps if name not in _defined(ROOT / f)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_path_exists(page: Path) -> None:
    named = [p.partition(":")[0] for p in PATH.findall(page.read_text("utf-8"))]
    wrong = [p for p in named if "*" not in p and not (ROOT / p).exists()]
    assert not wrong


def test_every_room_is_in_the_table_of_the_house() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {p.name for p in (ROOT / "mobilecat").iterdir() if (p / "__init__.py").is_file()}
    missing = [r for r in rooms - {"cli", "demo"} if f"`{r}`" not in page]
    assert not missing
