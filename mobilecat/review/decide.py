"""Accept and reject pending results by the names of their cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mobilecat.errors import MobileCatError, Problem
from mobilecat.review.approve import Pending, approve
from mobilecat.review.reject import reject


def decide(
    bundle: Path,
    golden: Path,
    found: Sequence[Pending],
    accepted: Sequence[str],
    rejected: Sequence[str],
    variant: bool,
    reason: str,
    told: Callable[[str, Path], object] = lambda *_: None,
) -> None:
    """Accept and reject by name. MobileCatError names every case that is not clear; then nothing
    is done.

    found: what is pending. told: is told `approved` or `removed` of each file.
    """
    problems = [p for name in (*accepted, *rejected) if (p := _unclear(name, found))]
    problems += [
        Problem("is both accepted and rejected", name) for name in sorted({*accepted} & {*rejected})
    ]
    by_name = {p.case: p for p in found}
    if variant:
        laneless = [n for n in accepted if n in by_name and not by_name[n].lane]
        problems += [Problem("a variant is of one lane", n, "add --lane LANE") for n in laneless]
    problems += [
        Problem("the approved result has changed since", n, "validate or record again")
        for n in accepted
        if n in by_name and by_name[n].stale
    ]
    if problems:
        raise MobileCatError("Nothing was accepted or rejected", problems)
    for name in dict.fromkeys(accepted):
        lane = by_name[name].lane or None
        for path in approve(bundle, golden, [name], lane=lane, variant=variant, reason=reason):
            told("approved", path)
    for name in dict.fromkeys(rejected):
        for path in reject(by_name[name]):
            told("removed", path)


def _unclear(name: str, found: Sequence[Pending]) -> Problem | None:
    mine = [p for p in found if p.case == name]
    if len(mine) == 1:
        return None
    if not mine:
        waiting = ", ".join(dict.fromkeys(p.case for p in found)) or "nothing"
        return Problem("has nothing pending", name, f"pending: {waiting}")
    lanes = ", ".join(p.lane or "what was recorded" for p in mine)
    return Problem(f"has {len(mine)} pending results", name, f"choose with --lane: {lanes}")
