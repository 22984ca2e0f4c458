"""Why goldens are no longer met, where it is no artifact: the bundle or the model has changed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.compare.compare import NO_LIMIT
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.compile.copies import AppCopy, doubtful_words, options, stale_words
from mobilecat.errors import MobileCatError
from mobilecat.golden.inventory import AGAIN, OTHER_CONTRACT
from mobilecat.golden.store import (
    APPROVED,
    case_folders,
    read_case_file,
    read_result,
    result_path,
)
from mobilecat.judge.engines import SOURCE
from mobilecat.judge.report import LaneReport, Report, Result

_SPEC, _BUNDLE = "mobilecat.toml", "bundle"
_LISTED = 3
_COPIES = " (with --ios or --android as before: those folders hold copies)"
"""Where no export is remembered that wrote into an app."""
_FLOW = ("input", "raw", "candidates", "detections")
"""Each stage is made of the one before."""
_DRAWN = ".png"
"""What `golden review` draws beside them, which a pattern would take too."""


@dataclass(frozen=True)
class Step:
    """Something to do, in words, and the commands that do it, in this order."""

    words: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Changed:
    """what: has changed, with both values where they are known. steps: one or the other helps.
    known: whether the goldens' contract says what it is."""

    what: str
    steps: tuple[Step, ...]
    known: bool


def what_changed(report: Report) -> Changed | None:
    """Return what has changed since the goldens were approved; None where nothing is seen to have.

    It is seen where the goldens' contract is another than the bundle's, and where the source model
    itself no longer gives what was approved.
    """
    said: dict[str, int] = {}
    for r in report.failed:
        if not r.lane and r.check.detail.startswith(OTHER_CONTRACT):
            key = r.check.detail.removeprefix(OTHER_CONTRACT).removesuffix(AGAIN)
            said[key] = said.get(key, 0) + 1
    off = source_is_off(report)
    if not said and not off:
        return None
    if not said and (lanes := _of_lanes(report)):
        return _approved_of_lanes(report, lanes)
    copies = "" if report.apps else _COPIES
    count = sum(said.values())
    goldens = f"{count} of {len(report.cases)} goldens" if len(report.cases) > 1 else "the golden"
    were = "was" if count == 1 else "were"
    if said:
        what = f"The bundle is another than {goldens} {were} approved for: {'; '.join(said)}"
        back = f"If that is not meant, take it back in {{spec}} and export again{copies}"
    else:
        what = (
            "The model itself no longer gives what was approved: what it is given, or the model, "
            "has changed since"
        )
        back = f"If that is not meant, take the change back and export again{copies}"
    spec = report.bundle.spec_file or _SPEC
    steps = [Step(back.format(spec=spec), tuple(_exports(report, report.apps)))]
    words = "If it is meant, record the goldens again, look at them, and approve them"
    if (again := _record(report, words, report.cases)) is not None:
        steps.append(again)
    return Changed(what, tuple(steps), bool(said))


def _of_lanes(report: Report) -> dict[str, str]:
    """Return by case whose result was approved, where the source misses goldens that a lane gave;
    {} where it misses another one too."""
    golden, found = report.asked.golden, dict[str, str]()
    if golden is None:
        return {}
    missed = {
        r.case for r in report.failed if r.lane == SOURCE.name and r.check.against == "golden"
    }
    for case in sorted(missed):
        try:
            path = result_path(golden / report.bundle.name / case, APPROVED)
            found[case] = read_result(path).made.lane
        except (MobileCatError, OSError):
            return {}
    return found if SOURCE.name not in found.values() else {}


def _approved_of_lanes(report: Report, lanes: Mapping[str, str]) -> Changed:
    cases = ", ".join([*lanes][:_LISTED])
    cases += f" and {len(lanes) - _LISTED} more" if len(lanes) > _LISTED else ""
    whose = ", ".join(dict.fromkeys(lanes.values()))
    what = (
        f"Approved for {cases} is what {whose} gave, not what the model gives: so the model itself "
        "cannot meet it"
    )
    words = "Record what the model gives, look at it, and approve that"
    again = _record(report, words, lanes)
    return Changed(what, () if again is None else (again,), False)


def source_is_off(report: Report) -> bool:
    """Return whether the source model itself gives something else than was approved."""
    return any(r.lane == SOURCE.name and r.check.against == "golden" for r in report.failed)


def follows_the_source(report: Report, lane: LaneReport) -> bool:
    """Return whether all that fails of a lane fails against goldens that the source does not meet
    either, so that nothing says that the file is wrong.

    What it fails in must be a stage in which the source fails on that very picture, or a later one;
    against the source itself, values that are too large for any limit (`NO_LIMIT`).
    Where the source is no lane of the report: whether what fails first is as the source has it.
    """
    checks = report.of(lane.lane.name)
    bad = [c for c in checks if c.verdict == "FAIL"]
    random = any(r.lane == lane.lane and r.verdict == "FAIL" for r in report.random)
    if not bad or random:
        return False
    if any(r.lane.name == SOURCE.name and not r.unloaded for r in report.lanes):
        mine = [r for r in report.failed if r.lane == lane.lane.name]
        return source_is_off(report) and _as_the_source(report, mine)
    first = report.first_fault(lane.lane)
    like = (c for c in checks if c.stage == first and c.against in ("source", STRUCTURE))
    return all(c.against == "golden" for c in bad) and any(c.verdict == "PASS" for c in like)


