"""What each artifact may lose, as the spec states it, held to what labelled pictures show.

A quantised artifact is held to accuracy, not to the source's decimals:
`[tolerances."cats.tflite"] map_loss = 0.5`; and to scores, of which mAP asks only who is first:
`score_loss`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mobilecat.bundle import Bundle
from mobilecat.measure.evaluate.moved import FEWEST, SCORE_LOSS
from mobilecat.measure.evaluate.report import Evaluation, LaneScores, allowed_words
from mobilecat.measure.evaluate.words import LOOKS_WRONG, told_far
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


@dataclass(frozen=True)
class Falls:
    """One quantised artifact, in its worst lane: how far the scores of the source's boxes fall.

    limit: how far they may, in the median. stated: whether the spec says it. said: what the file
    does; of one that fell further, with what to do.
    """

    file: str
    limit: float
    said: str
    verdict: Literal["PASS", "FAIL", "NOT_RUN"]
    stated: bool = False


@dataclass(frozen=True, repr=False)
class Budget(Shown):
    """asked: whether labelled pictures were named; then what did not run does not hold either.

    scores: of quantised files, how far scores fall, whatever mAP they lose. doubts: those whose
    boxes lie far from the source's. notes: how much the pictures tell.
    """

    artifacts: tuple[Held, ...]
    pictures: int
    asked: bool
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scores: tuple[Falls, ...] = ()

    @property
    def held(self) -> bool:
        return not self.shortfalls

    @property
    def shortfalls(self) -> list[str]:
        """A sentence for each artifact that loses more than it may, or whose loss is not known."""
        wrong = ("FAIL", "NOT_RUN") if self.asked else ("FAIL",)
        measured = [a for a in self.artifacts if a.asked] or self.artifacts
        return [
            *(self._said(a) for a in measured if a.verdict in wrong),
            *(
                s.said
                for s in self.scores
                if s.verdict in wrong and (s.stated or s.verdict == "FAIL")
            ),
        ]

    @property
    def why(self) -> str:
        """Say what falls short, in a few words; "" where nothing does."""
        said = ["more mAP is lost than may be"] if self._lost else []
        if any(s.verdict == "FAIL" for s in self.scores):
            said.append("scores fall further than they may")
        if said or self.held:
            return ", and ".join(said)
        unknown = [a for a in self.artifacts if a.asked and a.verdict == "NOT_RUN"]
        if unknown:
            files = ", ".join(a.file for a in unknown)
            return f"map_loss of {files} could not be measured: {unknown[0].why}"
        return "what may be lost was not measured"

    @property
    def _lost(self) -> bool:
        return any(a.verdict == "FAIL" for a in self.artifacts)

    @property
    def untried(self) -> str:
        """Say which limits nothing tried, as no labelled pictures were named; else ""."""
        if self.asked:
            return ""
        of = {
            "map_loss": [a.file for a in self.artifacts],
            "score_loss": [s.file for s in self.scores if s.stated],
        }
        keys = [f"{key} of {', '.join(files)}" for key, files in of.items() if files]
        were = "were" if len(keys) > 1 else "was"
        return f"{' and '.join(keys)} {were} not tried: add --data DATA, your labelled pictures"

    def _said(self, a: Held) -> str:
        if a.loss is None:
            return f"{a.file}: map_loss {a.limit:g}: {a.why}"
        return f"{a.file} {lost_or_gained(a.loss, self.pictures, a.limit)} (map_loss)"

    def words(self) -> Iterator[Line | Table]:
        for a in self.artifacts:
            yield Line(self._said(a), _STYLES[a.verdict], a.verdict)
        for s in self.scores:
            yield Line(s.said, _STYLES[s.verdict], s.verdict)
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
            "scores": [
                {"artifact": s.file, "verdict": s.verdict, "limit": s.limit, "said": s.said}
                for s in self.scores
            ],
            "why": self.why,
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


def falls_of(
    bundle: Bundle, tolerances: Mapping[str, Tolerance], artifact: str | None = None
) -> dict[str, tuple[float, bool]]:
    """Return how far the scores of each artifact may fall, and whether the spec says so; of those
    alone of which it states what may be lost."""
    files = [a.file for a in bundle.artifacts if artifact in (None, a.file)]
    return {
        f: (SCORE_LOSS if t.score_loss is None else t.score_loss, t.score_loss is not None)
        for f, t in tolerances.items()
        if f in files and t.states_losses
    }


def budget_of(
    limits: Mapping[str, float],
    measured: Evaluation | None,
    falls: Mapping[str, tuple[float, bool]] | None = None,
) -> Budget | None:
    """Return how the artifacts keep to `limits`, and their scores to `falls`; None where none is
    stated.

    measured: None where no labelled pictures were named: every check then is NOT_RUN.
    """
    of = falls or {}
    if not limits and not of:
        return None
    rows = tuple(_held(file, limit, measured) for file, limit in limits.items())
    scores = [
        f for file, (limit, stated) in of.items() for f in _falls(file, limit, stated, measured)
    ]
    if measured is None:
        return Budget(rows, 0, False, scores=tuple(scores))
    doubts = [
        told_far(measured, r, far)
        for r in measured.lanes
        if r.rounds and r.moved is not None and (far := _besides(r, of))
    ]
    told = tuple(doubts)
    notes = (*measured.data.notes, *measured.few)
    return Budget(rows, measured.pictures, True, told, notes, tuple(scores))


def _besides(row: LaneScores, falls: Mapping[str, tuple[float, bool]]) -> list[str]:
    """Return in what a lane is far from the source, but for what its file is held to."""
    assert row.moved is not None
    assert row.lane.artifact is not None
    return row.moved.away if row.lane.artifact.file in falls else row.moved.far()


def _falls(file: str, limit: float, stated: bool, measured: Evaluation | None) -> Iterator[Falls]:
    """Give what is to be said of an artifact's scores; nothing where the spec states nothing of
    them and the artifact is not quantised, or did not run."""
    if measured is None:
        if stated:
            yield Falls(file, limit, f"{file}: score_loss {limit:g}: {NO_DATA}", "NOT_RUN", stated)
        return
    of = [r for r in measured.lanes if r.lane.artifact and r.lane.artifact.file == file]
    rows = [(r, r.moved) for r in of if r.rounds and r.moved and r.moved.boxes >= FEWEST]
    for row, moved in rows:
        if far := moved.fallen(limit):
            said = told_far(measured, row, far, allowed_words(limit))
            yield Falls(file, limit, said, "FAIL", stated)
            return
    if rows:
        worst = min((m for _, m in rows), key=lambda m: m.fell)
        middle, tenth = (f"{max(0.0, -fall):.2f}" for fall in (worst.score, worst.fell))
        said = f"{file}: scores of the source's {worst.boxes} boxes fall by {middle} in the median "
        said += f"and by {tenth} or more for a tenth of them"
        yield Falls(file, limit, f"{said}; {allowed_words(limit)}", "PASS", stated)
    elif stated or any(r.rounds and r.moved for r in of):
        why = "not quantised" if of and not any(r.rounds for r in of) else ""
        why = why or next((r.not_run for r in of if r.not_run), "") or _no_source(measured)
        why = why or f"the source has fewer than {FEWEST} boxes on these pictures"
        yield Falls(file, limit, f"{file}: score_loss {limit:g}: {why}", "NOT_RUN", stated)


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
    why = next((r.not_run for r in rows if r.not_run), "") or _no_source(measured)
    return Held(file, limit, None, why or "no loss is known, as there is no AP")


def _no_source(measured: Evaluation) -> str:
    """Return why the source, which every loss is against, did not run; "" where it did."""
    return next((r.not_run for r in measured.lanes if r.lane.artifact is None), "")
