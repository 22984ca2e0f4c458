"""The engines of a bundle, and how one lane is judged on one input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import MADE, Check
from mobilecat.compare.tolerances import STRUCTURE, Limits, limits_of, structure_limits
from mobilecat.golden.store import Case, Expected
from mobilecat.graph import Array
from mobilecat.judge.contract import check_contract
from mobilecat.judge.judge import judge_golden, judge_source, judge_structure, judged_again
from mobilecat.judge.kept import Verdicts
from mobilecat.judge.made import Made, has_ends, made_for, try_made
from mobilecat.judge.observe import Inputs, Observed, Opener, observe, open_engine
from mobilecat.judge.ranked import Ordered
from mobilecat.judge.report import LaneReport, Result
from mobilecat.judge.rounding import DRAWS, Shaker, kind_of, moves_of, widened
from mobilecat.judge.structure import Unrounded, has_structure, open_plain, open_structure
from mobilecat.judge.unseen import without_unseen
from mobilecat.judge.untried import Moved
from mobilecat.lanes import Lane, Runner
from mobilecat.lanes.source import source_in

SOURCE = Lane("source")
Opened = Callable[[], Runner | Check]
"""Opens an engine when it is first asked for, and says why where it cannot."""


@dataclass(frozen=True)
class Engines:
    """What is loaded. reference: the source, or why it cannot run here.

    structures: what opens a lane's program without its rounding, by lane. example: outputs of the
    network, of some input. plain: the source without its engine's rounding, where that rounds; else
    None. moved: how far its outputs move between inputs. sparing: the lanes that take one input
    only: their engine is slow, and nobody asked for all. kept: checks that held before.
    """

    bundle: Bundle
    reports: tuple[LaneReport, ...]
    runners: dict[str, Runner | Check]
    reference: Runner | Check
    shaker: Shaker
    structures: dict[str, Opened]
    example: dict[str, Array] = field(default_factory=dict)
    moved: Moved = field(default_factory=Moved)
    sparing: frozenset[str] = frozenset()
    plain: Runner | Check | None = None
    kept: Verdicts | None = None


def fullest(cases: Sequence[Case]) -> list[Case]:
    """Return the case for engines that take one: that with the most detections, the first of
    equals, since a picture of nothing shows no box in a wrong place. Empty where there is none but
    clips."""
    stills = [c for c in cases if c.kind != "clip"]
    return stills[:1] and [max(stills, key=lambda c: len(c.approved.detections or ()))]


def load_engines(
    opener: Opener,
    folder: Path,
    bundle: Bundle,
    lanes: Sequence[Lane],
    source: Path | None,
    progress: Callable[[str], None],
    live: bool,
) -> Engines:
    runners: dict[str, Runner | Check] = {}
    reports = []
    for lane in lanes if SOURCE in lanes else [*lanes, SOURCE]:
        progress(f"loading {lane.name}")
        runners[lane.name] = open_engine(opener, folder, bundle, lane, source)
    for lane in lanes:
        engine = runners[lane.name]
        note, reason = ("", engine.detail) if isinstance(engine, Check) else (engine.note, "")
        reports.append(LaneReport(lane, note, limits_of(lane, bundle), reason))
    reference = runners[SOURCE.name]
    if SOURCE not in lanes:
        del runners[SOURCE.name]
    structures: dict[str, Opened] = {}
    for lane in lanes if live else ():
        if has_structure(lane, bundle) and not isinstance(runners[lane.name], Check):
            structures[lane.name] = _unrounded(folder, bundle, lane, source, progress)
    plain: Runner | Check | None = None
    original = source_in(reference) if live else None
    if original is not None and original.rounds:
        progress("loading the source without its rounding")
        plain = open_engine(open_plain, folder, bundle, SOURCE, source)
        ran = [x.name for x in lanes if x != SOURCE and not isinstance(runners[x.name], Check)]
        structures = {name: partial(runners.__getitem__, name) for name in ran} | structures
    shaker = Shaker(folder, bundle, source, reference)
    kept = Verdicts(bundle, live and not isinstance(bundle, CascadeBundle))
    return Engines(
        bundle, tuple(reports), runners, reference, shaker, structures, plain=plain, kept=kept
    )


def _unrounded(
    folder: Path,
    bundle: Bundle,
    lane: Lane,
    source: Path | None,
    progress: Callable[[str], None],
) -> Opened:
    @cache
    def opened() -> Runner | Check:
        progress(f"loading {lane.name} without its rounding")
        return open_engine(open_structure, folder, bundle, lane, source)

    return opened


def run_source(
    engines: Engines, inputs: Inputs, given: Observed | Check | None = None
) -> Observed | Check:
    """Return what the source gives. given: the same, where it ran already."""
    found = given or run_lane(engines.reference, engines.bundle, SOURCE, inputs)
    if isinstance(found, Observed):
        engines.moved.add(engines.bundle, found)
    if isinstance(found, Observed) and not engines.example:
        raw = {t.name for t in engines.bundle.raw_outputs}
        engines.example.update({n: v for n, v in found.tensors.items() if n in raw})
    return found


def run_lane(
    engine: Runner | Check, bundle: Bundle, lane: Lane, inputs: Inputs
) -> Observed | Check:
    return engine if isinstance(engine, Check) else observe(engine, bundle, lane, inputs)


def shaken_for(
    engines: Engines, lane: Lane, inputs: Inputs, reference: Observed | None, draws: int = 1
) -> Callable[[], Observed | None]:
    """Return what gives the source with its weights rounded as the lane's are."""
    if reference is None:
        return lambda: None
    return lambda: engines.shaker.observe(kind_of(lane), inputs, reference, draws)


