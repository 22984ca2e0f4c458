"""What a lane is called on a page, and its checks of one stage as a cell of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mobilecat.compare.compare import MADE, Check, Stage, Verdict
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.judge.report import RandomRow
from mobilecat.judge.words import amount, many
from mobilecat.lanes import Lane

# Columns of the table: title, and the stages that it sums up.
COLUMNS: tuple[tuple[str, tuple[Stage, ...]], ...] = (
    ("runs", ("load", "run")),
    ("contract", ("contract",)),
    ("input", ("input",)),
    ("raw outputs", ("raw",)),
    ("candidates", ("candidates",)),
    ("detections", ("detections",)),
)

HINTS: dict[Stage, str] = {
    "golden": "what changed in the golden folder",
    "load": "the file, or an op that the engine refuses",
    "run": "the file, or an op that the engine refuses",
    "contract": "the outputs’ names, types and order",
    "input": "resize mode and size",
    "raw": "preprocessing, weights, or how an op was lowered",
    "candidates": "the head’s decode",
    "detections": "NMS and its thresholds",
}
"""Where to look for a fault that shows first at a stage; docs/validate.md has the table."""


@dataclass(frozen=True)
class Cell:
    """share: how much of its limit the worst check used; None where nothing was measured.

    more: further lines.
    """

    verdict: Verdict | None
    text: str
    title: str = ""
    share: float | None = None
    more: tuple[str, ...] = ()


def short_names(lanes: Sequence[Lane]) -> dict[str, str]:
    """Return each lane's name as short as it can be told from the others: `tflite`,
    `coreml .mlpackage`, and the whole name where neither does.
    """
    runners = [lane.runner for lane in lanes]
    kinds = [_kind(lane) for lane in lanes]
    names = {}
    for lane, kind in zip(lanes, kinds, strict=True):
        if runners.count(lane.runner) == 1:
            names[lane.name] = lane.runner
        else:
            names[lane.name] = kind if kinds.count(kind) == 1 else lane.name
    return names


def _kind(lane: Lane) -> str:
    if lane.artifact is None:
        return lane.runner
    return f"{lane.runner} .{lane.artifact.file.rpartition('.')[2]}"


def cell_of(checks: Sequence[Check]) -> Cell:
    """Return a stage's checks as a cell: how many failed, or how close the worst came, with the
    figures whose ratio that is, and what was compared with what."""
    cell = _cell([(c.verdict, c.value, c.limit, c.detail) for c in checks], "check", told=3)
    if not cell.share:
        return cell
    near = max((c for c in checks if c.verdict == "PASS"), key=_share)
    figures = f"{amount(near.value)} of {amount(near.limit)}"
    return replace(cell, more=(f"{near.name}, {figures}", WITH.get(near.against, near.against)))


WITH = {
    "golden": "with the golden",
    "source": "with the source model",
    STRUCTURE: "the file without its rounding, with the source model",
    MADE: "on made values, with the source model",
}
"""What a lane was compared with, in words."""


def _share(check: Check) -> float:
    return check.value / check.limit if check.value is not None and check.limit else -1.0


def random_cell(rows: Sequence[RandomRow]) -> Cell:
    """Return a lane's rows of random inputs as a cell."""
    return _cell([(r.verdict, r.value, r.limit, r.detail) for r in rows], "output", told=1)


def _cell(
    rows: Sequence[tuple[Verdict, float | None, float | None, str]], noun: str, told: int
) -> Cell:
    """Sum up (verdict, value, limit, detail). told: so many failures' details are in the title."""
    ran = [row for row in rows if row[0] != "NOT_RUN"]
    bad = [detail for verdict, _, _, detail in ran if verdict == "FAIL"]
    if bad:
        return Cell("FAIL", f"{len(bad)} of {len(ran)}", "; ".join(bad[:told]))
    if ran:
        used = [value / limit for _, value, limit, _ in ran if value is not None and limit]
        return _used(max(used)) if used else Cell("PASS", many(len(ran), noun))
    return Cell("NOT_RUN", "not run", rows[0][3]) if rows else Cell(None, "")


def _used(share: float) -> Cell:
    text = f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"
    return Cell("PASS", text, f"{text} of the limit", share)
