"""`mc.doctor`: what is installed here, and what each missing piece would bring."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mobilecat.disk.origin import version_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.shown import Column, Line, Shown, Table

BRINGS = {
    "tensorflow": "reads Keras files, SavedModels and TensorFlow graphs",
    "torch": "reads PyTorch models: programs of torch.export, TorchScript, functions",
    "coreai": "writes .aimodel for iOS 27, and runs it in Apple's own interpreter",
    "quantize": "compares int8 TFLite with Google's quantizer",
    "evaluate": "accuracy on labelled pictures: evaluate, tune, diff --data",
    "distributed": "evaluate on several machines, with Dask",
    "video": "clips and cameras: run and replay on .mp4 and .mov",
}
"""What each extra of the package is for."""
ALL = "all"
"""The extra that is all of them."""
_DEVELOPERS = (ALL, "dev", "train")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


@dataclass(frozen=True)
class Piece:
    """What may be installed. extra: "" for what mobilecat cannot do without. missing: packages that
    are not there. command: what installs them, "" where nothing is missing."""

    extra: str
    versions: dict[str, str]
    missing: tuple[str, ...]
    brings: str
    command: str


@dataclass(frozen=True, repr=False)
class Checkup(Shown):
    """What is here. asked: the extras that must be there; empty: none must."""

    version: str
    folder: Path
    python: str
    system: str
    pieces: tuple[Piece, ...]
    runners: dict[str, str]
    asked: tuple[str, ...]

    @property
    def lacking(self) -> list[Piece]:
        """What must be there and is not."""
        return [p for p in self.pieces if p.missing and (not p.extra or p.extra in self.asked)]

    @property
    def exit_code(self) -> int:
        return 1 if self.lacking else 0

    def words(self) -> Iterator[Line | Table]:
        yield Line(f"mobilecat {self.version} in {self.folder}", "bold")
        yield Line(f"Python {self.python}, {self.system}", "dim")
        columns = [Column("extra", "word"), Column("installed", "text"), Column("what it brings",
                   "text")]  # fmt: skip
        rows = [
            [p.extra or "(always)", ", ".join(f"{k} {v}" for k, v in p.versions.items()) or "–",
             p.brings]
            for p in self.pieces
        ]  # fmt: skip
        yield Table(columns, rows)
        for p in self.pieces:
            if p.missing:
                lead = "missing" if p in self.lacking else "not installed"
                style = "bold red" if p in self.lacking else "yellow"
                names = ", ".join(p.missing)
                yield Line(f"{p.extra or 'mobilecat'} ({names}): {p.command}", style, lead)
        yield Line("Engines that run artifacts here:", "bold")
        yield Table(
            [Column("runner", "word"), Column("what it is", "text")], [*self.runners.items()]
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "schema": 1,
            "exit_code": self.exit_code,
            "mobilecat": self.version,
            "folder": str(self.folder),
            "python": self.python,
            "system": self.system,
            "pieces": [asdict(p) for p in self.pieces],
            "runners": self.runners,
        }


def doctor(extras: Sequence[str] = ()) -> Checkup:
    """Say what is installed here, and what each missing piece would bring, with the command.

    extras: those that must be there, else the exit code is 1; "all": every one.
    Nothing is loaded or installed.
    Errors: MobileCatError for an extra that there is none of.

    >>> checkup = mc.doctor()
    >>> checkup.exit_code, [p.extra for p in checkup.pieces][:3]
    (0, ['', 'tensorflow', 'torch'])
    """
    extras = [name for x in extras for name in (BRINGS if x == ALL else [x])]
    unknown = [x for x in extras if x not in BRINGS]
    if unknown:
        fix = f"one of {', '.join(BRINGS)}, or {ALL}"
        raise MobileCatError("No such extra", [Problem(repr(x), fix=fix) for x in unknown])
    needs = _requirements()
    pieces = [_piece("", needs.get("", []), "compiles, runs and validates")]
    known = dict.fromkeys(x for x in needs if x and x not in _DEVELOPERS)
    for extra in {**BRINGS, **known}:
        pieces.append(_piece(extra, needs.get(extra, []), BRINGS.get(extra, "")))
    return Checkup(
        version_of("mobilecat", "(not installed)"),
        Path(__file__).resolve().parents[1],
        platform.python_version(),
        f"{platform.system()} {platform.machine()}",
        tuple(pieces),
        _runners(),
        tuple(extras),
    )


def _requirements() -> dict[str, list[str]]:
    """Return the installed mobilecat's requirements by extra, "" for those of all, markers cut."""
    try:
        said = metadata.requires("mobilecat") or []
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        said = []
    found: dict[str, list[str]] = {}
    for line in said:
        requirement, _, marker = line.partition(";")
        extra = _EXTRA.search(marker)
        found.setdefault(extra[1] if extra else "", []).append(requirement.strip())
    return found


def _piece(extra: str, requirements: Sequence[str], brings: str) -> Piece:
    versions, missing = {}, []
    for requirement in requirements or [f"mobilecat[{extra}]"]:  # what installed it knew of none
        matched = _REQUIREMENT.match(requirement) if requirements else None
        name = matched[1] if matched else requirement
        try:
            versions[name] = metadata.version(name)
        except (metadata.PackageNotFoundError, ValueError):
            missing.append(requirement)
    quoted = " ".join(f'"{r}"' for r in missing)
    python = Path(sys.executable).name or "python"
    command = f"{python} -m pip install {quoted}" if missing else ""
    return Piece(extra, versions, tuple(missing), brings, command)


def _runners() -> dict[str, str]:
    from mobilecat.formats.table import FORMATS

    found = {"source": "the original model in onnxruntime"}
    mac = platform.system() == "Darwin"
    for format in reversed(FORMATS.values()):
        reason = format.missing() or ""
        for engine in format.engines:
            absent = "needs a Mac" if engine.apples and not mac else reason
            found[engine.runner] = f"NOT_RUN: {absent}" if absent else engine.says
    return found
