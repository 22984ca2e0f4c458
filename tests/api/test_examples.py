"""Every example in the API's docstrings and in docs/api.md runs, and gives what it says."""

from __future__ import annotations

import doctest
import os
import shutil
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat import api
from mobilecat.demo import CASCADE, DETECTOR
from tests.api.conftest import PICTURES

ROOT = Path(__file__).resolve().parents[2]
MODULES = ["mobilecat", *(f"mobilecat.api.{m.name}" for m in iter_modules(api.__path__))]
VERBS = {"export", "open", "run", "validate", "evaluate", "tune", "diagnose", "inspect", "bisect",
         "diff"}  # fmt: skip


def names() -> dict[str, Any]:
    return {"mc": mc, "np": np, "Path": Path, "DETECTOR": DETECTOR, "CASCADE": CASCADE,
            "PICTURES": PICTURES}  # fmt: skip


def examples(module: str) -> list[doctest.DocTest]:
    """In the order of the file: a later one builds on what an earlier one wrote."""
    found = doctest.DocTestFinder().find(import_module(module), module, globs=names())
    return sorted((t for t in found if t.examples), key=lambda t: t.lineno or 0)


@pytest.fixture
def beside(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with the bundle in it."""
    shutil.copytree(exported / "cat_faces", tmp_path / "cat_faces", copy_function=os.link)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(tests: list[doctest.DocTest]) -> str:
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in tests:
        runner.run(test, out=told.append)
    return "".join(told)


def require(tests: list[doctest.DocTest]) -> None:
    if told := ran(tests):
        pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str, beside: Path) -> None:
    require(examples(module))


def test_the_tour(beside: Path) -> None:
    path = ROOT / "docs" / "api.md"
    test = doctest.DocTestParser().get_doctest(path.read_text("utf-8"), names(), "api.md", None, 0)
    assert len(test.examples) > 20
    require([test])


def test_every_verb_has_an_example() -> None:
    named = {t.name.rpartition(".")[2] for m in MODULES for t in examples(m)}
    golden = {"record", "review", "approve", "reject", "cases"}
    assert named >= VERBS | golden | {"load_spec"}


def test_an_example_that_lies_is_noticed() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "planted", None, 0)
    assert "Expected" in ran([wrong])
