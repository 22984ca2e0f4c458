"""From what a lane gave to the record of it: what a golden expects, once approved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check
from mobilecat.compare.probe import probe
from mobilecat.errors import ArtifactError, Problem
from mobilecat.golden.store import Difference, Expected, Made, PlanRecord
from mobilecat.golden.terms import meaning_of, terms_of
from mobilecat.judge.judge import detections_of
from mobilecat.judge.moving import Moving
from mobilecat.judge.observe import Observed, gives_detections, watched
from mobilecat.judge.report import number
from mobilecat.lanes import Lane


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()


def expected_of_clip(
    bundle: Bundle,
    moving: Moving,
    engine: str,
    input_sha256: str,
    against: str | None = None,
    differs: Sequence[Check] = (),
) -> Expected:
    """Return the record of what a lane gave for a clip."""
    spec = bundle.spec
    return Expected(
        input_sha256=input_sha256,
        plan=moving.plan,
        labels=spec.labels,
        landmarks=spec.landmarks,
        detections=None,
        tensors={},
        frames=moving.frames,
        made=_made(bundle, moving.lane, engine),
        against=against,
        differs=differences(differs),
        terms=meaning_of(bundle),
        values=terms_of(bundle).values,
    )


def expected_from(
    bundle: Bundle,
    observed: Observed,
    engine: str,
    input_sha256: str,
    against: str | None = None,
    differs: Sequence[Check] = (),
) -> Expected:
    """Return the record of a result. ArtifactError where it cannot be read as detections."""
    lane, spec = observed.lane, bundle.spec
    rows = None
    if gives_detections(bundle):
        found = detections_of(observed)
        if isinstance(found, str):
            raise ArtifactError("This result is no golden", [Problem(found, lane.name)])
        rows = tuple(found.to_json(spec.labels, spec.landmarks))
    return Expected(
        input_sha256=input_sha256,
        plan=PlanRecord.of(observed.plan) if observed.plan else None,
        labels=spec.labels,
        landmarks=spec.landmarks,
        detections=rows,
        tensors={
            n: probe(w.stage, n, observed.tensors[n])
            for n, w in watched(bundle).items()
            if n in observed.tensors
        },
        made=_made(bundle, lane, engine),
        against=against,
        differs=differences(differs),
        terms=meaning_of(bundle),
        values=terms_of(bundle).values,
    )


def _made(bundle: Bundle, lane: Lane, engine: str) -> Made:
    return Made(
        lane=lane.name,
        engine=engine,
        source_sha256=bundle.source.sha256,
        spec_sha256=bundle.spec_sha256,
        artifact_sha256=lane.artifact.sha256 if lane.artifact else None,
        versions=bundle.versions,
        at=now(),
    )


def differences(checks: Sequence[Check]) -> tuple[Difference, ...]:
    """Return the checks that did not pass, largest excess over the limit first."""

    def excess(check: Check) -> float:
        if check.value is None or not check.limit:  # a limit of 0: a count, or whole numbers
            return float("inf")
        return check.value / check.limit

    bad = sorted((c for c in checks if c.verdict == "FAIL"), key=excess, reverse=True)
    return tuple(
        Difference(
            stage=c.stage,
            name=c.name,
            value=number(c.value),
            limit=number(c.limit),
            detail=c.detail,
        )
        for c in bad
    )
