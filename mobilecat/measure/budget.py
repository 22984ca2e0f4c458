"""What each artifact may lose, as the spec states it, held to what labelled pictures show.

A quantised artifact is held to accuracy, not to the source's decimals:
`[tolerances."cats.tflite"] map_loss = 0.5`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mobilecat.bundle import Bundle
from mobilecat.measure.evaluate.report import Evaluation
from mobilecat.measure.evaluate.words import LOOKS_WRONG
from mobilecat.shown import Line, Shown, Table, lost_or_gained
from mobilecat.spec import Tolerance

_STYLES = {"PASS": "green", "FAIL": "bold red", "NOT_RUN": "yellow"}
NO_DATA = "no labelled pictures were named: add --data DATA"


@dataclass(frozen=True)
class Held:
    """One artifact. loss: points of mAP against the source, of its worst lane; None with `why`.

    asked: whether it was to be measured; one that the runner which was named does not run was not.
    """

    file: str
    limit: float
    loss: float | None
    why: str = ""
    asked: bool = True

    @property
    def verdict(self) -> Literal["PASS", "FAIL", "NOT_RUN"]:
        if self.loss is None:
            return "NOT_RUN"
        return "PASS" if self.loss <= self.limit else "FAIL"


@dataclass(frozen=True, repr=False)
class Budget(Shown):
    """asked: whether labelled pictures were named; then what did not run does not hold either.

    doubts: quantised files whose boxes are far from the source's, whatever mAP they lose. notes:
    how much the pictures tell.
    """

    artifacts: tuple[Held, ...]
    pictures: int
    asked: bool
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        return not self.shortfalls

    @property
    def shortfalls(self) -> list[str]:
        """A sentence for each artifact that loses more than it may, or whose loss is not known."""
        wrong = ("FAIL", "NOT_RUN") if self.asked else ("FAIL",)
        measured = [a for a in self.artifacts if a.asked] or self.artifacts
        return [self._said(a) for a in measured if a.verdict in wrong]

    @property
    def untried(self) -> str:
        """Say which limits nothing tried, as no labelled pictures were named; else ""."""
        if self.asked:
            return ""
        files = ", ".join(a.file for a in self.artifacts)
        return f"map_loss of {files} was not tried: add --data DATA, your labelled pictures"

    def _said(self, a: Held) -> str:
        if a.loss is None:
            return f"{a.file}: map_loss {a.limit:g}: {a.why}"
        return f"{a.file} {lost_or_gained(a.loss, self.pictures, a.limit)} (map_loss)"

    def words(self) -> Iterator[Line | Table]:
        for a in self.artifacts:
            yield Line(self._said(a), _STYLES[a.verdict], a.verdict)
        yield from (Line(text, "bold yellow", LOOKS_WRONG) for text in self.doubts)
        yield from (Line(text, "dim", "note") for text in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/validate.md describes every key."""
        return {
            "held": self.held,
            "pictures": self.pictures,
            "artifacts": [
                {
                    "artifact": a.file,
                    "verdict": a.verdict,
                    "map_loss": a.loss,
                    "limit": a.limit,
                    "why": a.why,
                }
                for a in self.artifacts
            ],
            "doubts": list(self.doubts),
            "notes": list(self.notes),
        }


def limits_of(
    bundle: Bundle, tolerances: Mapping[str, Tolerance], artifact: str | None = None
) -> dict[str, float]:
    """Return what each artifact may lose, where that is stated; of `artifact` alone if given."""
    stated = {f: t.map_loss for f, t in tolerances.items() if t.map_loss is not None}
    files = [a.file for a in bundle.artifacts if artifact in (None, a.file)]
    return {f: limit for f, limit in stated.items() if f in files}


def budget_of(limits: dict[str, float], measured: Evaluation | None) -> Budget | None:
    """Return how the artifacts keep to `limits`; None where none is stated.

    measured: None where no labelled pictures were named: every check then is NOT_RUN.
    """
    if not limits:
        return None
    rows = tuple(_held(file, limit, measured) for file, limit in limits.items())
    if measured is None:
        return Budget(rows, 0, False)
    return Budget(rows, measured.pictures, True, tuple(measured.doubts), measured.few)


def _held(file: str, limit: float, measured: Evaluation | None) -> Held:
    if measured is None:
        return Held(file, limit, None, NO_DATA)
    rows = [r for r in measured.lanes if r.lane.artifact and r.lane.artifact.file == file]
    losses = [loss.ap for r in rows if (loss := measured.loss(r)) is not None]
    if losses:
        return Held(file, limit, max(losses))
    if not rows:
        why = f"not measured, as --runner {measured.runner} does not run it"
        return Held(file, limit, None, why, asked=measured.runner is None)
    why = next((r.not_run for r in rows if r.not_run), "no loss is known, as there is no AP")
    return Held(file, limit, None, why)
