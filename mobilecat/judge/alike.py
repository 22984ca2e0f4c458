"""Failing checks, so many as they are, in few lines: what they have in common, and the worst."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mobilecat.compare.compare import Check
from mobilecat.golden.inventory import OTHER_CONTRACT
from mobilecat.golden.store import Difference
from mobilecat.judge.report import RandomRow, Report, Result

MOST_ALIKE = 2
"""So many lines that say the like are shown each by itself."""
_LANES_NAMED = 3
Said = Callable[[Result], str]


def where_it_began(report: Report, of: Collection[str]) -> list[str]:
    """Say of each lane that fell short where it did first, lanes that did alike in one sentence.

    of: the names of lanes that are spoken of.
    """
    began: dict[str, list[str]] = {}
    for lane in report.lanes:
        if lane.lane.name in of and (fault := report.first_fault(lane.lane)) is not None:
            began.setdefault(fault, []).append(lane.lane.name)
    own = [r for r in report.failed if not r.lane]  # `what_changed` tells of other contracts
    said = [_of_goldens([r for r in own if not r.check.detail.startswith(OTHER_CONTRACT)])]
    for stage, names in began.items():
        mine = [r for r in report.failed if r.lane in names]
        cases = {r.case for r in mine if r.case}
        on = f" on {_some(len(cases), len(report.cases), 'golden')}" if cases else ""
        first = next((called(r.check) for r in mine if r.check.stage == stage), "")
        whose = _lanes(report, names)
        count = len(mine) + sum(r.lane.name in names and r.verdict == "FAIL" for r in report.random)
        checks = f"{count} check{'s' if count > 1 else ''}"
        place = f"{stage} {first}".strip()
        said.append(f"{whose}: {checks} failed{on}, the first of them {place}")
    return [text for text in said if text]


def grouped(results: Sequence[Result], report: Report, said: Said) -> list[str]:
    """Return a sentence for each group of failing checks that are alike: of one stage, name and
    reference, whatever the lane and case. The worst of them speaks for it."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for r in results:
        groups.setdefault(_kind(r), []).append(r)
    lines: list[str] = []
    for (stage, name, against, *_), found in groups.items():
        if len(found) <= MOST_ALIKE:
            lines += [said(r) for r in found]
            continue
        worst = max(found, key=lambda r: _used(r.check.value, r.check.limit))
        to = f" against the {against}" if against else ""
        where = f"the worst: {worst.lane}, {worst.case}: " if worst.lane and worst.case else ""
        what = called(worst.check) if worst.lane else name
        at = _places(found, report)
        lines.append(f"{f'{stage} {what}'.strip()}{to}, {at}: {where}{measured(worst.check)}")
    return lines


def grouped_random(rows: Sequence[RandomRow], said: Callable[[RandomRow], str]) -> list[str]:
    """Return a sentence for each lane with several outputs that fell short on random inputs."""
    lanes: dict[str, list[RandomRow]] = {}
    for row in rows:
        lanes.setdefault(row.lane.name, []).append(row)
    lines: list[str] = []
    for name, found in lanes.items():
        if len(found) <= MOST_ALIKE:
            lines += map(said, found)
            continue
        worst = max(found, key=lambda r: _used(r.value, r.limit))
        lines.append(f"{name}, random inputs: {len(found)} outputs; the worst: {said(worst)}")
    return lines


def _of_goldens(found: Sequence[Result]) -> str:
    if not found:
        return ""
    names = ", ".join(dict.fromkeys(" ".join(_kind(r)[:2]).strip() for r in found))
    return f"the goldens themselves: {len(found)} check{'s' * (len(found) > 1)} failed ({names})"


def called(check: Check | Difference) -> str:
    """Return what a check is called in words. `count` fails where boxes are others, too."""
    return (
        "missing or extra" if (check.stage, check.name) == ("detections", "count") else check.name
    )


def measured(check: Check) -> str:
    """Return what a failing check measured, its limit, and what it says besides."""
    value, limit = check.value, check.limit
    amount = f"{value:.4g}, limit {limit:.4g}. " if value is not None and limit else ""
    return f"{amount}{check.detail}"


def _kind(result: Result) -> tuple[str, ...]:
    """Return what a check is of; one of goldens has the case in its name."""
    c = result.check
    if result.lane:
        return c.stage, c.name, c.against
    name = "" if c.stage == "golden" else c.name.partition(" of ")[0]  # else it is a case's
    return c.stage, name, "", c.detail


def _places(found: Sequence[Result], report: Report) -> str:
    names = list(dict.fromkeys(r.lane for r in found if r.lane))
    cases = len({r.case for r in found if r.case})
    parts = [_lanes(report, names)] if names else []
    parts += [_some(cases, len(report.cases), "golden")] if cases else []
    return " on ".join(parts) or f"{len(found)} times"


def _lanes(report: Report, names: Sequence[str]) -> str:
    ran = [r.lane.name for r in report.lanes if report.verdict(r.lane) != "NOT_RUN"]
    if len(names) > 1 and set(names) >= set(ran):
        return f"all {len(names)} lanes that ran"
    shown = ", ".join(names[:_LANES_NAMED])
    more = len(names) - _LANES_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _some(count: int, of: int, noun: str) -> str:
    if count > of:  # goldens that cannot be compared at all
        return f"{count} {noun}s"
    if of <= 1:
        return f"the {noun}"
    return f"all {of} {noun}s" if count == of else f"{count} of {of} {noun}s"


def _used(value: float | None, limit: float | None) -> float:
    """Return how far beyond its limit a value is; one that no number says is beyond every other."""
    if value is None or value != value:
        return float("inf")
    return value / limit if limit else value
