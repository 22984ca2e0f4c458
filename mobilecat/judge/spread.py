"""Goldens judged on Dask's workers: the same report, whoever judged which case.

A worker opens the bundle's engines once, and judges a case as the main process would. What a report
says of all cases together (how far outputs move between them, which values are made up for the
decode) is put together here: it follows from maxima, and from the first case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import Case
from mobilecat.judge.case import case_engines, run_case
from mobilecat.judge.engines import Engines, fullest, load_engines, run_source
from mobilecat.judge.observe import load_inputs
from mobilecat.judge.report import Result
from mobilecat.judge.untried import Moved
from mobilecat.lanes import Lane, open_lane
from mobilecat.lanes.worker import Home, bundle_at
from mobilecat.spec import Tolerance
from mobilecat.spread import LOCAL, cores, opened, workers_on

Judged = tuple[list[Result], list[Path]]


@dataclass(frozen=True)
class Elsewhere:
    """What a worker opens: a bundle's lanes. tolerances: in place of the bundle's own."""

    home: Home
    lanes: tuple[Lane, ...]
    tolerances: Mapping[str, Tolerance] | None
    may_write: bool


@dataclass(frozen=True)
class _Task:
    """One case, by absolute paths. first: the input that outputs are compared with, to say how far
    they move, and its boxes."""

    there: Elsewhere
    case: Case
    first: tuple[Path, Path | None] | None


@dataclass(frozen=True)
class _Answer:
    judged: Judged
    moved: Moved


def with_tolerances(bundle: Bundle, tolerances: Mapping[str, Tolerance] | None) -> Bundle:
    """Return the bundle with these in place of its own."""
    if tolerances is None:
        return bundle
    spec = bundle.spec.model_copy(update={"tolerances": dict(tolerances)})
    return bundle.model_copy(update={"spec": spec})


def run_cases_on(
    address: str,
    there: Elsewhere,
    engines: Engines,
    cases: Sequence[Case],
    progress: Callable[[str], None],
) -> Iterator[Judged]:
    """Give what `run_case` gives of each case, in their order, judged by Dask's workers.

    The first picture, and the one for engines that take one only, are judged here: a worker never
    opens a slow engine. Errors: as of `spread.workers_on` and `Workers.answers`.
    """
    first = next((c for c in cases if _can_be_read(c, engines.bundle)), None)
    here = [c for c in cases if c is first or (engines.sparing and c in fullest(cases))]
    mine = {
        case.name: run_case(now, case, there.may_write, progress)
        for case, now in case_engines(engines, cases)
        if case in here
    }
    quick = tuple(lane for lane in there.lanes if lane.name not in engines.sparing)
    there = replace(there, lanes=quick)
    shown = None if first is None else _absolute(first)
    before = None if shown is None else (shown.input, shown.boxes)
    tasks = [_Task(there, _absolute(c), before) for c in cases if c not in here]
    if not tasks:
        yield from (mine[c.name] for c in cases)
        return
    count = min(cores(), len(tasks)) if address == LOCAL else None
    with workers_on(address, count, progress) as workers:
        answers = workers.answers(_work, tasks, in_order=True)
        done = 0
        for case in cases:
            if case.name in mine:
                yield mine[case.name]
                continue
            _, answer = next(answers)
            done += 1
            progress(f"{done} of {len(tasks)} cases, {case.name}")
            engines.moved.join(answer.moved)
            yield _as_here(case, answer.judged)


def _can_be_read(case: Case, bundle: Bundle) -> bool:
    if case.kind == "clip":
        return False
    try:
        load_inputs(case.input, bundle, case.boxes)
    except MobileCatError:
        return False
    return True


def _absolute(case: Case) -> Case:
    boxes = None if case.boxes is None else case.boxes.absolute()
    return replace(case, folder=case.folder.absolute(), input=case.input.absolute(), boxes=boxes)


def _as_here(case: Case, judged: Judged) -> Judged:
    """Return results with the paths that the user knows the case by."""
    results, written = judged
    known = [(str(case.input.absolute()), str(case.input))]
    known += [(str(case.folder.absolute()), str(case.folder))]

    def named(result: Result) -> Result:
        detail = result.check.detail
        for theirs, ours in known:
            detail = detail.replace(theirs, ours)
        return replace(result, check=replace(result.check, detail=detail))

    return [named(r) for r in results], [case.folder / p.name for p in written]


def _work(task: _Task) -> _Answer:
    """Judge a case, on a worker."""
    there = task.there
    said = (tuple(x.name for x in there.lanes), str(there.tolerances), there.home.source or "")
    engines, busy = opened(
        there.home.key, ("judge", str(said)), lambda: (_engines(there), threading.Lock())
    )
    with busy:
        moved = Moved()
        mine = replace(engines, moved=moved, example={})
        if task.first is not None:  # what the others are compared with: the same in every process
            run_source(mine, load_inputs(task.first[0], mine.bundle, task.first[1]))
            moved.most = 0
        return _Answer(run_case(mine, task.case, there.may_write, lambda _: None), moved)


def _engines(there: Elsewhere) -> Engines:
    bundle = with_tolerances(bundle_at(there.home), there.tolerances)
    folder, source = Path(there.home.folder), there.home.source_file
    return load_engines(open_lane, folder, bundle, there.lanes, source, lambda _: None, True)
