"""One golden that is a picture or tensors, on every lane: checks, and what differs as pending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, MobileCatError
from mobilecat.golden.store import (
    APPROVED,
    Case,
    Expected,
    lane_file,
    result_path,
    write_pending,
)
from mobilecat.judge.clip_case import run_clip_case
from mobilecat.judge.engines import (
    SOURCE,
    Engines,
    fullest,
    is_sound,
    judge_lane,
    judge_unrounded,
    run_lane,
    run_source,
)
from mobilecat.judge.observe import Observed, load_inputs
from mobilecat.judge.report import LaneReport, Result
from mobilecat.judge.result import expected_from


def case_engines(engines: Engines, cases: Sequence[Case]) -> Iterator[tuple[Case, Engines]]:
    """Give each case with the engines that run it: all of them for one, the quick for the rest."""
    kept = tuple(r for r in engines.reports if r.lane.name not in engines.sparing)
    quick, full = replace(engines, reports=kept), fullest(cases)
    return ((case, engines if case in full else quick) for case in cases)


def run_case(
    engines: Engines, case: Case, may_write: bool, progress: Callable[[str], None]
) -> tuple[list[Result], list[Path]]:
    """Run every lane on a golden; return the results, and the pending files written."""
    bundle = engines.bundle
    if case.kind == "clip":
        return run_clip_case(engines, case, may_write, progress)
    try:
        inputs = load_inputs(case.input, bundle, case.boxes)
    except MobileCatError as e:
        detail = "; ".join([e.summary, *map(str, e.problems)])
        return [Result("", case.name, Check("golden", case.name, "FAIL", detail=detail))], []
    progress(f"{case.name}: source")
    reference = run_source(engines, inputs)
    results: list[Result] = []
    written: list[Path] = []
    for report in engines.reports:
        engine = engines.runners[report.lane.name]
        if isinstance(engine, Check):
            continue
        progress(f"{case.name}: {report.lane.name}")
        again = report.lane == SOURCE
        got = reference if again else run_lane(engine, bundle, report.lane, inputs)
        if isinstance(got, Check):
            results.append(Result(report.lane.name, case.name, got))
            continue
        expected = case.expected(report.lane.name)
        live = reference if isinstance(reference, Observed) else None
        whole: list[Check] = []
        if live is not None and report.lane.name in engines.structures:
            whole = judge_unrounded(engines, report.lane, live, inputs, got)
        judged = judge_lane(engines, report, got, expected, live, inputs, is_sound(whole))
        results += [Result(report.lane.name, case.name, c) for c in (*judged, *whole)]
        if may_write:
            try:
                written += _pending(bundle, case, got, expected, report, judged)
            except OSError as e:
                detail = f"the pending file cannot be written: {e.strerror}: {e.filename}"
                check = Check("golden", case.name, "NOT_RUN", detail=detail)
                results.append(Result(report.lane.name, case.name, check))
    return results, written


def _pending(
    bundle: Bundle,
    case: Case,
    got: Observed,
    expected: Expected,
    report: LaneReport,
    judged: Sequence[Check],
) -> list[Path]:
    """Write what differs from the golden for review; take an old one back where it agrees now.

    A result that breaks its contract is a fault, never a candidate for approval: none is written.
    """
    lane = report.lane.name
    differs = [c for c in judged if c.verdict == "FAIL" and c.against == "golden"]
    path = result_path(case.folder, "pending", lane)
    if not differs:
        path.unlink(missing_ok=True)
        return []
    if any(c.verdict == "FAIL" for c in judged if c.against == ""):
        return []
    own = lane if lane_file(lane) in case.variants else None
    against = sha256_of(result_path(case.folder, APPROVED, own))
    try:
        record = expected_from(bundle, got, report.engine, case.input_sha256, against, differs)
    except ArtifactError:
        return []
    done = write_pending(case.folder, lane, record)
    return [done] if done else []
