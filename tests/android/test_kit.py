"""The Android kit as text; `make android` compiles it and holds it to the vectors on a JVM."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "android_sample/kit/src/main/kotlin/mobilecat/kit"
TESTS = ROOT / "android_sample/kit/src/test/kotlin/mobilecat/kit"


def test_it_counts_as_many_cases_as_there_are() -> None:
    """Also where no kotlinc is: a new vector that Kotlin has not is told by its total."""
    index = json.loads((ROOT / "golden/vectors/index.json").read_text("utf-8"))
    assert f"const val TOTAL = {index['total']}\n" in (TESTS / "Main.kt").read_text("utf-8")
    known = set(re.findall(r'^    "(\w+)" to \{', (TESTS / "VectorFunctions.kt").read_text(), re.M))
    assert known == set(index["functions"])


def test_it_needs_nothing_but_kotlin() -> None:
    """No android.*, no java beyond java.lang: a JVM runs it, and no library is pulled in."""
    sources = sorted(KIT.rglob("*.kt"))
    assert len(sources) > 20
    for path in sources:
        imported = re.findall(r"^import (\S+)", path.read_text("utf-8"), re.M)
        assert all(name.startswith("kotlin.math.") for name in imported), (path.name, imported)
