"""A report in words: its verdict, its tables, what failed, what did not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilecat.compare.ceilings import widened
from mobilecat.compare.compare import Check
from mobilecat.judge.alike import (
    MOST_ALIKE,
    called,
    grouped,
    grouped_random,
    measured,
    where_it_began,
)
from mobilecat.judge.because import (
    Changed,
    not_following,
    source_is_off,
    stale_apps,
    what_changed,
)
from mobilecat.judge.report import LaneReport, RandomRow, Report, Result
from mobilecat.shown import Column, Line, Table


def said(report: Report, every: bool = False) -> Iterator[Line | Table]:
    """Give the report: verdict, tables, failures, what did not run, files written.

    every: each failing check in a line of its own, and not those that are alike in one.
    """
    yield Line(verdict_sentence(report), "bold green" if report.held else "bold red")
    changed = what_changed(report)
    apps = stale_apps(report)
    if apps and changed is None:
        commands = f": {'; '.join(apps.commands)}" if apps.commands else ""
        yield Line(f"  {apps.words}{commands}", "yellow")
    yield from (Line(f"  {shortfall}") for shortfall in report.shortfalls)
    told = report.failed
    if changed is not None:
        yield from _of_change(changed)
        told = not_following(report) if changed.known else told
        if following := follow_words(report, len(report.failed) - len(told)):
            yield Line(f"  {following} Each: --all, --json, --html")
        if apps:
            yield Line(f"  {apps.words}", "yellow")
    whole, short = failures(report, told), summed_up(report, told)
    if len(told) > MOST_ALIKE or len(whole) > MOST_ALIKE:
        off = {r.lane for r in told} | {r.lane.name for r in report.random if r.verdict == "FAIL"}
        yield from (Line(f"  {sentence}") for sentence in where_it_began(report, off))
    yield from (Line(text, "yellow", "warning") for text in report.warnings)
    if report.asked.golden_asked:
        yield _golden_table(report)
    if report.random:
        yield _random_table(report)
    shown = failures(report) if every else short
    yield from (Line(text, "red", "FAIL") for text in shown)
    if not every and len(short) < len(whole):
        more = len(whole) - len(short)
        yield Line(f"{many(more, 'line')} more that say the like: --all, --json, --html", "dim")
    yield from (Line(text, "yellow", "NOT_RUN") for text in once(not_run(report)))
    yield from (Line(text, "dim", "note") for text in report.notes)
    yield from (Line(f"wrote {text}") for text in _pending(report, every))
    if report.pending:
        folder, golden = report.asked.folder, report.asked.golden
        yield Line(f"look at it: mobilecat golden review {folder} --golden {golden}")


def _of_change(changed: Changed) -> Iterator[Line]:
    yield Line(f"  {changed.what}.")
    for step in changed.steps:
        yield Line(f"  {step.words}:")
        yield from (Line(f"      {command}") for command in step.commands)


def _pending(report: Report, every: bool) -> list[str]:
    paths = [str(path) for path in report.pending]
    if every or len(paths) <= MOST_ALIKE:
        return paths
    folders = {path.parent for path in report.pending}
    where = f"{len(folders)} folders of {next(iter(folders)).parent}"
    return [f"{len(paths)} pending results into {where if len(folders) > 1 else folders.pop()}"]


def once(lines: Sequence[str]) -> list[str]:
    """Return each reason once, behind all that it kept from running."""
    of: dict[str, list[str]] = {}
    for line in lines:
        what, _, why = line.partition(": ")
        of.setdefault(why, []).append(what)
    return [f"{', '.join(names)}: {why}" for why, names in of.items()]


def _table(first: str, numbers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    columns = [Column(first, "text"), *map(Column, numbers), Column("verdict", "word")]
    return Table(columns, rows)


def _golden_table(report: Report) -> Table:
    rows = []
    for lane in report.lanes:
        checks = report.of(lane.lane.name)
        cases = {r.case for r in report.results if r.lane == lane.lane.name and _compared(r.check)}
        rows.append(
            [
                lane.lane.name,
                f"{len(cases)}/{len(report.cases)}",
                *(_worst(checks, "detections", n) for n in ("boxes", "landmarks", "scores")),
                _largest([c.max_rel for c in checks if c.stage == "raw"]),
                _closing(report, lane),
            ]
        )
    return _table("lane", ["cases", "box px", "pts px", "score", "raw rel"], rows)


def _closing(report: Report, lane: LaneReport) -> str:
    fault = report.first_fault(lane.lane)
    return report.on_goldens(lane.lane) + (f" {fault}" if fault else "")


def _compared(check: Check) -> bool:
    return check.against == "golden" and check.verdict != "NOT_RUN"


def _worst(checks: Sequence[Check], stage: str, name: str) -> str:
    """Return the largest difference from the goldens; what a file without its rounding gives is no
    column of theirs."""
    mine = (c for c in checks if c.against == "golden")
    return _largest([c.value for c in mine if c.stage == stage and c.name == name])


def _largest(values: Sequence[float | None]) -> str:
    return amount(max((v for v in values if v is not None), default=None))


def _random_table(report: Report) -> Table:
    made = []
    for name in dict.fromkeys(r.lane.name for r in report.random):
        rows = [r for r in report.random if r.lane.name == name]
        verdicts = {r.verdict for r in rows}
        ran = [r for r in rows if r.verdict != "NOT_RUN"]
        made.append(
            [
                name,
                f"{len(ran)}/{len(rows)}",
                _largest([r.max_abs for r in rows]),
                _largest([r.value for r in rows]),
                _largest([r.limit for r in rows]),
                next(v for v in ("FAIL", "PASS", "NOT_RUN") if v in verdicts),
            ]
        )
    return _table("on random inputs", ["outputs", "max_abs", "relative", "limit"], made)


def verdict_sentence(report: Report) -> str:
    """Return the verdict, and how much was done for it, in one line."""
    name, lanes = report.bundle.name, report.lanes
    ran = [r for r in lanes if report.verdict(r.lane) != "NOT_RUN"]
    checked = sum(r.check.verdict != "NOT_RUN" for r in report.results) + len(
        [r for r in report.random if r.verdict != "NOT_RUN"]
    )
    did = f"{len(ran)} of {many(len(lanes), 'lane')} ran"
    if report.asked.golden_asked:
        did += f", {many(len(report.cases), 'golden case')}{_empty(report)}"
    if report.asked.random:
        did += f", {many(report.asked.random, 'random input')}"
    did += f", {many(checked, 'check')}"
    if wider := widened((r.lane, r.limits) for r in lanes):
        did += f". Limits of the spec's own: {', '.join(wider)}"
    if report.source_rounds:
        did += f". {source_rounds(report)}"
    if report.held:
        looked = {r.lane.artifact.file for r in lanes if r.lane.artifact}
        left = [a.file for a in report.bundle.artifacts if a.file not in looked]
        besides = f" Not looked at: {', '.join(left)}." if left else ""
        what = "gives what it should"
        if report.warnings:
            what = "gives what its model gives, but the goldens look wrong"
        return f"HELD: {name} {what}. {did}.{besides}"
    bad = len(report.failed) + sum(r.verdict == "FAIL" for r in report.random)
    why = f"{many(bad, 'check')} failed" if bad else "not everything asked for was compared"
    return f"FELL SHORT: {name}: {why}. {did}."


def source_rounds(report: Report) -> str:
    """Say how far artifacts are from a source whose engine rounds what they do not."""
    off = [
        r.check.value
        for r in report.results
        if r.check.against == "golden" and r.check.stage == "detections" and r.check.name == "boxes"
    ]
    far = max((v for v in off if v is not None), default=0.0)
    image = report.bundle.spec.input
    size = "model" if image is None else "{}×{}".format(*image.size)
    moved = (
        f"; boxes are up to {amount(far)} px of the {size} input from its results" if far else ""
    )
    return f"The source rounds its values, the artifacts do not{moved}"


def _empty(report: Report) -> str:
    """Say how many goldens hold no box."""
    if not report.empty:
        return ""
    every = len(report.empty) == len(report.cases)
    return (
        " (nothing is detected on any: no box was held)"
        if every
        else (f" (nothing is detected on {len(report.empty)} of them)")
    )


def many(count: int, noun: str) -> str:
    """Return `1 check`, `2 checks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def follow_words(report: Report, count: int) -> str:
    """Say that so many failing checks follow from a change that is told; "" where none but the
    goldens' contract fails."""
    if not count or not source_is_off(report):
        return ""
    of = len(report.failed)
    what = f"All {count} failed checks follow" if count == of else f"{count} of {of} follow"
    return f"{what} from that: the source model itself differs from what was approved."


def failures(report: Report, told: Sequence[Result] | None = None) -> list[str]:
    """Return a sentence for each failing check; one for several cases that say the same.

    told: these checks alone."""
    cases: dict[str, list[str]] = {}
    for r in report.failed if told is None else told:
        cases.setdefault(_sentence(r), []).append(r.case if r.lane else "")
    lines = [
        text.replace(_CASES, ", ".join(c for c in found if c)) for text, found in cases.items()
    ]
    return lines + [random_sentence(r) for r in report.random if r.verdict == "FAIL"]


def summed_up(report: Report, told: Sequence[Result]) -> list[str]:
    """Return a sentence for failing checks that are alike, where `failures` has one for each."""
    bad = [r for r in report.random if r.verdict == "FAIL"]
    return [
        *grouped(told, report, lambda r: _sentence(r).replace(_CASES, r.case)),
        *grouped_random(bad, random_sentence),
    ]


_CASES = "\0"


def _sentence(result: Result) -> str:
    c = result.check
    place = f"{result.lane}, {_CASES}: " if result.case and result.lane else ""
    place = place or (f"{result.lane}: " if result.lane else "")
    against = f" against the {c.against}" if c.against else ""
    return f"{place}{c.stage} {called(c)}{against}: {measured(c)}"


def random_sentence(row: RandomRow) -> str:
    rel = f"{row.value:.4g}, limit {row.limit:.4g}. " if row.value is not None else ""
    return f"{row.lane.name}, random inputs: output {row.output}: {rel}{row.detail}"


def not_run(report: Report) -> list[str]:
    """Return a line for each reason, naming all that it kept from running."""
    names: dict[tuple[str, str], list[str]] = {}
    for r in report.not_run:
        what = f"{r.check.name}" if r.lane != r.check.name else ""
        names.setdefault((r.lane, r.check.detail), []).append(what)
    unloaded = {r.lane.name for r in report.lanes if r.unloaded}
    for asked in report.lanes:
        if why := report.why_not_run(asked):
            names.setdefault((asked.lane.name, why), [])
    for row in report.random:
        if row.verdict == "NOT_RUN" and row.lane.name not in unloaded:
            names.setdefault((row.lane.name, row.detail), []).append(row.output)
    lines = []
    for (lane, reason), found in names.items():
        listed = ", ".join(dict.fromkeys(n for n in found if n))
        what = f"{lane} ({listed})" if lane and listed else lane or listed
        lines.append(f"{what}: {reason}")
    return lines


def amount(value: float | None) -> str:
    """Return a measured number in two digits, `–` for none."""
    if value is None:
        return "–"
    return f"{value:.2g}" if value >= 1e-3 or value == 0 else f"{value:.0e}"
