"""One golden that is a clip, on every lane: checks, and what differs as pending files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mobilecat.compare.compare import Check
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import (
    APPROVED,
    Case,
    lane_file,
    remove_pending,
    result_path,
    write_pending,
)
from mobilecat.judge.engines import SOURCE, Engines
from mobilecat.judge.judge import judge_expected
from mobilecat.judge.moving import Moving, judge_frames, judge_steadiness, run_clip
from mobilecat.judge.report import LaneReport, Result
from mobilecat.judge.result import expected_of_clip
from mobilecat.lanes import Lane, Runner


def run_clip_case(
    engines: Engines, case: Case, may_write: bool, progress: Callable[[str], None]
) -> tuple[list[Result], list[Path]]:
    """Run every lane on a clip's golden; return the results, and the pending files written.

    Engines that take seconds a frame are left out.
    """
    bundle = engines.bundle
    reports = [r for r in engines.reports if r.lane.name not in engines.sparing]
    runners: list[tuple[Lane, Runner]] = []
    for lane in [SOURCE, *(r.lane for r in reports if r.lane != SOURCE)]:
        engine = engines.reference if lane == SOURCE else engines.runners[lane.name]
        if not isinstance(engine, Check):
            runners.append((lane, engine))
    results: list[Result] = []
    try:
        found = run_clip(runners, bundle, case.input, case.every, progress)
    except MobileCatError as e:
        detail = "; ".join([e.summary, *map(str, e.problems)])
        return [Result("", case.name, Check("golden", case.name, "FAIL", detail=detail))], []
    source = found.get(SOURCE.name)
    written: list[Path] = []
    for report in reports:
        lane = report.lane
        if (got := found.get(lane.name)) is None:
            continue
        if isinstance(got, Check):
            results.append(Result(lane.name, case.name, got))
            continue
        limits, expected = report.limits, case.expected(lane.name)
        new = expected_of_clip(bundle, got, report.engine, case.input_sha256)
        judged = judge_expected(bundle, expected, new, limits)
        if isinstance(source, Moving) and lane != SOURCE:
            plan = got.plan
            judged += judge_frames(bundle, source.frames, got.frames, plan, limits, "source")
            judged.append(judge_steadiness(got, source, limits))
        results += [Result(lane.name, case.name, c) for c in judged]
        if may_write:
            written += _pending_clip(engines, case, got, report, judged)
    return results, written


def _pending_clip(
    engines: Engines, case: Case, got: Moving, report: LaneReport, judged: Sequence[Check]
) -> list[Path]:
    """Write what differs from a clip's golden for review; take an old one back where it agrees."""
    lane = report.lane.name
    differs = [c for c in judged if c.verdict == "FAIL" and c.against == "golden"]
    if not differs:
        remove_pending(result_path(case.folder, "pending", lane))
        return []
    own = lane if lane_file(lane) in case.variants else None
    against = sha256_of(result_path(case.folder, APPROVED, own))
    told = got, report.engine, case.input_sha256, against, differs
    of = {"bundle": str(engines.shaker.folder)}
    new = expected_of_clip(engines.bundle, *told).model_copy(update=of)
    done = write_pending(case.folder, lane, new)
    return [done] if done else []