def is_sound(structure: Sequence[Check]) -> bool:
    """Return whether a program gives what its source gives, but for its rounding."""
    return bool(structure) and all(c.verdict == "PASS" for c in structure)


def off(checks: Sequence[Check]) -> bool:
    """Return whether a check failed by a number, which rounding may explain."""
    return any(c.verdict == "FAIL" and c.value is not None for c in checks)


def ordered(
    engines: Engines, report: LaneReport, got: Observed, reference: Observed, inputs: Inputs
) -> Ordered:
    """Return what a lane gave with rows that tie in the source's order."""
    kind = kind_of(report.lane)
    return engines.shaker.order(got, reference, inputs, report.limits, kind)


def judge_lane(
    engines: Engines,
    report: LaneReport,
    got: Observed,
    expected: Expected,
    reference: Observed | None,
    inputs: Inputs,
    sound: bool = False,
) -> list[Check]:
    """Return the checks of the contract, and those against golden and source.

    What is beyond a limit of the table is judged again by how far rounding moves the source: as the
    golden has it, or else measured here. sound: without its rounding the lane gives what the source
    gives, in full; then it is rounding alone that the source would show, and the golden judges it,
    by the farthest of several ways to round.
    """

    def judged() -> list[Check]:
        return _judge_lane(engines, report, got, expected, reference, inputs, sound)

    record, kept = report.lane.artifact, engines.kept
    if kept is None or reference is None or expected.seal is None:
        return judged()
    file = None if record is None else engines.shaker.folder / record.file
    follows = "lane", report.lane.name, file, record, expected.seal, inputs.digest
    values = lambda: f"{sound} {got.digest} {reference.digest}"  # noqa: E731
    return kept.judged(judged, values, got.bytes, *follows)


def _judge_lane(
    engines: Engines,
    report: LaneReport,
    got: Observed,
    expected: Expected,
    reference: Observed | None,
    inputs: Inputs,
    sound: bool,
) -> list[Check]:
    bundle, kind = engines.bundle, kind_of(report.lane)
    shaken = shaken_for(engines, report.lane, inputs, reference)
    ties: list[Check] = []
    if reference is not None and report.lane != SOURCE:
        turned = ordered(engines, report, got, reference, inputs)
        got, ties = turned.observed, turned.checks("golden")

    def judge(limits: Limits) -> list[Check]:
        contract = check_contract(bundle, got, limits)
        return [*contract, *judge_golden(bundle, got, expected, limits, reference)]

    moves = expected.moves.get(kind, {})
    checks = judge(report.limits)
    if moves and off(checks):
        checks = judge(widened(report.limits, moves, bundle))
    if reference is None:
        return checks
    if off(checks):
        checks = judged_again(bundle, reference, report.limits, shaken, judge)
    if sound and off(checks):
        ways = shaken_for(engines, report.lane, inputs, reference, DRAWS)
        checks = judged_again(bundle, reference, report.limits, ways, judge)
    if sound and off(checks):
        checks = without_unseen(bundle, got, reference, expected, checks)
    if report.lane != SOURCE and not sound:
        checks += judge_source(bundle, got, reference, report.limits, shaken)
    return [*checks, *ties]


