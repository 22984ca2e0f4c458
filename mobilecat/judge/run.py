"""Every lane of a bundle, on every golden case and on random inputs: one report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compare.ceilings import require_sane_tolerances
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import require_known_tolerances
from mobilecat.compile.copies import copies_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.foreign import engines_of
from mobilecat.formats.table import FORMATS
from mobilecat.golden.inventory import check_index, check_terms
from mobilecat.golden.store import (
    Case,
    may_write,
    read_cases,
)
from mobilecat.judge.case import run_cases
from mobilecat.judge.contract import check_contract
from mobilecat.judge.doubts import doubted, left_behind
from mobilecat.judge.engines import (
    SOURCE,
    Engines,
    contract_limits,
    fullest,
    is_sound,
    judge_ends,
    judge_unrounded,
    load_engines,
    off,
    ordered,
    run_source,
    shaken_for,
)
from mobilecat.judge.kept import Verdicts
from mobilecat.judge.notes import notes_of
from mobilecat.judge.observe import (
    Opener,
    gives_detections,
    observe,
    shadowed,
)
from mobilecat.judge.parts import judge_parts
from mobilecat.judge.random import Range, describe, random_inputs, range_of, raw_checks, rows_of
from mobilecat.judge.report import Asked, RandomRow, Report, Result
from mobilecat.judge.rounding import DRAWS
from mobilecat.judge.spread import Elsewhere, Judged, run_cases_on, with_tolerances
from mobilecat.judge.static import check_nms
from mobilecat.judge.words import many
from mobilecat.judge.written import check_labels_file, check_written
from mobilecat.lanes import Lane, lanes_of, open_lane
from mobilecat.lanes.worker import home_of
from mobilecat.spec import Tolerance
from mobilecat.spread import cores


def validate(
    folder: Path,
    golden_dir: Path | None = None,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    random: int = 0,
    seed: int = 0,
    source: Path | None = None,
    write_pending: bool = True,
    progress: Callable[[str], None] = lambda _: None,
    opener: Opener = open_lane,
    cases: Sequence[str] | None = None,
    tolerances: Mapping[str, Tolerance] | None = None,
    slow: bool = False,
    bundle: Bundle | None = None,
    value_range: tuple[float, float] | None = None,
    files: bool | None = None,
    on: str | None = None,
) -> Report:
    """Hold a bundle's artifacts to goldens, and to the source on `random` seeded inputs.

    write_pending: write what a lane gave instead as `pending-<lane>.json` (never where CI is set).
    opener: what loads a lane; saved results are one. cases: only these. tolerances: in place of the
    bundle's own [tolerances]. slow: run engines that take seconds a picture on every input, not on
    the first alone; naming one as `runner` does the same. bundle: what `folder` holds, where it was
    opened, and held to its hashes, before. value_range: of random floats, where the first layer
    does not say it. files: hold what the artifacts' files say to the contract; by default where
    `opener` loads them. on: Dask's workers, who run the cases (`judge.spread`).
    Errors: MobileCatError for a damaged bundle, an unknown lane, or nothing to compare with.
    """
    if golden_dir is None and random < 1:
        raise MobileCatError(
            "There is nothing to compare with",
            [
                Problem(
                    "no goldens and no random inputs",
                    fix="make goldens of your pictures: mobilecat golden record PICTURE…, then "
                    "golden review; or compare raw outputs on noise: --random 3",
                )
            ],
        )
    bundle = bundle or open_any(folder)
    if random and isinstance(bundle, CascadeBundle):
        fix = f"hold each model: mobilecat validate {folder}/landmarks --random {random}"
        said = Problem("a cascade finds nothing in noise", "--random", fix)
        raise MobileCatError("Random inputs are for one model", [said])
    sealed = bundle
    bundle = with_tolerances(bundle, tolerances)
    require_known_tolerances(bundle)
    require_sane_tolerances(bundle)
    lanes = lanes_of(bundle, runner, artifact)
    if golden_dir is None and runner is None:
        lanes = [lane for lane in lanes if lane != SOURCE]  # it is what the others are held to
    chosen: list[Case] = []
    file_checks: list[Check] = []
    if golden_dir is not None:
        chosen, file_checks = read_cases(golden_dir, bundle, cases, folder)
        file_checks += check_index(golden_dir, bundle, cases)
        file_checks += check_terms(golden_dir, sealed, cases)
    results = [Result("", c.name, c) for c in [*file_checks, *_labels(folder, bundle)]]
    live = _is_live(opener)
    held = live if files is None else files
    kept = Verdicts(bundle, held)
    if held:
        lanes = [_with_names(folder, bundle, lane, kept) for lane in lanes]
    workers = min(cores(), len(lanes)) if live and on is None else 1
    with engines_of(max(1, cores() // workers) if workers > 1 else None):
        engines = load_engines(opener, folder, bundle, lanes, source, progress, live)
        if not slow and runner is None:
            engines = replace(engines, sparing=frozenset(x.name for x in lanes if x.slow))
        results += [Result("", n, _shadowed(n)) for n in shadowed(bundle)]
        results += [r for lane in lanes for r in _nameless(bundle, lane)]
        results += [Result(n, "", c) for n, c in engines.runners.items() if isinstance(c, Check)]
        if held:
            results += _as_written(folder, engines, kept)
        pending: list[Path] = []
        results += _spared(engines, len(chosen), random)
        writes = write_pending and may_write()
        answers: Iterator[Judged]
        if on is None:
            answers = run_cases(engines, chosen, writes, progress, workers)
        else:
            there = Elsewhere(home_of(folder, sealed, source), tuple(lanes), tolerances, writes)
            answers = run_cases_on(on, there, engines, chosen, progress)
        for found, written in answers:
            results += found
            pending += written
        results += _complete(engines, chosen, results)
        rows: list[RandomRow] = []
        values = Range()
        if random:
            values = range_of(folder, bundle, value_range, source)
            more, rows = _run_random(engines, random, seed, values, progress)
            results += more
        if live:
            results += judge_ends(folder, engines, progress)
            if isinstance(bundle, CascadeBundle):
                results += judge_parts(folder, bundle, engines.reports, progress)
        notes = notes_of(engines, chosen, results, rows, write_pending, tolerances is not None)
        if golden_dir is not None:
            notes = (*notes, *left_behind(folder, golden_dir, sealed, chosen))
        return Report(
            bundle=bundle,
            asked=Asked(folder, golden_dir, runner, random, seed),
            cases=tuple(c.name for c in chosen),
            lanes=engines.reports,
            results=tuple(results),
            random=tuple(rows),
            random_inputs=describe(bundle, values) if random else "",
            pending=tuple(pending),
            notes=notes,
            empty=tuple(c.name for c in chosen if _is_empty(c)),
            source_rounds=engines.plain is not None,
            warnings=tuple(doubted(folder, bundle, {c.name: c.approved for c in chosen})),
            apps=copies_of(folder) if files is not False else (),
        )


def _is_live(opener: object) -> bool:
    """Return whether lanes are opened here, also where somebody writes down what they give."""
    while opener is not None and opener is not open_lane:
        opener = getattr(opener, "opener", None)
    return opener is open_lane


def _is_empty(case: Case) -> bool:
    """Whether nothing is detected on a golden: no box is held there."""
    found = case.approved.found
    return found is not None and not len(found)


def _spared(engines: Engines, cases: int, random: int) -> list[Result]:
    """Say of each lane that takes one input only what it does not run."""
    left = [many(n - 1, what) for n, what in ((cases, "case"), (random, "random input")) if n > 1]
    ran = [n for n in engines.sparing if not isinstance(engines.runners[n], Check)]
    detail = f"not on {' and '.join(left)}: its engine takes seconds an input; --slow runs all"
    return [Result(n, "", Check("run", n, "NOT_RUN", detail=detail)) for n in sorted(ran) if left]


def _labels(folder: Path, bundle: Bundle) -> list[Check]:
    """Hold every labels.txt, which apps read, to the labels of its contract."""
    checks = check_labels_file(folder, bundle.spec.labels)
    if isinstance(bundle, CascadeBundle):
        for home, part in bundle.parts.items():
            checks += check_labels_file(folder / home, part.spec.labels)
    return checks


def _as_written(folder: Path, engines: Engines, kept: Verdicts) -> list[Result]:
    found: list[Result] = []
    whole = engines.bundle
    for r in engines.reports:
        if r.lane.artifact is None or r.unloaded:
            continue
        for path, record, bundle in _files(folder, engines.bundle, r.lane.artifact):

            def read(
                path: Path = path, record: ArtifactRecord = record, bundle: Bundle = bundle
            ) -> list[Check]:
                nms, classes = bundle.spec.effective_nms, len(bundle.spec.labels)
                return [
                    *check_written(path, record, bundle),
                    *check_nms(path, record, nms, classes),
                ]

            part = bundle.model_dump_json(exclude={"artifacts"}) if bundle is not whole else ""
            checks = kept.checks(read, "as written", path, record, part)
            found += [Result(r.lane.name, "", check) for check in checks]
    return found


def _with_names(folder: Path, bundle: Bundle, lane: Lane, kept: Verdicts) -> Lane:
    """Return the lane without the inner values that its file has no names for any more."""
    record = lane.artifact
    if record is None or isinstance(bundle, CascadeBundle):
        return lane
    path = folder / record.file
    try:
        taps = kept.names(lambda: FORMATS[record.kind].taps(path, record), "taps", path, record)
    except MobileCatError:
        return lane  # opening it says what is wrong
    return replace(lane, artifact=record.model_copy(update={"taps": taps}))


def _nameless(bundle: Bundle, lane: Lane) -> list[Result]:
    if lane.artifact is None or isinstance(bundle, CascadeBundle):
        return []
    if lane.artifact.taps or not bundle.artifact(lane.artifact.file).taps:
        return []
    detail = "its tensors were stripped of their names: only results are compared"
    return [Result(lane.name, "", Check("raw", "inner values", "NOT_RUN", detail=detail))]


def _files(
    folder: Path, bundle: Bundle, record: ArtifactRecord
) -> list[tuple[Path, ArtifactRecord, Bundle]]:
    """Return the files that run in a lane, each with its record and contract."""
    if not isinstance(bundle, CascadeBundle):
        return [(folder / record.file, record, bundle)]
    return [
        (folder / home / own.file, own, part)
        for home, part in bundle.parts.items()
        if (own := bundle.part_record(home, record.file)) is not None
    ]


def _shadowed(name: str) -> Check:
    detail = "the network's own output has the name of a decoded one, so it cannot be asked for"
    return Check("raw", name, "NOT_RUN", detail=detail)


def _complete(engines: Engines, cases: Sequence[Case], results: Sequence[Result]) -> list[Result]:
    """Fail a lane that ran, but was not compared on every case: fewer pictures never pass."""
    decisive = "detections" if gives_detections(engines.bundle) else "raw"
    short = []
    for report in engines.reports:
        name = report.lane.name
        if isinstance(engines.runners[name], Check):
            continue
        done = [r for r in results if r.lane == name and r.check.against == "golden"]
        done = [r for r in done if r.check.stage == decisive and r.check.verdict != "NOT_RUN"]
        compared = {r.case for r in done}
        wanted = fullest(cases) if name in engines.sparing else cases
        missed = [c.name for c in wanted if c.name not in compared]
        if missed:
            detail = f"compared on {len(wanted) - len(missed)} of {len(wanted)} cases; not on "
            short.append(
                Result(name, "", Check("run", "cases", "FAIL", detail=detail + ", ".join(missed)))
            )
    return short


def _run_random(
    engines: Engines, count: int, seed: int, values: Range, progress: Callable[[str], None]
) -> tuple[list[Result], list[RandomRow]]:
    bundle = engines.bundle
    lanes = [r for r in engines.reports if r.lane != SOURCE]
    rounds: dict[str, list[list[Check]]] = {r.lane.name: [] for r in lanes}
    reasons: dict[str, str] = {r.lane.name: r.unloaded for r in lanes}
    results: list[Result] = []
    for index in range(count):
        inputs = random_inputs(bundle, seed, index, values)
        progress(f"random input {index + 1} of {count}: source")
        reference = run_source(engines, inputs)
        for report in lanes:
            name = report.lane.name
            if index and name in engines.sparing:
                continue
            engine = engines.runners[name]
            if isinstance(engine, Check) or isinstance(reference, Check):
                why = engine if isinstance(engine, Check) else reference
                assert isinstance(why, Check)
                reasons[name] = reasons[name] or f"{why.name}: {why.detail}"
                continue
            progress(f"random input {index + 1} of {count}: {name}")
            got = observe(engine, bundle, report.lane, inputs)
            case = f"random {index}"
            if isinstance(got, Check):
                results.append(Result(name, case, got))
                reasons[name] = reasons[name] or got.detail
                continue
            turned = ordered(engines, report, got, reference, inputs)
            got = turned.observed
            results += [Result(name, case, c) for c in turned.checks("source")]
            shaken = shaken_for(engines, report.lane, inputs, reference)
            limits = contract_limits(engines, report, got, reference, shaken)
            broken = [c for c in check_contract(bundle, got, limits) if c.verdict == "FAIL"]
            results += [Result(name, case, c) for c in broken]
            found: list[Check] = []
            if name in engines.structures:
                found = judge_unrounded(engines, report.lane, reference, inputs, got)
                results += [Result(name, case, c) for c in found]
            raw = raw_checks(bundle, got, reference, report.limits, shaken)
            if off(raw) and is_sound(found):
                ways = shaken_for(engines, report.lane, inputs, reference, DRAWS)
                raw = raw_checks(bundle, got, reference, report.limits, ways)
            rounds[name].append(raw)
    rows: list[RandomRow] = []
    for report in lanes:
        name = report.lane.name
        asked = 1 if name in engines.sparing else count
        rows += rows_of(bundle, report, rounds[name], asked, reasons[name])
    return results, rows
