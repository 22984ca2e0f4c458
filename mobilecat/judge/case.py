"""One golden that is a picture or tensors, on every lane: checks, and what differs as pending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from mobilecat.compare.compare import Check
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, MobileCatError
from mobilecat.golden.store import (
    APPROVED,
    Case,
    lane_file,
    remove_pending,
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
from mobilecat.judge.observe import Inputs, Observed, load_inputs
from mobilecat.judge.report import LaneReport, Result
from mobilecat.judge.result import expected_from
from mobilecat.lanes import Lane, Runner


def case_engines(engines: Engines, cases: Sequence[Case]) -> Iterator[tuple[Case, Engines]]:
    """Give each case with the engines that run it: all of them for one, the quick for the rest."""
    kept = tuple(r for r in engines.reports if r.lane.name not in engines.sparing)
    quick, full = replace(engines, reports=kept), fullest(cases)
    return ((case, engines if case in full else quick) for case in cases)


@dataclass(frozen=True)
class Seen:
    """A case under way: gives its inputs, and what each lane gives of them, by name."""

    inputs: Callable[[], Inputs]
    lanes: Mapping[str, Callable[[], Observed | Check]]
    running: Sequence[Future[Observed | Check]] = ()

    def wait(self) -> None:
        """Return when no lane is at work any more."""
        wait(self.running)


def seen(engines: Engines, case: Case, pool: Executor | None = None) -> Seen:
    """Take a case through its lanes: with a pool now, several at a time, else as each is asked."""
    bundle, busy = engines.bundle, threading.Lock()
    read: list[Inputs] = []

    def inputs() -> Inputs:
        with busy:
            if not read:
                read.append(load_inputs(case.input, bundle, case.boxes))
            return read[0]

    def run(engine: Runner | Check, lane: Lane) -> Observed | Check:
        return run_lane(engine, bundle, lane, inputs())

    works: dict[str, Callable[[], Observed | Check]] = {}
    running: list[Future[Observed | Check]] = []
    runners = [(r.lane, engines.runners[r.lane.name]) for r in engines.reports]
    for lane, engine in ((SOURCE, engines.reference), *runners):
        if lane.name in works:
            continue
        work = partial(run, engine, lane)
        if pool is None or isinstance(engine, Check):
            works[lane.name] = cache(work)
            continue
        running.append(pool.submit(work))
        works[lane.name] = running[-1].result
    return Seen(inputs, works, running)


def run_cases(
    engines: Engines,
    cases: Sequence[Case],
    may_write: bool,
    progress: Callable[[str], None],
    workers: int,
) -> Iterator[tuple[list[Result], list[Path]]]:
    """Give what `run_case` gives of each case, in their order.

    workers: so many lanes run at a time; those of the next case while one is judged.
    """
    each = list(case_engines(engines, cases))
    if workers < 2:
        yield from (run_case(now, case, may_write, progress) for case, now in each)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            ahead: Seen | None = None
            for k, (case, now) in enumerate(each):
                there = ahead or (seen(now, case, pool) if case.kind != "clip" else None)
                following = each[k + 1] if k + 1 < len(each) else None
                ahead = None
                if following is not None and following[0].kind != "clip" and there is not None:
                    there.wait()  # an engine takes one picture at a time
                    ahead = seen(following[1], following[0], pool)
                yield run_case(now, case, may_write, progress, there)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def run_case(
    engines: Engines,
    case: Case,
    may_write: bool,
    progress: Callable[[str], None],
    there: Seen | None = None,
) -> tuple[list[Result], list[Path]]:
    """Run every lane on a golden; return the results, and the pending files written.

    there: the case under way, where it is.
    """
    if case.kind == "clip":
        return run_clip_case(engines, case, may_write, progress)
    there = there or seen(engines, case)
    try:
        inputs = there.inputs()
    except MobileCatError as e:
        detail = "; ".join([e.summary, *map(str, e.problems)])
        return [Result("", case.name, Check("golden", case.name, "FAIL", detail=detail))], []
    progress(f"{case.name}: source")
    reference = run_source(engines, inputs, there.lanes[SOURCE.name]())
    results: list[Result] = []
    written: list[Path] = []
    for report in engines.reports:
        engine = engines.runners[report.lane.name]
        if isinstance(engine, Check):
            continue
        progress(f"{case.name}: {report.lane.name}")
        again = report.lane == SOURCE
        got = reference if again else there.lanes[report.lane.name]()
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
                written += _pending(engines, case, got, report, judged)
            except OSError as e:
                detail = f"the pending file cannot be written: {e.strerror}: {e.filename}"
                check = Check("golden", case.name, "NOT_RUN", detail=detail)
                results.append(Result(report.lane.name, case.name, check))
    return results, written


def _pending(
    engines: Engines,
    case: Case,
    got: Observed,
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
        remove_pending(path)
        return []
    if any(c.verdict == "FAIL" for c in judged if c.against == ""):
        return []
    own = lane if lane_file(lane) in case.variants else None
    against = sha256_of(result_path(case.folder, APPROVED, own))
    try:
        told = got, report.engine, case.input_sha256, against, differs
        record = expected_from(engines.bundle, *told)
    except ArtifactError:
        return []
    of = {"bundle": str(engines.shaker.folder)}
    done = write_pending(case.folder, lane, record.model_copy(update=of))
    return [done] if done else []
