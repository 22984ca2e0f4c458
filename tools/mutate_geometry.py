"""Plant every fault of tools/geometry_mutants.py, one at a time, and see the tests notice.

    python tools/mutate_geometry.py [--only WORDS] [--out docs/geometry_mutants.md]

Works on a copy in a temporary folder. Exits with 1 where a fault survives, or its text is not found
exactly once. The page keeps the rows of faults that --only leaves out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from geometry_mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parent.parent
COPIED = (
    "mobilecat",
    "tests/__init__.py",
    "tests/geometry",
    "tests/camera",
    "golden/vectors",
)
# The first judges the scripts, not the geometry, and needs tools/ and docs/; models are not asked.
LEFT_OUT = ("test_mutants_listed.py", "demo")
# Fastest first; the comparison with the script's output needs tools/ and judges no geometry.
TESTS = (
    "tests/geometry/test_vectors.py",
    "tests/geometry/test_refusals.py",
    "tests/geometry/test_turned_crops.py",
    "tests/camera",
    "tests/geometry/test_engines.py",
    "tests/geometry/test_properties.py",
)
PYTEST = (
    *("-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"),
    *("--deselect", "tests/geometry/test_vectors.py::test_vectors_are_what_the_script_makes"),
)
LEAST = 40


@dataclass(frozen=True)
class Verdict:
    """What happened to one fault: the test that noticed it, or why nothing did."""

    mutant: Mutant
    killer: str
    problem: str = ""


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def copy_tree(folder: Path) -> None:
    """Copy what the tests need; raise where the copy would not be what runs."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", *LEFT_OUT))
        else:
            shutil.copy(source, target)
    found = _run(folder, "-c", "import mobilecat.geometry.affine as m; print(m.__file__)").stdout
    if not found.startswith(str(folder)):
        raise SystemExit(f"the tests would import {found.strip()}, not the copy in {folder}")


@contextmanager
def planted(folder: Path, mutant: Mutant, under: str = "mobilecat") -> Iterator[str]:
    """Plant one fault in the copy for a while; give why it cannot be, or ""."""
    path = folder / under / mutant.file
    text = path.read_text("utf-8")
    if text.count(mutant.old) != 1:
        yield f"its text occurs {text.count(mutant.old)} times"
        return
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    try:
        yield ""
    finally:
        path.write_text(text, "utf-8")


def killer_of(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return the test that noticed a fault, or "" and why nothing did."""
    if done.returncode == 0:
        return "", "survived"
    # An ERROR is no kill: a fault that only breaks an import proves nothing about the tests.
    failed = re.search(r"^FAILED tests/(.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        return "", f"the tests did not run: {done.stdout[-300:]}{done.stderr[-300:]}"
    return failed[1], ""


def plant(folder: Path, mutant: Mutant) -> Verdict:
    """Plant one fault, run the tests until one fails, and take the fault out again."""
    with planted(folder, mutant) as problem:
        if problem:
            return Verdict(mutant, "", problem)
        return Verdict(mutant, *killer_of(_run(folder, *PYTEST, *TESTS)))


def table(verdicts: list[Verdict]) -> str:
    """Return the page: every fault, and the first test that noticed it."""
    killed = sum(1 for v in verdicts if v.killer)
    lines = [
        "# Faults planted in the geometry, and who noticed",
        "",
        f"{killed} of {len(verdicts)} faults are killed. `python tools/mutate_geometry.py` plants",
        "them one at a time in a copy (tools/geometry_mutants.py), runs `tests/geometry` and",
        "`tests/camera` until a test fails, and writes this page.",
    ]
    return page(lines, verdicts)


def page(lines: list[str], verdicts: list[Verdict]) -> str:
    """Return `lines`, and below them a table a file: each fault, and who noticed."""
    file = ""
    for v in verdicts:
        if v.mutant.file != file:
            file = v.mutant.file
            lines += ["", f"## {file}", "", "| fault | noticed first by |", "|---|---|"]
        lines.append(f"| {v.mutant.name} | {f'`{v.killer}`' if v.killer else v.problem} |")
    return "\n".join(lines) + "\n"


def with_the_others(verdicts: list[Verdict], written: Path, mutants: list[Mutant]) -> list[Verdict]:
    """Return every fault's verdict: those of now, the others as the page has them."""
    text = written.read_text("utf-8") if written.exists() else ""
    sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    killers = {
        (file, name): killer
        for file, rows in zip(sections[1::2], sections[2::2], strict=True)
        for name, killer in re.findall(r"^\| (.+) \| `(.+)` \|$", rows, re.MULTILINE)
    }
    now = {(v.mutant.file, v.mutant.name): v for v in verdicts}

    def verdict(mutant: Mutant) -> Verdict:
        key = (mutant.file, mutant.name)
        return now.get(key) or Verdict(mutant, killers.get(key, ""), "NOT_RUN: not planted yet")

    return [verdict(m) for m in mutants]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default="", help="plant only these, by file or name; the page keeps its others"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "geometry_mutants.md")
    args = parser.parse_args()
    names = [(m.file, m.name) for m in MUTANTS]
    if len(set(names)) != len(names) or len(names) < LEAST:
        raise SystemExit(f"{len(names)} faults; names must differ, and {LEAST} is the least")
    chosen = [m for m in MUTANTS if args.only in f"{m.file} {m.name}"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        copy_tree(folder)
        sound = _run(folder, *PYTEST, *TESTS)
        if sound.returncode != 0:
            raise SystemExit(f"the tests fail without any fault:\n{sound.stdout[-2000:]}")
        verdicts = []
        for mutant in chosen:
            verdicts.append(plant(folder, mutant))
            if not verdicts[-1].killer:
                print(f"{mutant.file}: {mutant.name}: {verdicts[-1].problem}", flush=True)
    alive = sum(1 for v in verdicts if not v.killer)
    print(f"{len(verdicts) - alive} of {len(verdicts)} faults killed")
    args.out.write_text(table(with_the_others(verdicts, args.out, MUTANTS)), "utf-8")
    return 1 if alive or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
