"""`make wheel`: build the wheel, look into it, install it into an empty environment, run the demo.

    python tools/wheel.py [--python PYTHON]… [--keep]

Each PYTHON gets a virtual environment of its own, with nothing but the wheel and what it asks for,
and runs `mobilecat demo` in an empty folder, without this checkout on its path. One that is not
here is NOT_RUN.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
NEEDED = (
    "mobilecat/demo/cat_faces.onnx",
    "mobilecat/demo/cat_landmarks.onnx",
    "mobilecat/demo/chelsea.png",
    "mobilecat/demo/pictures/two_on_a_sofa.png",
    "mobilecat/demo/golden/cat_faces/chelsea/approved.json",
    "mobilecat/demo/golden/cats/index.json",
    "mobilecat/demo/golden/cats/two_on_a_sofa/approved.json",
    "mobilecat/templates/report.html.j2",
    "mobilecat/templates/report_diff.html.j2",
    "mobilecat/py.typed",
)
MARKS = {"demo": ("cats.png", "report.html", "cats/bundle.json")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", metavar="PYTHON", help="by default this one")
    parser.add_argument("--keep", action="store_true", help="leave the environments")
    asked = parser.parse_args()
    wheel = build()
    lacking = missing(wheel)
    for name in lacking:
        print(f"FAIL  the wheel lacks {name}")
    codes = [tried(wheel, python, asked.keep) for python in asked.python or [sys.executable]]
    return 1 if lacking or any(codes) else 0


def build() -> Path:
    """Return the wheel, built from a copy of what git has, so that no stray file comes along."""
    start = perf_counter()
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "source"
        for name in run("git", "-C", str(ROOT), "ls-files", "mobilecat", "pyproject.toml",
                        "README.md", "LICENSE").splitlines():  # fmt: skip
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        # In an environment of its own: what is installed here decides nothing.
        run(sys.executable, "-m", "venv", str(Path(folder) / "venv"))
        pip = [str(Path(folder) / "venv" / "bin" / "python"), "-m", "pip", "wheel", "-q"]
        run(*pip, "--disable-pip-version-check", "--no-deps", "-w", str(DIST), str(copy))
    (wheel,) = DIST.glob("*.whl")
    size = wheel.stat().st_size / 1e6
    print(f"{wheel.relative_to(ROOT)}: {size:.1f} MB, built in {perf_counter() - start:.0f} s")
    return wheel


def missing(wheel: Path) -> list[str]:
    """Return what is in the repository's package, or is needed, and not in the wheel."""
    with zipfile.ZipFile(wheel) as opened:
        inside = set(opened.namelist())
    ours = run("git", "-C", str(ROOT), "ls-files", "mobilecat").splitlines()
    return sorted({*ours, *NEEDED} - inside)


def tried(wheel: Path, python: str, keep: bool) -> int:
    """Install the wheel for one interpreter and run the demo; 0 where it held."""
    try:
        version = run(python, "-c", "import sys; print(sys.version.split()[0])").strip()
    except (OSError, subprocess.CalledProcessError):
        print(f"NOT_RUN  {python}: no such interpreter here")
        return 0
    home = Path(tempfile.mkdtemp(prefix="mobilecat-wheel-"))
    try:
        start = perf_counter()
        run(python, "-m", "venv", str(home / "venv"))
        pip = [str(home / "venv" / "bin" / "python"), "-m", "pip", "install", "-q"]
        run(*pip, "--disable-pip-version-check", str(wheel))
        installed = perf_counter() - start
        size = sum(p.stat().st_size for p in (home / "venv").rglob("*") if p.is_file()) / 1e6
        (home / "empty").mkdir()
        start = perf_counter()
        # Nothing of this machine: no checkout on the path, no cache of an earlier run.
        quiet = {"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
        command = [str(home / "venv" / "bin" / "mobilecat"), "demo"]
        done = subprocess.run(command, cwd=home / "empty", env=quiet, text=True,
                              capture_output=True)  # fmt: skip
        took = perf_counter() - start
        print(done.stdout, done.stderr, sep="", end="")
        made = home / "empty" / "mobilecat_demo"
        lacking = [name for name in MARKS["demo"] if not (made / name).is_file()]
        held = done.returncode == 0 and not lacking
        print(
            f"{'PASS' if held else 'FAIL'}  Python {version}: installed in {installed:.0f} s "
            f"({size:.0f} MB with what it needs), demo in {took:.0f} s"
            + "".join(f", lacks {name}" for name in lacking)
        )
        return 0 if held else 1
    except subprocess.CalledProcessError as e:
        print(f"FAIL  Python {version}: {e.stderr[-2000:]}")
        return 1
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def run(*command: str) -> str:
    """Return what a command prints; CalledProcessError where it fails."""
    words: Sequence[str] = command
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
