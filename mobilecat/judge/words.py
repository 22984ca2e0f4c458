"""A report in sentences: its verdict, what failed, what did not run."""

from __future__ import annotations

from mobilecat.judge.report import RandomRow, Report, Result


def verdict_sentence(report: Report) -> str:
    """Return the verdict, and how much was done for it, in one line."""
    name, lanes = report.bundle.name, report.lanes
    ran = [r for r in lanes if report.verdict(r.lane) != "NOT_RUN"]
    checked = sum(r.check.verdict != "NOT_RUN" for r in report.results) + len(
        [r for r in report.random if r.verdict != "NOT_RUN"]
    )
    did = f"{len(ran)} of {many(len(lanes), 'lane')} ran"
    if report.asked.golden_asked:
        did += f", {many(len(report.cases), 'golden case')}"
    if report.asked.random:
        did += f", {many(report.asked.random, 'random input')}"
    did += f", {many(checked, 'check')}"
    if report.held:
        return f"HELD: {name} gives what it should. {did}."
    bad = len(report.failed) + sum(r.verdict == "FAIL" for r in report.random)
    why = f"{many(bad, 'check')} failed" if bad else "not everything asked for was compared"
    return f"FELL SHORT: {name}: {why}. {did}."


def many(count: int, noun: str) -> str:
    """Return `1 check`, `2 checks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def failures(report: Report) -> list[str]:
    """Return a sentence for each failing check; one for several cases that say the same."""
    cases: dict[str, list[str]] = {}
    for r in report.failed:
        cases.setdefault(_sentence(r), []).append(r.case if r.lane else "")
    lines = [
        text.replace(_CASES, ", ".join(c for c in found if c)) for text, found in cases.items()
    ]
    return lines + [random_sentence(r) for r in report.random if r.verdict == "FAIL"]


_CASES = "\0"


def _sentence(result: Result) -> str:
    c = result.check
    place = f"{result.lane}, {_CASES}: " if result.case and result.lane else ""
    place = place or (f"{result.lane}: " if result.lane else "")
    against = f" against the {c.against}" if c.against else ""
    amount = f"{c.value:.4g}, limit {c.limit:.4g}. " if c.value is not None and c.limit else ""
    return f"{place}{c.stage} {c.name}{against}: {amount}{c.detail}"


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
