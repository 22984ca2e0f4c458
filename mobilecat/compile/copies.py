"""The folders of apps that a bundle was copied into, and which of them hold another export of it.

They are kept in apps.json, beside bundle.json and outside its seal: its paths are anyone's. Nothing
is written or run because of them. A folder counts where it holds an app's copy of a bundle of the
name that was kept, and its files are compared with the bundle's own, byte by byte; one that is
gone, or holds something else by now, is none of ours.
"""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from mobilecat.bundle import FILE, Bundle
from mobilecat.bundle.cascade import DETECTOR, LANDMARKS
from mobilecat.compile.android import ASSETS, MODEL
from mobilecat.compile.android import LANDMARKS as SECOND_ASSETS
from mobilecat.compile.ios import CASCADE, RESOURCES, SECOND
from mobilecat.disk import relative_path, write_text
from mobilecat.disk.texts import read_json

APPS = "apps.json"
_SCHEMA = 1
_MOST_BYTES = 1 << 20
_LARGEST_CONTRACT = 64 << 20
_MOST, _LONGEST = 20, 1000
Kind = Literal["ios", "android"]
KINDS: tuple[Kind, ...] = ("ios", "android")


@dataclass(frozen=True)
class _Known:
    """path: of an app's folder, from the bundle's. name: the bundle's, when it was copied."""

    kind: Kind
    path: str
    name: str


@dataclass(frozen=True)
class AppCopy:
    """An app's folder that holds a bundle. folder: as it is called from the working directory.
    stale: whether it is another export than the one that lies here."""

    kind: Kind
    folder: Path
    stale: bool


def remember(bundle_folder: Path, bundle: Bundle, apps: Sequence[tuple[Kind, Path]]) -> None:
    """Add to a bundle the folders that it was just copied into. Errors: OSError."""
    new = [_Known(k, relative_path(p, bundle_folder), bundle.name) for k, p in apps]
    taken = {(c.kind, c.path) for c in new}
    old = [c for c in _read(bundle_folder) if (c.kind, c.path) not in taken]
    if new:
        _write(bundle_folder, (new + old)[:_MOST])


def carry(before: Path, fresh: Path) -> None:
    """Hand what an earlier export remembers to the one that takes its place. Errors: OSError."""
    if known := _read(before):
        _write(fresh, known)


def copies_of(bundle_folder: Path) -> tuple[AppCopy, ...]:
    """Return the app folders that hold a copy of the bundle, or of another export of it."""
    home = bundle_folder.resolve()
    found = []
    for known in _read(bundle_folder):
        app = Path(os.path.normpath(home / known.path))
        try:
            stale = _is_another(home, app, known)
        except (OSError, ValueError):  # nothing that could be compared
            continue
        if stale is not None:
            found.append(AppCopy(known.kind, _from_here(app), stale))
    return tuple(found)


def stale_words(copies: Sequence[AppCopy]) -> str:
    """Say which folders hold another export; "" where none does."""
    names = [str(c.folder) for c in copies if c.stale]
    if not names:
        return ""
    them, hold, run = (
        ("it", "holds", "its app runs") if len(names) == 1 else ("them", "hold", "their apps run")
    )
    return (
        f"{' and '.join(names)} still {hold} another export than this bundle: {run} that one until "
        f"you export into {them} too"
    )


def doubtful_words(copies: Sequence[AppCopy]) -> str:
    """Say which folders hold a bundle that falls short, and which still hold another export; ""
    where the latter is none."""
    old, new = (
        " and ".join(str(c.folder) for c in copies if c.stale is stale) for stale in (True, False)
    )
    if not old:
        return ""
    hold = "holds" if sum(c.stale for c in copies) == 1 else "hold"
    here = f"{new} {'holds' if sum(not c.stale for c in copies) == 1 else 'hold'} this bundle, "
    return (
        f"{here if new else ''}{old} still {hold} another export, perhaps the right one: export "
        "into all of them once this holds again"
    )


def options(copies: Sequence[AppCopy]) -> list[list[str]]:
    """Return the options of one export after another that writes into all of them."""
    by_kind = [[str(c.folder) for c in copies if c.kind == kind] for kind in KINDS]
    return [
        [word for kind, f in zip(KINDS, folders, strict=True) if f for word in (f"--{kind}", f)]
        for folders in zip_longest(*by_kind)
    ]


def _is_another(home: Path, app: Path, known: _Known) -> bool | None:
    """Return whether an app's folder holds another export; None where it holds none of it."""
    cascade = (home / LANDMARKS / FILE).is_file()
    parts = list(_parts(known.kind, app, cascade))
    contract = parts[0][1] / (CASCADE if cascade else FILE)
    if _name_in(contract) != known.name:
        return None
    pairs = [(home / FILE, contract)]
    pairs += [pair for part, there in parts for pair in _pairs(home / part, there)]
    return any(not _same(a, b) for a, b in pairs)


def _parts(kind: Kind, app: Path, cascade: bool) -> Iterator[tuple[str, Path]]:
    """Give each part of a bundle, and where its files lie in an app."""
    if kind == "ios":
        first, second = app / RESOURCES, app.parent / SECOND / RESOURCES
    else:
        first, second = app / ASSETS / MODEL, app / ASSETS / SECOND_ASSETS
    yield (DETECTOR if cascade else "", first)
    if cascade:
        yield LANDMARKS, second


def _pairs(part: Path, there: Path) -> Iterator[tuple[Path, Path]]:
    """Give each of a bundle's files, and the app's of that name, where it has one: an app takes
    those of its own engines."""
    for file in sorted(p for p in part.rglob("*") if p.is_file()):
        copied = there / file.relative_to(part)
        if copied.is_file():
            yield file, copied


def _same(a: Path, b: Path) -> bool:
    return a.stat().st_size == b.stat().st_size and filecmp.cmp(a, b, shallow=False)


def _name_in(path: Path) -> Any:
    """Return the name of the bundle that an app holds a copy of; None of none."""
    told = read_json(path, _LARGEST_CONTRACT) if path.is_file() else None
    return told.get("name") if isinstance(told, dict) else None


def _from_here(path: Path) -> Path:
    here = Path.cwd().resolve()
    inside = path.is_relative_to(here.parent)
    return Path(os.path.relpath(path, here)) if inside else path


def _read(folder: Path) -> list[_Known]:
    """Return what is remembered; of a file that is not ours, nothing."""
    path = folder / APPS
    try:
        told = read_json(path, _MOST_BYTES) if path.is_file() else {}
    except (OSError, ValueError):
        return []
    rows = told.get("apps") if isinstance(told, dict) else None
    return [c for r in rows[:_MOST] if (c := _copy(r))] if isinstance(rows, list) else []


def _copy(row: Any) -> _Known | None:
    if not isinstance(row, dict) or row.get("kind") not in KINDS:
        return None
    folder, name = _text(row.get("folder")), _text(row.get("name"))
    return _Known(row["kind"], folder, name) if folder and name else None


def _text(value: Any) -> str:
    """Return a text that can be shown; "" of anything else."""
    shown = isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST
    return str(value) if shown else ""


def _write(folder: Path, copies: Sequence[_Known]) -> None:
    rows = [{"kind": c.kind, "folder": c.path, "name": c.name} for c in copies]
    write_text(folder / APPS, json.dumps({"schema": _SCHEMA, "apps": rows}, indent=1) + "\n")
