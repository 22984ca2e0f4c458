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
from mobilecat.shown import Line, Shown, Table
from mobilecat.spec import Tolerance

NO_DATA = "no labelled pictures were named: add --data DATA"


@dataclass(frozen=True)
class Held:
    """One artifact. loss: points of mAP against the source, of its worst lane; None with `why`."""

    file: str
    limit: float
    loss: float | None
    why: str = ""

    @property
    def verdict(self) -> Literal["PASS", "FAIL", "NOT_RUN"]:
        if self.loss is None:
            return "NOT_RUN"
        return "PASS" if self.loss <= self.limit else "FAIL"


@dataclass(frozen=True, repr=False)
class Budget(Shown):
    """asked: whether labelled pictures were named; then what did not run does not hold either."""

    artifacts: tuple[Held, ...]
    pictures: int
    asked: bool

    @property
    def held(self) -> bool:
        wrong = ("FAIL", "NOT_RUN") if self.asked else ("FAIL",)
        return all(a.verdict not in wrong for a in self.artifacts)

    def words(self) -> Iterator[Line | Table]:
        for a in self.artifacts:
            if a.loss is None:
                yield Line(f"{a.file}: map_loss {a.limit:g}: {a.why}", "yellow", "NOT_RUN")
                continue
            style = "green" if a.verdict == "PASS" else "bold red"
            said = (
                f"{a.file} loses {a.loss + 0.0:.2f} points of mAP on {self.pictures} pictures, "
                f"{a.limit:g} are allowed (map_loss)"
            )
            yield Line(said, style, a.verdict)

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
    return Budget(rows, measured.pictures if measured else 0, measured is not None)


def _held(file: str, limit: float, measured: Evaluation | None) -> Held:
    if measured is None:
        return Held(file, limit, None, NO_DATA)
    rows = [r for r in measured.lanes if r.lane.artifact and r.lane.artifact.file == file]
    losses = [loss.ap for r in rows if (loss := measured.loss(r)) is not None]
    if losses:
        return Held(file, limit, max(losses))
    why = next((r.not_run for r in rows if r.not_run), "no loss is known, as there is no AP")
    return Held(file, limit, None, why)
