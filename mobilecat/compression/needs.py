"""What the system must be that loads a recipe: said where that is newer than floats need."""

from __future__ import annotations

from collections.abc import Sequence

from mobilecat.compression.choice import Goal, Worth, best_of
from mobilecat.compression.result import Compressed, Row
from mobilecat.shown import exact_size


def raised(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that need a newer system than their file does as floats."""
    return [r for r in rows if _newer(r.needs, _of_floats(rows, r.file))]


def system(needs: str) -> str:
    """Return `iOS18` as people write it."""
    return needs.replace("iOS", "iOS ")


def newer_needed(found: Compressed, row: Row) -> str | None:
    """Say that a chosen recipe needs a newer system than floats, and what is best for an older one.

    None where it needs no newer one.
    """
    floats = _of_floats(found.rows, row.file)
    if not _newer(row.needs, floats):
        return None
    start = f"it needs {system(row.needs)} (as floats: {system(floats)})"
    older = [r for r in found.rows if r.file == row.file and r.fits and _newer(row.needs, r.needs)]
    if not older:
        return f"{start}; nothing that older systems load keeps to the budget"
    goal: Goal = "speed" if found.goal == "speed" else "size"
    best = best_of(older, goal, lambda r: Worth(r.bytes, None, r.loss))
    first = "take the recipe back as below says, " if found.written else ""
    return (
        f"{start}; of what was measured the best for {system(best.needs)} is {best.recipe}, "
        f"{exact_size(best.bytes)}. For older phones {first}write deployment_target = "
        f'"{best.needs}" into [targets.coreml], and compress again: mixtures for it are tried then'
    )


def _of_floats(rows: Sequence[Row], file: str) -> str:
    """Return what the float32 file needs, which is measured first of all, and the largest."""
    return next((r.needs for r in rows if r.file == file and r.recipe == "float32"), "")


def _newer(one: str, other: str) -> bool:
    return bool(one and other) and _number(one) > _number(other)


def _number(needs: str) -> int:
    return int(needs.removeprefix("iOS"))
