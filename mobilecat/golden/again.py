"""The commands that record cases again: a failure names them, and a person runs them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import read_case_file
from mobilecat.value import safe_name

_MOST_WORDS = 6


def record_again(
    folder: Path, golden: Path, bundle: Bundle, names: Sequence[str], source: Path | None = None
) -> list[str]:
    """Return command lines that record these cases from the inputs that they have, and review them.

    Pictures whose cases are called as they are go into one; other cases have one each. source:
    where the source model lies, if not where the bundle says. A case that cannot be read has none.
    """
    start = f"mobilecat golden record {shlex.quote(str(folder))}"
    end = f" --golden {shlex.quote(str(golden))}"
    end += f" --source {shlex.quote(str(source))}" if source else ""
    pictures: list[Path] = []
    lines: list[str] = []
    for name in names:
        home = golden / bundle.name / name
        try:
            case = read_case_file(home)
        except MobileCatError:
            continue
        file = home / case.input.file
        if case.kind == "clip":
            lines.append(f"{start} --clip {_word(file)} --every {case.every} --case {name}{end}")
        elif case.boxes is not None:
            boxes = _word(home / case.boxes.file)
            lines.append(f"{start} {_word(file)} --boxes {boxes} --case {name}{end}")
        elif safe_name(file.stem, "case") == name:
            pictures.append(file)
        else:
            lines.append(f"{start} {_word(file)} --case {name}{end}")
    if pictures:
        lines.insert(0, f"{start} {' '.join(_few(pictures))}{end}")
    review = f"mobilecat golden review {shlex.quote(str(folder))} --golden"
    return [*lines, f"{review} {shlex.quote(str(golden))}"] if lines else []


def _few(files: Sequence[Path]) -> list[str]:
    """Return the files as a shell's words; many of them as patterns, where they lie alike."""
    homes = {f.parent.parent for f in files}
    inside = all(f.parent.name == safe_name(f.stem, "case") for f in files)
    if len(files) <= _MOST_WORDS or len(homes) > 1 or not inside:
        return [_word(f) for f in files]
    root = _word(homes.pop())
    return [f"{root}/*/*{suffix}" for suffix in sorted({f.suffix for f in files})]


def _word(path: Path) -> str:
    return shlex.quote(str(path))
