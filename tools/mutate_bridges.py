"""Plant every fault of tools/bridge_mutants.py, one at a time, and see the bridge tests notice.

    python tools/mutate_bridges.py [--only WORDS] [--every N] [--out docs/bridge_mutants.md]

Works on a copy of ios_sample/ in a temporary folder, which is built once and then again in part.
Exits with 1 where a fault survives, does not compile, or its text is not found exactly once. Writes
the table only when all faults were planted. NOT_RUN, and exit 0, where there is no swift, or on a
Mac, which has the frameworks themselves.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bridge_mutants import MUTANTS
from mutate_geometry import ROOT, Verdict, page, planted

LEAST = 30
_BUILD = ("swift", "build", "--build-tests", "--package-path", "ios_sample/stubs")
_TEST = ("swift", "test", "--skip-build", "--package-path", "ios_sample/stubs", "--filter")


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, errors="replace", timeout=900
    )


def killer(folder: Path, tests: str) -> tuple[str, str]:
    """Build, and run test classes; return the test that failed, or "" and why none did."""
    built = _run(folder, *_BUILD)
    if built.returncode:
        said = re.search(r"error: .*", built.stdout + built.stderr)
        return "", f"does not compile: {said[0] if said else built.stdout[-300:]}"
    done = _run(folder, *_TEST, tests)
    text = done.stdout + done.stderr
    if failed := re.search(r"error: (\w+\.\w+) : ", text):
        return failed[1], ""
    if done.returncode:
        started = re.findall(r"Test Case '(\w+\.\w+)' started", text)
        return (started[-1], "") if started else ("", f"the tests did not run: {text[-300:]}")
    return "", "survived"


def table(verdicts: list[Verdict], seconds: float) -> str:
    killed = sum(1 for v in verdicts if v.killer)
    lines = [
        "# Faults planted where the app meets Apple's frameworks, and who noticed",
        "",
        f"{killed} of {len(verdicts)} faults are killed, in {seconds / 60:.0f} minutes on two",
        "shared cores. `python tools/mutate_bridges.py` (`make bridges`) plants them one at a",
        "time in a copy (tools/bridge_mutants.py), builds the app against the fakes of",
        "ios_sample/stubs, runs the test classes named beside each file, and writes this page.",
        "What no fake can show is listed in",
        "[ios_sample/README.md](../ios_sample/README.md#to-be-measured-on-a-device).",
    ]
    return page(lines, verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="plant only faults whose file or name has this")
    parser.add_argument("--every", type=int, default=1, help="plant only every Nth, for a sample")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "bridge_mutants.md")
    args = parser.parse_args()
    if shutil.which("swift") is None or platform.system() == "Darwin":
        print("bridge faults: NOT_RUN, they need swift on Linux (https://swift.org/install)")
        return 0
    names = {(m.file, m.name) for m, _ in MUTANTS}
    if len(names) != len(MUTANTS) or len(names) < LEAST:
        raise SystemExit(f"{len(names)} faults; names must differ, and {LEAST} is the least")
    chosen = [(m, t) for m, t in MUTANTS if args.only in f"{m.file} {m.name}"][:: args.every]
    began, verdicts = time.monotonic(), []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        shutil.copytree(
            ROOT / "ios_sample", folder / "ios_sample", symlinks=True,
            ignore=shutil.ignore_patterns(".build"),
        )  # fmt: skip
        name, problem = killer(folder, "|".join(dict.fromkeys(t for _, t in chosen)))
        if name or problem != "survived":
            raise SystemExit(f"the tests fail without any fault: {name} {problem}")
        for mutant, tests in chosen:
            with planted(folder, mutant, "ios_sample") as problem:
                name, problem = ("", problem) if problem else killer(folder, tests)
            verdicts.append(Verdict(mutant, name, problem))
            print(f"{mutant.file}: {mutant.name}: {name or problem.upper()}", flush=True)
    alive = sum(1 for v in verdicts if not v.killer)
    print(f"{len(verdicts) - alive} of {len(verdicts)} faults killed")
    if len(chosen) == len(MUTANTS):
        args.out.write_text(table(verdicts, time.monotonic() - began), "utf-8")
    return 1 if alive or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
