"""The library against golden/vectors: the same files the Swift package reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import MobileCatError
from tests.geometry.vector_fns import FNS

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "golden" / "vectors"
# Both sides count: a file that is lost, or a case that is skipped, must not pass in silence.
TOTAL = 1522


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_text("utf-8"))
    return loaded


INDEX = _load("index.json")


def differences(got: Any, expect: Any, atol: float, at: str = "") -> list[str]:
    """Return where `got` is not `expect`: exact keys, lengths and words, numbers within atol."""
    if isinstance(got, np.ndarray):
        got = got.tolist()
    if isinstance(expect, dict):
        if not isinstance(got, dict) or set(got) != set(expect):
            return [f"{at}: keys {got}"]
        return [d for k in expect for d in differences(got[k], expect[k], atol, f"{at}.{k}")]
    if isinstance(expect, list):
        if not isinstance(got, (list, tuple)) or len(got) != len(expect):
            return [f"{at}: {got} is not {len(expect)} long"]
        pairs = enumerate(zip(got, expect, strict=True))
        return [d for i, (g, e) in pairs for d in differences(g, e, atol, f"{at}[{i}]")]
    if isinstance(expect, (str, bool)):
        return [] if type(got) is type(expect) and got == expect else [f"{at}: {got!r}"]
    return [] if abs(got - expect) <= atol else [f"{at}: {got} is not {expect} ± {atol}"]


def test_index_counts_every_file_and_case() -> None:
    on_disk = {p.name for p in VECTORS.glob("*.json")} - {"index.json"}
    functions = INDEX["functions"]
    assert on_disk == {entry["file"] for entry in functions.values()}
    counts = {fn: len(_load(entry["file"])["cases"]) for fn, entry in functions.items()}
    assert counts == {fn: entry["cases"] for fn, entry in functions.items()}
    assert sum(counts.values()) == INDEX["total"] == TOTAL


def test_every_function_is_known_and_none_is_left_without_cases() -> None:
    assert set(INDEX["functions"]) == set(FNS)


def test_the_readme_has_a_row_for_every_function() -> None:
    rows = re.findall(
        r"^\| ([a-z_, ]+) \|", (VECTORS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    named = [name for row in rows for name in row.split(", ") if name != "fn"]
    assert sorted(named) == sorted(INDEX["functions"])


@pytest.mark.parametrize("fn", sorted(INDEX["functions"]))
def test_vectors(fn: str) -> None:
    document = _load(INDEX["functions"][fn]["file"])
    assert (document["schema"], document["fn"]) == (1, fn)
    wrong: list[str] = []
    for case in document["cases"]:
        assert set(case) == {"name", "args", "expect", "atol"}
        refused = case["expect"] == {"refused": True}
        try:
            got = FNS[fn](case["args"])
        except MobileCatError as error:
            if not refused:
                wrong.append(f"{case['name']}: refused: {error}")
            continue
        if refused:
            wrong.append(f"{case['name']}: must be refused, gave {got}")
            continue
        wrong += [f"{case['name']}{d}" for d in differences(got, case["expect"], case["atol"])]
    assert not wrong, "\n".join(wrong[:10])


def test_vectors_are_what_the_script_makes() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "make_vectors.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("got", "expect"),
    [
        ([1.0, 2.1], [1, 2]),
        ([1.0], [1, 2]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ("up", "down"),
        (1, True),
        (float("nan"), 0),
    ],
)
def test_the_comparison_can_fail(got: Any, expect: Any) -> None:
    assert differences(got, expect, 0.01)
