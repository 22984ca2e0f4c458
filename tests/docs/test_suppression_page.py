"""docs/suppression.md: its Java compiles, and keeps what the shared vectors say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "suppression.md"
CASES = json.loads((ROOT / "golden/vectors/suppress_candidates.json").read_text("utf-8"))["cases"]
MAIN = """
import java.util.Scanner;

final class Main {
    static float[] floats(Scanner in, int count) {
        float[] found = new float[count];
        for (int i = 0; i < count; i++) found[i] = Float.parseFloat(in.next());
        return found;
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        while (in.hasNext()) {
            int n = in.nextInt(), classes = in.nextInt();
            float score = Float.parseFloat(in.next()), iou = Float.parseFloat(in.next());
            int most = in.nextInt();
            boolean perClass = in.nextBoolean();
            float[] boxes = floats(in, 4 * n), scores = floats(in, classes * n);
            StringBuilder line = new StringBuilder();
            for (Suppression.Kept k : Suppression.kept(
                    boxes, scores, classes, score, iou, most, perClass)) {
                line.append(k.row).append(' ');
            }
            System.out.println(line.toString().trim());
        }
    }
}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def told(case: dict[str, Any]) -> str:
    a = case["args"]
    boxes, scores = a["boxes"], a["scores"]
    classes = len(scores[0]) if scores else 1
    numbers = [v for rows in (boxes, scores) for row in rows for v in row]
    text = " ".join("NaN" if v is None else repr(float(v)) for v in numbers)
    head = f"{len(boxes)} {classes} {a['score_threshold']} {a['iou_threshold']}"
    return f"{head} {a['max_detections']} {str(a['per_class']).lower()} {text}"


def test_the_java_of_the_page_keeps_what_the_vectors_say(tmp_path: Path) -> None:
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("NOT_RUN: no Java compiler on this machine")
    (java,) = blocks("java")
    (tmp_path / "Suppression.java").write_text(java, "utf-8")
    (tmp_path / "Main.java").write_text(MAIN, "utf-8")
    subprocess.run(["javac", "Suppression.java", "Main.java"], cwd=tmp_path, check=True)
    given = "\n".join(map(told, CASES))
    done = subprocess.run(
        ["java", "-Xint", "Main"], cwd=tmp_path, input=given, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    lines = done.stdout.split("\n")[: len(CASES)]
    found = [[int(row) for row in line.split()] for line in lines]
    wrong = [c["name"] for c, rows in zip(CASES, found, strict=True) if rows != c["expect"]]
    assert not wrong and len(found) > 20


def test_the_page_has_each_language_once() -> None:
    for language in ("swift", "java", "kotlin", "dart"):
        assert len(blocks(language)) == 1, language
