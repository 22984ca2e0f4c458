"""Lint, types, and only the tests that a change touches: `make check`, or with BASE=<revision>.

    python tools/check.py [--base main] [--list]

A test file is touched where it changed itself, or where it, or a helper of the tests that it
imports, imports a changed module of mobilecat or tools. Swift's tests run where ios_sample or the
golden vectors changed, the Android kit's where android_sample or they did. It does not replace
`make test`: what is reached through a subprocess, or two modules further on, is not seen.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def changed(base: str) -> set[str]:
    """Return the files that differ from where this branch left `base`, and those not yet known."""
    left = _git("merge-base", base, "HEAD").strip()
    known = _git("diff", "--name-only", left).splitlines()
    return {*known, *_git("ls-files", "--others", "--exclude-standard").splitlines()}


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return done.stdout


@cache
def imported(file: Path) -> frozenset[str]:
    """Return the repository's files that a file imports by name, functions included."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        else:
            continue
        for name in names:
            place = ROOT / name.replace(".", "/")
            for path in (place.with_suffix(".py"), place / "__init__.py"):
                if path.is_file():
                    found.add(path.relative_to(ROOT).as_posix())
    return frozenset(found)


def reached(test: Path) -> set[str]:
    """Return what a test file imports, and what the tests' own helpers import for it."""
    todo, seen = [test.relative_to(ROOT).as_posix()], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += [f for f in imported(ROOT / file) if f.startswith("tests/")]
    return seen | {f for s in seen for f in imported(ROOT / s)}


def touched(files: set[str]) -> list[str]:
    """Return the test files that a change of `files` touches."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    return [t.relative_to(ROOT).as_posix() for t in tests if reached(t) & files]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", default="main", help="the revision to compare with")
    parser.add_argument("--list", action="store_true", help="only say what would run")
    args = parser.parse_args()
    files = changed(args.base)
    tests = touched(files)
    swift = any(f.startswith(("ios_sample/", "golden/vectors/")) for f in files)
    print(f"{len(files)} files differ from {args.base}: {len(tests)} test files", flush=True)
    android = any(f.startswith(("android_sample/", "golden/vectors/")) for f in files)
    if args.list:
        others = [name for name, runs in (("Swift", swift), ("Android", android)) if runs]
        print("\n".join([*tests, *others]))
        return 0
    here = Path(sys.executable).parent
    commands = [[here / "ruff", "check", "."], [here / "ruff", "format", "--check", "."]]
    commands.append([here / "mypy"])
    if tests:
        commands.append([sys.executable, "-m", "pytest", "-q", "-n", "2", *tests])
    if swift:
        commands.append([ROOT / "tools" / "swift_test.sh"])
    if android:
        commands.append([ROOT / "tools" / "android_test.sh"])
    results = [subprocess.run([str(w) for w in c], cwd=ROOT).returncode for c in commands]
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main())