def _as_the_source(report: Report, failed: Sequence[Result]) -> bool:
    """Return whether the source fails wherever one lane does. failed: of that lane."""
    source = [r for r in report.failed if r.lane == SOURCE.name]
    stages: dict[str, set[str]] = {}
    for r in source:
        stages.setdefault(r.case, set()).add(r.check.stage)
    same = {(r.case, r.check.stage, r.check.name, r.check.against) for r in source}
    untold = {r.case for r in failed if NO_LIMIT in r.check.detail}

    def follows(r: Result) -> bool:
        c = r.check
        if (r.case, c.stage, c.name, c.against) in same:
            return True
        if c.against in ("source", STRUCTURE):
            return r.case in untold and r.case in stages
        before = _FLOW[: _FLOW.index(c.stage) + 1] if c.stage in _FLOW else ()
        return c.against == "golden" and bool(stages.get(r.case, set()) & set(before))

    return all(map(follows, failed))


def followers_of(report: Report) -> list[str]:
    """Return the lanes that fail as the source does (`follows_the_source`), without it."""
    names = [r.lane.name for r in report.lanes if follows_the_source(report, r)]
    return [name for name in names if name != SOURCE.name]


def not_following(report: Report) -> list[Result]:
    """Return the failing checks that do not follow from what has changed: of lanes that are off
    by themselves, and of goldens but for their contract."""
    follow = {SOURCE.name, *followers_of(report)}
    return [
        r
        for r in report.failed
        if not (r.lane in follow or (not r.lane and r.check.detail.startswith(OTHER_CONTRACT)))
    ]


def stale_apps(report: Report) -> Step | None:
    """Return which folders of apps hold another export than the bundle; None where none does. With
    the commands that mend it where nothing has to be taken back first."""
    old = [a for a in report.apps if a.stale]
    if not old:
        return None
    if not report.held:  # then it is not this bundle that the apps should have
        return Step(doubtful_words(report.apps), ())
    return Step(stale_words(old), tuple(_exports(report, old)))


def _exports(report: Report, apps: Sequence[AppCopy]) -> list[str]:
    """Return the commands that export the bundle's spec again, into these folders of apps too."""
    bundle, folder = report.bundle, report.asked.folder
    path = folder.parent / (bundle.spec_file or _SPEC)
    words = ["mobilecat", "export", *([] if str(path) == _SPEC else [str(path)])]
    words += [] if folder.name == _BUNDLE else ["-o", str(folder)]
    words += ["--targets", ",".join(bundle.asked)] if bundle.asked else []
    return [shlex.join([*words, *more]) for more in options(apps) or [[]]]


def _record(report: Report, words: str, cases: Collection[str]) -> Step | None:
    """Return how goldens are recorded again, from the inputs that lie with them."""
    golden = report.asked.golden
    if golden is None:
        return None
    folder, beside = shlex.quote(str(report.asked.folder)), shlex.quote(str(golden))
    inputs: list[Path] = []
    more = ""
    for home in case_folders(golden, report.bundle):
        if home.name not in cases:
            continue
        try:
            case = read_case_file(home)
        except MobileCatError:
            return None
        path = home / case.input.file
        if case.kind == "clip" or path.stem != home.name:  # such are recorded one by one
            words = words.replace("record the goldens again", "record each golden again like this")
            more = f" --case {shlex.quote(home.name)}"
            inputs = [path]
            break
        inputs.append(path)
    every = len(inputs) == len(report.cases)
    named = _named(inputs, golden / report.bundle.name if every else golden)
    named = f"--clip {named} --every {case.every}" if more and case.kind == "clip" else named
    of = f"{folder} --golden {beside}"
    return Step(
        words,
        (
            f"mobilecat golden record {folder} {named} --golden {beside}{more}",
            f"mobilecat golden review {of} --html review.html",
            f"mobilecat golden approve {of} --all",
        ),
    )


def _named(inputs: Sequence[Path], home: Path) -> str:
    """Return the pictures as a shell takes them: a pattern where they are many and it gives just
    these."""
    kinds = {p.suffix for p in inputs}
    own = all(p.parent.parent == home for p in inputs)
    if len(inputs) <= _LISTED or not own or _DRAWN in kinds:
        return shlex.join(map(str, inputs))
    return " ".join(f"{shlex.quote(str(home))}/*/*{kind}" for kind in sorted(kinds))
