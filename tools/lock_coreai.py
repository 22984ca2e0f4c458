"""`make lock`: print requirements-coreai.lock, what Apple's package adds, for the machines it has.

python tools/lock_coreai.py PIP
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("coreai-core", "psutil", "yuvio")  # numpy, pillow and the rest are locked already
HEAD = """\
# Made by make lock. Apple has wheels for these machines only; where one does not fit (glibc below
# 2.34), make goes on without."""


def main(pip: str) -> None:
    said = subprocess.run([pip, "freeze"], check=True, capture_output=True, text=True).stdout
    found = dict(line.split("==") for line in said.splitlines() if "==" in line)
    print("\n".join([HEAD, *(f"{name}=={found[name]} ; {marker()}" for name in NAMES)]))


def marker() -> str:
    """Return the machines, as pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (needed,) = project["optional-dependencies"]["coreai"]
    return str(needed.partition(";")[2]).strip()


if __name__ == "__main__":
    main(sys.argv[1])
