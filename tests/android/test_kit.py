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


def test_the_page_shows_the_lines_of_the_sample() -> None:
    """Who copies from the page gets what LiteRTModel.kt and Gradle's files say."""
    page = (ROOT / "docs/android.md").read_text("utf-8")
    _, shown, gradle = re.findall(r"^```kotlin\n(.*?)^```", page, re.M | re.S)
    app = ROOT / "android_sample/app"
    model = (app / "src/main/kotlin/mobilecat/app/LiteRTModel.kt").read_text("utf-8")
    said = {line.strip() for line in model.splitlines()}
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert len(lines) > 20
    assert not [line for line in lines if line not in said]

    files = ("build.gradle.kts", "settings.gradle.kts", "app/build.gradle.kts")
    built = "".join((ROOT / "android_sample" / f).read_text("utf-8") for f in files)
    wanted = re.findall(r'srcDir\("[^"]+"\)|noCompress \+= .*?\)|litert:[\d.]+|version "[\d.]+"|'
                        r'project\(":kit"\)', gradle)  # fmt: skip
    assert len(wanted) == 6
    assert not [what for what in wanted if what not in built]
