"""Record, list, review, approve: the only way from a result to a golden.

`record` and a failing `validate` write pending files; `approve` alone turns one into approved.json,
in one rename. None of them writes anything where CI is set.
"""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import Limits, limits_of
from mobilecat.disk import sha256_of, write_text
from mobilecat.errors import MobileCatError, Problem
from mobilecat.golden.inventory import announce, confirm, faults, read_index
from mobilecat.golden.store import (
    APPROVED,
    PENDING,
    Approval,
    Expected,
    case_folders,
    read_case,
    read_case_file,
    read_result,
    remove_pending,
    require_golden_folder,
    require_writable,
    result_path,
)
from mobilecat.golden.terms import other_file, other_meaning, other_terms
from mobilecat.judge.doubts import doubts_of, nothing_in
from mobilecat.judge.judge import judge_expected
from mobilecat.judge.result import differences, now
from mobilecat.lanes import Lane, lanes_of
from mobilecat.review.record import record

__all__ = [
    "CaseState", "Pending", "approve", "base_of", "list_cases", "pendings", "record",
]  # fmt: skip


@dataclass(frozen=True)
class Pending:
    """A result that waits. lane: "" where it was recorded; else what a validation saw there.

    whole: its classes are of the picture as a whole.
    stale: the approved result it was compared with has changed since. other: how the bundle that
    gave it differs from this one, where its numbers mean something else or another file gave them;
    "" where neither is.
    checks: new against approved,
    empty where nothing is approved yet. doubts: what no detector gives, a sentence each. nothing:
    how near the best candidate comes, where there is no detection. changed: how the contract that
    the approved result is for differs from the bundle's, key by key.
    """

    case: str
    folder: Path
    lane: str
    path: Path
    found: Expected
    stale: bool
    checks: tuple[Check, ...]
    whole: bool = False
    doubts: tuple[str, ...] = ()
    nothing: str = ""
    other: str = ""
    changed: tuple[str, ...] = ()

    @property
    def useless(self) -> bool:
        """Whether it cannot be approved: it is of another bundle, or of a golden that changed."""
        return self.stale or bool(self.other)

    @property
    def size(self) -> float:
        """The largest difference, in limits; inf for what has no number; 0 for a new case."""
        over = [
            c.value / c.limit if c.value is not None and c.limit else float("inf")
            for c in self.checks
            if c.verdict == "FAIL"
        ]
        return max(over, default=0.0)


@dataclass(frozen=True)
class CaseState:
    """One line of `golden list`."""

    case: str
    state: str
    pending: tuple[Path, ...]
    problems: tuple[str, ...]


def list_cases(folder: Path, golden_dir: Path) -> list[CaseState]:
    """Return every case of the bundle with its state: approved, pending, both, or broken."""
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    states = []
    index = read_index(golden_dir / bundle.name)
    listed = faults(index, golden_dir, bundle) if index else {}
    for home in case_folders(golden_dir, bundle):
        case, problems = read_case(home, bundle, folder)
        problems += listed.pop(home.name, [])
        waiting = tuple(sorted(home.glob(f"{PENDING}*.json")))
        words = ["approved"] if case is not None else []
        words += ["pending"] if waiting else []
        unapproved = not (home / f"{APPROVED}.json").is_file()
        if problems and not (unapproved and len(problems) == 1 and waiting):
            words.append("broken")
        states.append(CaseState(home.name, " + ".join(words), waiting, tuple(problems)))
    gone = [CaseState(name, "gone", (), tuple(said)) for name, said in listed.items()]
    return states + gone


def pendings(folder: Path, golden_dir: Path, case: str | None = None) -> list[Pending]:
    """Return every pending result of the bundle, or of one case, largest difference first, new
    cases last."""
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    changed = changes_of(golden_dir, bundle)
    found = [
        _pending(bundle, home, path, changed.get(home.name, ()))
        for home in case_folders(golden_dir, bundle)
        if case in (None, home.name)
        for path in sorted(home.glob(f"{PENDING}*.json"))
    ]
    return sorted(found, key=lambda p: (-p.size, p.case, p.lane))


def changes_of(golden_dir: Path, bundle: Bundle) -> dict[str, tuple[str, ...]]:
    """Return by case how the contract that it was approved for differs from the bundle's."""
    try:
        index = read_index(golden_dir / bundle.name)
    except MobileCatError:
        return {}  # `golden list` says so
    if index is None:
        return {}
    words = {key: tuple(other_terms(terms, bundle)) for key, terms in index.terms.items()}
    return {name: words.get(entry.terms or "", ()) for name, entry in index.cases.items()}


def _pending(bundle: Bundle, home: Path, path: Path, changed: tuple[str, ...] = ()) -> Pending:
    new = read_result(path)
    lane = path.stem.removeprefix(PENDING).removeprefix("-").replace("@", ":")
    base = base_of(home, lane)
    stale = new.against != (sha256_of(base) if base else None)
    checks: Sequence[Check] = ()
    if base is not None:
        checks = judge_expected(bundle, read_result(base), new, _limits(bundle, new))
    whole = bundle.spec.head.whole_picture
    other = other_meaning(new, bundle) or other_file(new, bundle)
    # What is of another bundle is not to be doubted by this one's spec.
    doubts = () if other else tuple(doubts_of(bundle, new))
    told = whole, doubts, nothing_in(bundle, new), other, changed if base is not None else ()
    return Pending(home.name, home, lane, path, new, stale, tuple(checks), *told)


def base_of(home: Path, lane: str) -> Path | None:
    """Return the approved file that a pending result is judged against."""
    own = result_path(home, APPROVED, lane or None)
    plain = result_path(home, APPROVED)
    return own if own.is_file() else plain if plain.is_file() else None


