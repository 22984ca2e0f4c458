"""The table of what formats and precisions cost says what the longer tables say."""

from __future__ import annotations

import json
import re

import pytest

from tools.site.pages import DOCS

PAGE = (DOCS / "quantize.md").read_text("utf-8")
GLANCE = PAGE.split("## What each format and precision costs")[1].split("\n## ")[0]
MEASURED = PAGE.split("## Measured")[1]
LONG = {
    "TFLite": ("tflite", MEASURED),
    "Core ML, `.mlpackage`": ("coreml", (DOCS / "quantize_coreml.md").read_text("utf-8")),
    "Core AI": ("coreai", (DOCS / "quantize_coreml.md").read_text("utf-8")),
}
LANES = {
    "ONNX": "onnx:cat_faces.onnx",
    "TFLite": "tflite:cat_faces.tflite",
    "Core ML, `.mlmodel`": "coreml:cat_faces.mlmodel",
    "Core ML, `.mlpackage`": "coreml:cat_faces.mlpackage",
}


def rows(text: str) -> list[list[str]]:
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in found]


ROWS = [row for row in rows(GLANCE) if row[0] in LANES or row[0] in LONG]


def test_all_of_it_is_looked_at() -> None:
    assert len(ROWS) == 14


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r[0]} {r[1]}")
def test_a_row_is_that_of_the_long_table(row: list[str]) -> None:
    form, precision, size, lost, ms, time = row
    if ms == "–":
        name, text = LONG[form]
        (found,) = [r for r in rows(text) if r[:3] == ["cat_faces", name, precision]]
        assert found[3] == size and found[7] == time
        assert re.match(r"[-\d.]+", found[5])[0] == lost  # type: ignore[index]
    else:
        told = json.loads((DOCS / "costs.json").read_text("utf-8"))["networks"]
        (found,) = [r for r in told if r["lane"] == LANES[form]]
        assert f"{found['cpu_ms']:.1f}" == ms and lost == "0.00"
