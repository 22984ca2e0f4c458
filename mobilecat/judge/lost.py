"""What to do where a rounded file finds an object that the source does not, or loses one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.bundle.older import SPEC
from mobilecat.compare.match import NEXT_TO
from mobilecat.golden.store import Case
from mobilecat.judge.report import Result

_SHOWN = 3
"""Cases that a command names."""


def lost_ways(
    folder: Path,
    bundle: Bundle,
    record: ArtifactRecord,
    off: Sequence[Result],
    cases: Sequence[Case],
) -> str:
    """Say which ways are left where an object is missing or new, which no limit lets pass.

    off: what failed of the file's lane. Where the object stands next to the threshold that comes
    first, since another recipe may well lose the next one there.
    """
    near = next((r for r in off if NEXT_TO in r.check.detail), None)
    start = ""
    if near is not None:
        parts = near.check.detail.split("; ")
        which = next(p for p in parts if NEXT_TO in p)
        where = "in the source itself" if which.startswith("missing") else "in this file"
        start = (
            f"On {near.case}, {which}, {where}. A little rounding "
            "decides whether it is found, on a phone as well. "
        )
    tune = _tuned(folder, bundle)
    recipe = finer(bundle.target_of(record), record)
    ways = [tune, recipe] if near is not None else [recipe, tune]
    ways = [*filter(None, ways), *_approved(folder, off, cases)]
    return f"{start}Choose one: {'; or '.join(f'({i}) {way}' for i, way in enumerate(ways, 1))}"


def _tuned(folder: Path, bundle: Bundle) -> str:
    spec = bundle.spec_file or SPEC
    write = shlex.join(["mobilecat", "tune", str(folder), "--data"])
    return (
        "another score_threshold, which does not stand next to objects; labelled pictures tell "
        f"which is good: {write} LABELLED --write {shlex.quote(spec)}, then export, and record the "
        "goldens again"
    )


def finer(target: Any, record: ArtifactRecord) -> str:
    """Name the next recipe that rounds less; "" where there is none."""
    said = record.precision
    if record.kind == "coreml" and said != "int8":
        own = ("weights", "activations", "block", "sparsity", "layers")
        there = [k for k in own if getattr(target, k, None)]
        return f'another recipe: weights = "int8" in place of {" and ".join(there)}, then export'
    if record.kind == "coreml":
        return "another recipe: leave weights out, which stores them as float16, then export"
    if record.kind == "coreai":
        return 'another recipe: weights = "float32", then export'
    if said in ("int8", "int8-dynamic", "int16x8"):
        return 'another recipe: precision = "int8-weights", which rounds weights alone, then export'
    return 'another recipe: precision = "float16", then export' if said == "int8-weights" else ""


def _approved(folder: Path, off: Sequence[Result], cases: Sequence[Case]) -> list[str]:
    """Give the command that approves what the file gives for its lane alone."""
    lost = [r for r in off if r.check.stage == "detections" and r.check.against == "golden"]
    names = list(dict.fromkeys(r.case for r in lost if r.case))
    if not names or not cases:
        return []
    golden = str(cases[0].folder.parent.parent)
    shown = names[:_SHOWN]
    more = f" (and {len(names) - _SHOWN} more)" if len(names) > _SHOWN else ""
    command = ["mobilecat", "golden", "approve", str(folder), *shown, "--golden", golden]
    command += ["--lane", lost[0].lane, "--variant"]
    return [
        "look at the picture, and where the app may live with that, approve it for this file "
        f"alone: {shlex.join(command)}{more}"
    ]
