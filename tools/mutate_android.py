"""Plant every fault of tools/android_mutants.py, one at a time, and see the kit's run notice.

    python tools/mutate_android.py [--only WORDS] [--out docs/android_mutants.md]

The kit is compiled once; then each fault's file alone, against that, and laid before it on the
class path. Exits with 1 where a fault survives, does not compile, or its text is not found exactly
once. The page keeps the rows of faults that --only leaves out. NOT_RUN, and exit 0, without
kotlinc and java.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from android_mutants import MUTANTS
from mutate_geometry import ROOT, Verdict, page, planted, with_the_others

LEAST = 30
KIT = "android_sample/kit/src/main/kotlin/mobilecat/kit"
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    env = {"JAVA_OPTS": " ".join(("-Xmx1g", *_JVM)), **os.environ}
    return subprocess.run(
        words, cwd=ROOT, env=env, capture_output=True, text=True, errors="replace", timeout=900
    )


def _compile(source: Path, into: Path, *more: str) -> str:
    """Compile a file or a folder; return why it cannot be, or ""."""
    # Friends see each other's internal names, as files of one module do.
    done = _run("kotlinc", str(source), "-module-name", "kit", "-d", str(into), *more)
    said = re.search(r"error: .*", done.stdout + done.stderr)
    return (said[0] if said else done.stderr[-300:]) if done.returncode else ""


def killer(classes: Path, kit: Path) -> tuple[str, str]:
    """Run the kit's tests on these classes; return the first case that fell, or why none did."""
    where = ("golden/vectors", "ios_sample/MobileCatKit/Tests/Fixtures")
    done = _run("java", *_JVM, "-cp", f"{classes}:{kit}", "mobilecat.kit.MainKt", *where)
    if done.returncode == 0:
        return "", "survived"
    found = re.search(r"^(?:FAILED (\w+ \[.+?\])|FAIL  (.+))", done.stdout, re.MULTILINE)
    if done.returncode != 1 or found is None:
        return "", f"the tests did not run: {done.stdout[-300:]}{done.stderr[-300:]}"
    return (found[1] or found[2]).replace("|", "/"), ""


def table(verdicts: list[Verdict]) -> str:
    """Return the page: every fault, and what noticed it first."""
    killed = sum(1 for v in verdicts if v.killer)
    lines = [
        "# Faults planted in the Android kit, and who noticed",
        "",
        f"{killed} of {len(verdicts)} faults are killed.",
        "`python tools/mutate_android.py` (`make android-mutants`) plants them one at a time",
        "(tools/android_mutants.py), compiles the file, runs the vectors and the kit's own",
        "tests on a JVM, and writes this page. `name [case]` is a vector of `golden/vectors`;",
        "other words name a test of the kit.",
    ]
    return page(lines, verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="plant only these, by file or name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "android_mutants.md")
    args = parser.parse_args()
    names = [(m.file, m.name) for m in MUTANTS]
    if len(set(names)) != len(names) or len(names) < LEAST:
        raise SystemExit(f"{len(names)} faults; names must differ, and {LEAST} is the least")
    missing = [tool for tool in ("kotlinc", "java") if shutil.which(tool) is None]
    if missing:
        print(f"android mutants: NOT_RUN, no {missing[0]} on this machine")
        return 0
    chosen = [m for m in MUTANTS if args.only in f"{m.file} {m.name}"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        kit, classes = folder / "kit.jar", folder / "classes"
        problem = _compile(ROOT / "android_sample/kit/src", kit, "-include-runtime")
        if not problem:
            problem = killer(classes, kit)[1].replace("survived", "")
        if problem:
            raise SystemExit(f"the kit fails without any fault: {problem}")
        shutil.copytree(ROOT / KIT, folder / "src")
        verdicts = []
        for mutant in chosen:
            with planted(folder, mutant, "src") as wrong:
                shutil.rmtree(classes, ignore_errors=True)
                friends = ("-cp", str(kit), f"-Xfriend-paths={kit}")
                wrong = wrong or _compile(folder / "src" / mutant.file, classes, *friends)
                verdicts.append(Verdict(mutant, *(("", wrong) if wrong else killer(classes, kit))))
            if not verdicts[-1].killer:
                print(f"{mutant.file}: {mutant.name}: {verdicts[-1].problem}", flush=True)
    alive = sum(1 for v in verdicts if not v.killer)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(verdicts) - alive} of {len(verdicts)} faults killed in {minutes:.0f} minutes")
    args.out.write_text(table(with_the_others(verdicts, args.out, MUTANTS)), "utf-8")
    return 1 if alive or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