def _limits(bundle: Bundle, found: Expected) -> Limits:
    """Return the limits of the lane that gave the result; the source's where it is gone since."""
    lanes = {lane.name: lane for lane in lanes_of(bundle)}
    return limits_of(lanes.get(found.made.lane, Lane("source")), bundle)


def approve(
    folder: Path,
    golden_dir: Path,
    cases: Sequence[str] = (),
    *,
    every: bool = False,
    lane: str | None = None,
    variant: bool = False,
    reason: str = "",
    by: str | None = None,
) -> list[Path]:
    """Turn pending results into approved ones, each in one rename; return the files written.

    lane: take what this lane gave in the last validation, not what was recorded; with `variant` it
    is approved for that lane alone. Errors: MobileCatError naming every case that cannot be
    approved; then nothing is written.
    """
    require_writable()
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    homes = {p.name: p for p in case_folders(golden_dir, bundle)}
    if every:
        cases = [n for n, p in homes.items() if _chosen(p, lane).is_file()]
    problems = _refusals(bundle, homes, cases, lane, variant)
    if not cases and (waiting := _of_lanes(folder, golden_dir, homes)):
        problems = [waiting]
    if problems:
        raise MobileCatError("Nothing was approved", problems)
    who = by or _user()
    return [_approve(golden_dir, bundle, homes[n], lane, variant, reason, who) for n in cases]


def _chosen(home: Path, lane: str | None) -> Path:
    return result_path(home, PENDING, lane)


def _refusals(
    bundle: Bundle, homes: dict[str, Path], cases: Sequence[str], lane: str | None, variant: bool
) -> list[Problem]:
    if not cases:
        return [Problem("no case has a pending result", fix="record one, or name a --lane")]
    if variant and lane is None:
        return [Problem("a variant is of one lane", "--variant", "name it: --lane LANE")]
    if lane is not None and lane not in (known := [x.name for x in lanes_of(bundle)]):
        return [Problem(f"{lane!r} is no lane", "--lane", f"one of {', '.join(known)}")]
    found = [_refusal(bundle, homes, n, lane) for n in dict.fromkeys(cases)]
    return [p for p in found if p is not None]


def _of_lanes(folder: Path, golden: Path, homes: dict[str, Path]) -> Problem | None:
    """Say that what waits was given by lanes in a validation, and what approves or removes it."""
    found = [p for home in homes.values() for p in home.glob(f"{PENDING}-*.json")]
    if not found:
        return None
    lanes = sorted({p.stem.removeprefix(f"{PENDING}-").replace("@", ":") for p in found})
    many = "1 pending result is" if len(found) == 1 else f"{len(found)} pending results are"
    of = f"{shlex.quote(str(folder))} --golden {shlex.quote(str(golden))}"
    where = lanes[0] if len(lanes) == 1 else "LANE"
    return Problem(
        f"no case has a pending result that was recorded; {many} there that "
        f"lanes gave in a validation: {', '.join(lanes)}",
        fix=f"approve a lane's: mobilecat golden approve {of} --all --lane {where}; remove what is "
        f"of another bundle: mobilecat golden review {of} --clean; or record the pictures again",
    )


def _refusal(bundle: Bundle, homes: dict[str, Path], name: str, lane: str | None) -> Problem | None:
    if name not in homes:
        return Problem("there is no such case", name, f"there are {', '.join(homes) or 'none'}")
    path = _chosen(homes[name], lane)
    if not path.is_file():
        other = [p.name for p in sorted(homes[name].glob(f"{PENDING}-*.json"))]
        hint = f"choose with --lane: {', '.join(other)}" if other else "record it first"
        return Problem(f"has no {path.name}", name, hint)
    try:
        pending = _pending(bundle, homes[name], path)
        record = read_case_file(homes[name])
    except MobileCatError as e:
        return e.problems[0] if e.problems else Problem(e.summary, name)
    if pending.stale:
        fix = "validate or record again, and look at the difference"
        return Problem("the approved result has changed since this one was compared", name, fix)
    if pending.other:
        of = f" ({pending.found.bundle})" if pending.found.bundle else ""
        what = f"what waits is of another bundle{of}: {pending.other}"
        again = f"record it again: mobilecat golden record {homes[name] / record.input.file}"
        again += f" --case {name}"
        if lane is not None:
            again = "validate again, which writes what this bundle's lane gives (golden review "
            again += "--clean takes this one away)"
        return Problem(what, name, f"{again}, and look at it")
    source = homes[name] / record.input.file
    intact = source.is_file() and sha256_of(source) == record.input.sha256
    if record.boxes is not None:
        given = homes[name] / record.boxes.file
        intact = intact and given.is_file() and sha256_of(given) == record.boxes.sha256
    if not intact or pending.found.input_sha256 != record.sha256:
        return Problem("its input file is missing or another than was recorded", name)
    return None


def _approve(
    root: Path, bundle: Bundle, home: Path, lane: str | None, variant: bool, reason: str, by: str
) -> Path:
    path = _chosen(home, lane)
    pending = _pending(bundle, home, path)
    target = result_path(home, APPROVED, lane if variant else None)
    approval = Approval(
        by=by,
        at=now(),
        reason=reason,
        replaces=sha256_of(target) if target.is_file() else None,
        difference=differences(pending.checks),
    )
    update: dict[str, object] = {"approved": approval, "against": None, "differs": ()}
    update |= {"terms": {}, "values": {}, "bundle": ""}
    approved = pending.found.model_copy(update=update).sealed()
    announce(root, bundle, home.name, target.stem, approved.seal or "")
    write_text(target, approved.to_json(), approves=True)
    confirm(root, bundle, home.name)
    # Killed here, the pending file stays behind, stale: `approve` refuses it, `review` says so.
    remove_pending(path)
    return target


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
