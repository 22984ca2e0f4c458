"""What a validation found, as values; its verdict; its JSON form."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import MADE, STAGES, Check, Stage, Verdict
from mobilecat.compare.tolerances import LIMITS, STRUCTURE, Limits
from mobilecat.compile.copies import AppCopy
from mobilecat.lanes import Lane
from mobilecat.shown import Line, Shown, Table

SCHEMA = 1


@dataclass(frozen=True)
class Result:
    """A check with its place. lane "": of the goldens themselves. case "": of the lane itself."""

    lane: str
    case: str
    check: Check


@dataclass(frozen=True)
class RandomRow:
    """One raw output of one lane against the source's, the worst of all random inputs.

    value: what decided, in the unit of the limit: relative to the value's own channel.
    """

    lane: Lane
    output: str
    verdict: Verdict
    max_abs: float | None
    max_rel: float | None
    limit: float
    detail: str
    value: float | None = None


@dataclass(frozen=True)
class LaneReport:
    """A lane that was asked for. unloaded: why it could not be loaded, or ""."""

    lane: Lane
    engine: str
    limits: Limits
    unloaded: str = ""


@dataclass(frozen=True)
class Asked:
    """What was asked for: it decides what must have run."""

    folder: Path
    golden: Path | None
    runner: str | None
    random: int
    seed: int

    @property
    def golden_asked(self) -> bool:
        return self.golden is not None


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """held: nothing failed, and of everything asked for at least one real check passed.

    A check is real where it held a result to a golden or to the source; what only reads a contract,
    and what did NOT_RUN, vouches for nothing. empty: cases on whose goldens nothing is detected.
    source_rounds: whether the source's engine rounds values, which the artifacts do not. warnings:
    what is wrong in goldens and artifacts alike, as far as that can be seen. apps: the folders of
    apps that an export of this bundle wrote into.
    """

    bundle: Bundle
    asked: Asked
    cases: tuple[str, ...]
    lanes: tuple[LaneReport, ...]
    results: tuple[Result, ...]
    random: tuple[RandomRow, ...]
    random_inputs: str
    pending: tuple[Path, ...]
    notes: tuple[str, ...]
    empty: tuple[str, ...] = ()
    source_rounds: bool = False
    warnings: tuple[str, ...] = ()
    apps: tuple[AppCopy, ...] = ()
    shortfalls: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shortfalls", tuple(_shortfalls(self)))

    @cached_property
    def failed(self) -> list[Result]:
        """Failing checks, in the order of the stages."""
        bad = [r for r in self.results if r.check.verdict == "FAIL"]
        return sorted(bad, key=lambda r: STAGES.index(r.check.stage))

    @property
    def not_run(self) -> list[Result]:
        return [r for r in self.results if r.check.verdict == "NOT_RUN"]

    @property
    def held(self) -> bool:
        bad_random = any(r.verdict == "FAIL" for r in self.random)
        return not self.failed and not bad_random and not self.shortfalls

    @property
    def exit_code(self) -> int:
        return 0 if self.held else 1

    def of(self, lane: str, case: str | None = None) -> list[Check]:
        """Return the checks of a lane, of all cases or one."""
        found: list[Check] = []
        for own, checks in self._by_lane.get(lane, {}).items():
            found += checks if case in (None, own) else []
        return found

    @cached_property
    def _by_lane(self) -> dict[str, dict[str, list[Check]]]:
        """Checks by lane, then case: a page asks for them once a picture."""
        found: dict[str, dict[str, list[Check]]] = {}
        for r in self.results:
            found.setdefault(r.lane, {}).setdefault(r.case, []).append(r.check)
        return found

    @cached_property
    def by_case(self) -> dict[str, list[Check]]:
        """Checks by case, of all lanes."""
        found: dict[str, list[Check]] = {}
        for r in self.results:
            found.setdefault(r.case, []).append(r.check)
        return found

    def verdict(self, lane: Lane) -> Verdict:
        """Return FAIL where anything failed, PASS where something real passed, else NOT_RUN."""
        found = {self.on_goldens(lane), *(r.verdict for r in self.random if r.lane == lane)}
        return "FAIL" if "FAIL" in found else "PASS" if "PASS" in found else "NOT_RUN"

    def on_goldens(self, lane: Lane) -> Verdict:
        """Return the verdict without random inputs. What an end gives for made values vouches for
        no golden."""
        checks = self.of(lane.name)
        if any(c.verdict == "FAIL" for c in checks):
            return "FAIL"
        passed = any(is_real_pass(c) and c.against != MADE for c in checks)
        return "PASS" if passed else "NOT_RUN"

    def why_not_run(self, report: LaneReport) -> str:
        """Return why a lane that is there was held to no golden, where no check of its own says so;
        else ""."""
        if not self.asked.golden_asked or self.on_goldens(report.lane) != "NOT_RUN":
            return ""
        if report.unloaded or not self.cases:
            return report.unloaded or "there is no golden case that could be compared"
        mine = (r for r in self.not_run if r.lane == report.lane.name and r.case)
        said = next((r.check.detail for r in mine), "")
        return said or "nothing of it was held to a golden"

    def first_fault(self, lane: Lane) -> Stage | None:
        """Return the earliest stage that failed: where to look first."""
        bad = {c.stage for c in self.of(lane.name) if c.verdict == "FAIL"}
        bad |= (
            {"raw"} if any(r.lane == lane and r.verdict == "FAIL" for r in self.random) else set()
        )
        first = next((s for s in STAGES if s in bad), None)
        # Without inner values all shows in the detections; where the end alone is right on made
        # values, what is wrong lies before it.
        ends = [c for c in self.of(lane.name) if c.against == MADE and c.verdict == "PASS"]
        return "raw" if first == "detections" and self.blind(lane) and ends else first

    def rounding_alone(self, lane: Lane) -> bool:
        """Return whether a lane failed, and its program without its rounding is the source's."""
        mine = self.of(lane.name)
        whole = [c.verdict for c in mine if c.against == STRUCTURE]
        others = [c for c in mine if c.verdict == "FAIL"]
        held = bool(whole) and set(whole) == {"PASS"}
        return held and bool(others) and all(c.against and c.against != MADE for c in others)

    def blind(self, lane: Lane) -> bool:
        """Return whether nothing before the detections was compared: no inner value is given."""
        inner = [c for c in self.of(lane.name) if c.stage in ("raw", "candidates")]
        return not any(is_real(c) and c.against != MADE for c in inner)

    def words(self, every: bool = False) -> Iterable[Line | Table]:
        """Return what there is to say. every: each failing check by itself, not those that are
        alike in one line."""
        from mobilecat.judge.words import said

        return said(self, every)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; docs/validate.md describes every key."""
        return {
            "schema": SCHEMA,
            "verdict": "HELD" if self.held else "FELL_SHORT",
            "exit_code": self.exit_code,
            "shortfalls": list(self.shortfalls),
            "bundle": {
                "name": self.bundle.name,
                "folder": str(self.asked.folder),
                "spec_sha256": self.bundle.spec_sha256,
                "source_sha256": self.bundle.source.sha256,
                "versions": self.bundle.versions,
            },
            "golden": str(self.asked.golden) if self.asked.golden else None,
            "cases": list(self.cases),
            "lanes": [self._lane(r) for r in self.lanes],
            "checks": [_result(r) for r in self.results],
            "random": [_row(r) for r in self.random],
            "random_inputs": {
                "count": self.asked.random,
                "seed": self.asked.seed,
                "kind": self.random_inputs,
            },
            "pending": [str(p) for p in self.pending],
            "warnings": list(self.warnings),
            "apps": [
                {"kind": a.kind, "folder": str(a.folder), "stale": a.stale} for a in self.apps
            ],
            "notes": list(self.notes),
            "platform": platform.platform(),
        }

    def _lane(self, report: LaneReport) -> dict[str, Any]:
        lane, limits = report.lane, report.limits
        return {
            "lane": lane.name,
            **_place(lane),
            "precision": lane.artifact.precision if lane.artifact else "float32",
            "engine": report.engine,
            "verdict": self.verdict(lane),
            "first_fault": self.first_fault(lane),
            "unloaded": report.unloaded,
            "limits": {
                **{key: limits.of(key) for key in LIMITS},
                "outputs": dict(limits.outputs),
                "reason": limits.reason,
            },
        }


def is_real(check: Check, against: str | None = None) -> bool:
    """Return whether a result was held to a golden or to the source, and passed or failed."""
    if against is not None and check.against != against:
        return False
    compared = check.stage in ("raw", "candidates", "detections") and check.against != ""
    return compared and check.verdict != "NOT_RUN"


def is_real_pass(check: Check, against: str | None = None) -> bool:
    """Return whether a result was held to a golden or to the source, and passed."""
    return is_real(check, against) and check.verdict == "PASS"


def _shortfalls(report: Report) -> list[str]:
    """Return a sentence for everything that was asked for and that nothing vouches for."""
    asked = report.asked
    said = []
    if not asked.golden_asked and not asked.random:
        said.append("nothing was compared: neither goldens nor random inputs were asked for")
    groups = _groups(report)
    if not groups:
        said.append("nothing was compared: there is no lane")
    for name, lanes in groups.items():
        reasons = "; ".join(f"{r.lane.name}: {r.unloaded}" for r in lanes if r.unloaded)
        because = f" ({reasons})" if reasons else ""
        checks = [c for r in lanes for c in report.of(r.lane.name)]
        if asked.golden_asked and not any(is_real(c, "golden") for c in checks):
            said.append(f"{name} was held to no golden{because}")
        mine = [row for row in report.random if row.lane in [r.lane for r in lanes]]
        if asked.random and all(row.verdict == "NOT_RUN" for row in mine):
            why = next((f": {row.detail}" for row in mine if row.detail), because)
            why = ": it is what the others are compared with" if name == "source" else why
            said.append(f"{name} was compared on no random input{why}")
    return said


def _groups(report: Report) -> dict[str, Sequence[LaneReport]]:
    """Return which lanes can vouch for what was asked: one lane an entry where the runner was
    named; else one artifact an entry, that any of its lanes can vouch for (Apple's own runtime is
    on macOS only; NOT_RUN there is printed, and does not fail an artifact that ran elsewhere).
    """
    lanes = report.lanes
    if report.asked.runner is not None:
        return {r.lane.name: [r] for r in lanes}
    groups: dict[str, list[LaneReport]] = {}
    for r in lanes:
        if r.lane.artifact is not None:
            groups.setdefault(r.lane.artifact.file, []).append(r)
    return dict(groups)


def _place(lane: Lane | None) -> dict[str, Any]:
    return {
        "runner": lane.runner if lane else None,
        "artifact": lane.artifact.file if lane and lane.artifact else None,
    }


def _result(result: Result) -> dict[str, Any]:
    runner, _, artifact = result.lane.partition(":")
    c = result.check
    return {
        "lane": result.lane or None,
        "runner": runner or None,
        "artifact": artifact or None,
        "case": result.case or None,
        "stage": c.stage,
        "name": c.name,
        "against": c.against or None,
        "verdict": c.verdict,
        "value": number(c.value),
        "limit": number(c.limit),
        "max_abs": number(c.max_abs),
        "max_rel": number(c.max_rel),
        "detail": c.detail,
    }


def _row(row: RandomRow) -> dict[str, Any]:
    return {
        "lane": row.lane.name,
        **_place(row.lane),
        "output": row.output,
        "max_abs": number(row.max_abs),
        "max_rel": number(row.max_rel),
        "value": number(row.value),
        "limit": number(row.limit),
        "verdict": row.verdict,
        "detail": row.detail,
    }


def number(value: float | None) -> float | None:
    """Return a value that JSON can say: NaN and inf become null, their detail says so."""
    return float(value) if value is not None and math.isfinite(value) else None
