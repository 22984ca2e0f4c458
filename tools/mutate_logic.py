"""Plant every fault of tools/logic_mutants.py, one at a time, and see the nearest tests notice.

    python tools/mutate_logic.py [--only WORDS] [--out docs/logic_mutants.md]

Works on a copy of the repository in a temporary folder. Exits with 1 where a fault survives, or its
text is not found exactly once. Writes the table only when all faults were planted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from logic_mutants import MUTANTS
from mutate_geometry import ROOT, Verdict, killer_of, page, planted

COPIED = ("mobilecat", "tests", "tools", "golden", "pyproject.toml")
LEAST = 40


def _pytest(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, *words, *tests.split()],
        cwd=folder, env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def table(verdicts: list[Verdict]) -> str:
    killed = sum(1 for v in verdicts if v.killer)
    lines = [
        "# Faults planted in what judges, keeps and reads, and who noticed",
        "",
        f"{killed} of {len(verdicts)} faults are killed by the nearest tests.",
        "`python tools/mutate_logic.py` plants them one at a time in a copy",
        "(tools/logic_mutants.py), runs the tests named beside each file until one fails, and",
        "writes this page.",
    ]
    return page(lines, verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="plant only faults whose file or name has this")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "logic_mutants.md")
    args = parser.parse_args()
    names = {(m.file, m.name) for m, _ in MUTANTS}
    if len(names) != len(MUTANTS) or len(names) < LEAST:
        raise SystemExit(f"{len(names)} faults; names must differ, and {LEAST} is the least")
    chosen = [(m, t) for m, t in MUTANTS if args.only in f"{m.file} {m.name}"]
    verdicts = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for tests in dict.fromkeys(t for _, t in chosen):
            sound = _pytest(folder, tests)
            if sound.returncode:
                raise SystemExit(f"the tests fail without any fault:\n{sound.stdout[-2000:]}")
        for mutant, tests in chosen:
            with planted(folder, mutant) as problem:
                killer, problem = ("", problem) if problem else killer_of(_pytest(folder, tests))
            verdicts.append(Verdict(mutant, killer, problem))
            if problem:
                print(f"{mutant.file}: {mutant.name}: {problem}", flush=True)
    alive = sum(1 for v in verdicts if not v.killer)
    print(f"{len(verdicts) - alive} of {len(verdicts)} faults killed")
    if len(chosen) == len(MUTANTS):
        args.out.write_text(table(verdicts), "utf-8")
    return 1 if alive or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
