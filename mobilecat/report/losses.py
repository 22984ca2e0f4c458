"""What artifacts may lose of mAP and lose, from `validate --data`'s JSON: a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobilecat.compare.compare import Verdict
from mobilecat.shown import lost_or_gained


@dataclass(frozen=True)
class Loss:
    """One artifact that is held to a `map_loss`."""

    artifact: str
    verdict: Verdict
    said: str


def losses_in(budget: Mapping[str, Any] | None) -> tuple[Loss, ...]:
    """Return a row an artifact. budget: `budget` of docs/validate.md; None where none is stated."""
    if budget is None:
        return ()
    return tuple(
        Loss(a["artifact"], a["verdict"], _said(a, budget["pictures"])) for a in budget["artifacts"]
    )


def _said(row: Mapping[str, Any], pictures: int) -> str:
    if row["map_loss"] is None:
        return f"map_loss {row['limit']:g}: {row['why']}"
    return lost_or_gained(row["map_loss"], pictures, row["limit"])


def measured_in(budget: Mapping[str, Any]) -> dict[str, float]:
    """Return the points of mAP that each artifact lost, where they were measured."""
    rows = budget["artifacts"]
    return {a["artifact"]: a["map_loss"] for a in rows if a["map_loss"] is not None}


def exceeded_in(budget: Mapping[str, Any]) -> dict[str, float]:
    """Return the points of mAP that each artifact may lose, of those that lose more."""
    return {a["artifact"]: a["limit"] for a in budget["artifacts"] if a["verdict"] == "FAIL"}
