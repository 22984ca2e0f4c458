"""What artifacts may lose and lose, of mAP and of scores, from `validate --data`'s JSON: a sentence
each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobilecat.compare.compare import Verdict
from mobilecat.shown import lost_or_gained


@dataclass(frozen=True)
class Loss:
    """One artifact that is held to a `map_loss`, or to a `score_loss`."""

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


def falls_in(budget: Mapping[str, Any] | None) -> tuple[Loss, ...]:
    """Return a row an artifact whose scores are held. budget: as for `losses_in`."""
    rows = () if budget is None else budget.get("scores", ())
    return tuple(
        Loss(s["artifact"], s["verdict"], s["said"].removeprefix(f"{s['artifact']}: "))
        for s in rows
    )


def short_in(budget: Mapping[str, Any]) -> str:
    """Say what some artifacts do that they may not, as the end of "Every artifact …, but"."""
    said = ["some lose more mAP than they may"] if exceeded_in(budget) else []
    if any(s["verdict"] == "FAIL" for s in budget.get("scores", ())):
        said.append("scores of some fall further than they may")
    return " and ".join(said) or "what some may lose was not measured"


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
