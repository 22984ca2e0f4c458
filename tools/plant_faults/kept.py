"""Rows on disk, one a line, so that a run that was cut off goes on where it stopped.

A file belongs to the very code that made it: the first line is the hash of all of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from tools.plant_faults.models import ROOT
from tools.plant_faults.run import Row

CODE = ("mobilecat", "tools/plant_faults", "examples")


def code_hash(root: Path = ROOT) -> str:
    """Return the hash of every file that a row may depend on, but for installed packages."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".txt"):
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Kept:
    """One model's rows in a file; None keeps nothing."""

    def __init__(self, path: Path | None, key: str = "") -> None:
        self._path = path
        self._rows: dict[str, Row] = {}
        if path is None:
            return
        lines = path.read_text("utf-8").split("\n") if path.exists() else [""]
        if lines[0] == key:
            whole = lines[1:-1]  # what a kill cut short has no end of line
            self._rows = {told["of"]: Row(**told["row"]) for told in map(json.loads, whole)}
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [key, *(_line(of, row) for of, row in self._rows.items()), ""]
        path.write_text("\n".join(kept), encoding="utf-8")

    def get(self, of: str) -> Row | None:
        return self._rows.get(of)

    def add(self, of: str, row: Row) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(of, row) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _line(of: str, row: Row) -> str:
    return json.dumps({"of": of, "row": asdict(row)}, ensure_ascii=False)