def contract_limits(
    engines: Engines,
    report: LaneReport,
    got: Observed,
    reference: Observed,
    shaken: Callable[[], Observed | None],
) -> Limits:
    """Return the limits of the contract: wider where noise puts scores onto the threshold."""
    bundle, limits = engines.bundle, report.limits
    broken = [c for c in check_contract(bundle, got, limits) if c.verdict == "FAIL"]
    moved = shaken() if any(c.value is not None for c in broken) else None
    return widened(limits, moves_of(bundle, reference, moved), bundle) if moved else limits


def judge_unrounded(
    engines: Engines, lane: Lane, reference: Observed, inputs: Inputs, given: Observed | None = None
) -> list[Check]:
    """Return the checks of a lane without its rounding. given: what it gave as it is, if it ran.

    Those of a program with its weights unrounded are kept: no golden and no result has a part in
    them, only the file, the source, and the picture.
    """

    def judged() -> list[Check]:
        return _judge_unrounded(engines, lane, reference, inputs, given)

    if engines.kept is None or lane.artifact is None or not has_structure(lane, engines.bundle):
        return judged()
    record, plain = lane.artifact, engines.plain is not None
    file = engines.shaker.folder / record.file
    return engines.kept.checks(judged, STRUCTURE, lane.name, file, record, plain, inputs.digest)


def _judge_unrounded(
    engines: Engines, lane: Lane, reference: Observed, inputs: Inputs, given: Observed | None
) -> list[Check]:
    engine, bundle = engines.structures[lane.name](), engines.bundle
    as_it_is = given if engine is engines.runners.get(lane.name) else None
    got = as_it_is or run_lane(engine, bundle, lane, inputs)
    if isinstance(got, Check):
        return [replace(got, name=STRUCTURE)]
    if engines.plain is not None:
        found = run_lane(engines.plain, bundle, SOURCE, inputs)
        if isinstance(found, Check):
            return [replace(found, name=STRUCTURE)]
        reference = found

    def shaken() -> Observed | None:
        return engines.shaker.observe("float32", inputs, reference)

    limits = structure_limits(bundle)
    turned = engines.shaker.order(got, reference, inputs, limits, "float32")
    checks = judge_structure(bundle, turned.observed, reference, limits, shaken)
    checks += turned.checks(STRUCTURE)
    unknown = engine.unknown(bundle) if isinstance(engine, Unrounded) else ""
    if unknown and any(c.verdict == "FAIL" for c in checks):
        return [Check("raw", STRUCTURE, "NOT_RUN", detail=unknown, against=STRUCTURE)]
    return checks


def judge_ends(folder: Path, engines: Engines, progress: Callable[[str], None]) -> list[Result]:
    """Try each artifact's decode and suppression on made values."""
    source = None if isinstance(engines.reference, Check) else engines.reference

    @cache
    def made() -> list[Made]:
        return made_for(engines.bundle, source, engines.example)

    found = []
    for report in engines.reports:
        record = report.lane.artifact
        if record is None or report.unloaded or not has_ends(report.lane, engines.bundle):
            continue

        def tried(report: LaneReport = report) -> list[Check]:
            progress(f"made values: {report.lane.name}")
            return try_made(folder, engines.bundle, report.lane, made()) if made() else []

        if engines.kept is None:
            checks = tried()
        else:
            follows = report.lane.name, folder / record.file, record, source is None
            checks = engines.kept.checks(tried, MADE, *follows, engines.example)
        found += [Result(report.lane.name, "", c) for c in checks]
    return found
