"""Record, list, review, approve: the only way from a result to a golden.

`record` and a failing `validate` write pending files; `approve` alone turns one into approved.json,
in one rename. None of them writes anything where CI is set.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import Limits, limits_of
from mobilecat.disk import new_folder, sha256_of, write_text
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.golden.inventory import announce, confirm, faults, is_vouched, read_index
from mobilecat.golden.store import (
    APPROVED,
    BOXES,
    CASE,
    PENDING,
    Approval,
    CaseFile,
    Expected,
    InputFile,
    case_folders,
    input_sha256,
    may_write,
    read_case,
    read_case_file,
    read_result,
    require_golden_folder,
    result_path,
)
from mobilecat.judge.contract import check_contract
from mobilecat.judge.judge import judge_expected
from mobilecat.judge.observe import Inputs, Observed, Opener, load_inputs, observe, open_engine
from mobilecat.judge.result import differences, expected_from, now
from mobilecat.judge.rounding import ROUNDINGS, Shaker, moves_of
from mobilecat.lanes import Lane, lanes_of, open_lane
from mobilecat.value import safe_name, unsafe_name


@dataclass(frozen=True)
class Pending:
    """A result that waits. lane: "" where it was recorded; else what a validation saw there.

    stale: the approved result it was compared with has changed since. checks: new against approved,
    empty where nothing is approved yet.
    """

    case: str
    folder: Path
    lane: str
    path: Path
    found: Expected
    stale: bool
    checks: tuple[Check, ...]

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


def record(
    folder: Path,
    golden_dir: Path,
    inputs: Path,
    *,
    case: str | None = None,
    lane: str = "source",
    link: bool = False,
    boxes: Path | None = None,
    source: Path | None = None,
    opener: Opener = open_lane,
    shaker: Shaker | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """Run one lane on a picture (or .npz) and write what it gives as pending.json; return its path.

    None where the case's approved result is the same already. link: leave the input where it lies
    and refer to it. boxes: of a cascade whose boxes come from elsewhere. shaker: the bundle's,
    where it is open already.
    Errors: MobileCatError where the lane cannot run, breaks its contract, or the case has another
    input already.
    """
    _require_writable()
    bundle = open_any(folder)
    if golden_dir.exists():
        require_golden_folder(golden_dir)
    name = case or _case_name(inputs)
    if (why := unsafe_name(name)) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise MobileCatError(
            "This is no name for a case",
            [Problem(f"{name!r} {why}".rstrip(), "--case", "letters, digits, - _ and . only")],
        )
    chosen = find_lane(bundle, lane)
    taken = load_inputs(inputs, bundle, boxes)
    progress(f"{name}: {chosen.name}")
    found, engine = _run(opener, folder, bundle, chosen, taken, source)
    digest = input_sha256(sha256_of(inputs), sha256_of(boxes) if boxes else None)
    home = golden_dir / bundle.name / name
    approved = result_path(home, APPROVED)
    against = sha256_of(approved) if approved.is_file() else None
    new = expected_from(bundle, found, engine, digest, against)
    if chosen.artifact is None:
        new = new.model_copy(
            update={"moves": _moves(shaker or Shaker(folder, bundle, source), bundle, found, taken)}
        )
    if home.exists():
        _require_same_input(home, digest)
        same = against is not None and _says_the_same(read_result(approved), new)
        if same and is_vouched(golden_dir, bundle, name):
            return None
        old = read_result(approved) if against else None
        checks = judge_expected(bundle, old, new, limits_of(chosen, bundle)) if old else []
        new = new.model_copy(update={"differs": differences(checks)})
        write_text(home / f"{PENDING}.json", new.to_json())
    else:
        _new_case(home, inputs, boxes, taken, link, new)
    return home / f"{PENDING}.json"


def _moves(
    shaker: Shaker, bundle: Bundle, found: Observed, inputs: Inputs
) -> dict[str, dict[str, float]]:
    """Return how far each rounding moves the source here, so that lanes are judged without it."""
    moves: dict[str, dict[str, float]] = {}
    for kind in ROUNDINGS:
        shaken = shaker.observe(kind, inputs, found)
        if shaken is not None:
            moved = moves_of(bundle, found, shaken)
            moves[kind] = {n: float(f"{v:.3g}") for n, v in moved.items()}
    return moves


def _case_name(path: Path) -> str:
    return safe_name(path.stem, "case")


def find_lane(bundle: Bundle, name: str) -> Lane:
    """Return a lane by name; a runner's name does where it has one lane only."""
    lanes = lanes_of(bundle)
    found = [x for x in lanes if x.name == name] or [x for x in lanes if x.runner == name]
    if len(found) == 1:
        return found[0]
    what = f"{name!r} is {'no lane' if not found else 'several lanes'}"
    listed = ", ".join(x.name for x in found or lanes)
    raise MobileCatError("Which lane?", [Problem(what, "--lane", f"one of {listed}")])


def _run(
    opener: Opener, folder: Path, bundle: Bundle, lane: Lane, inputs: Inputs, source: Path | None
) -> tuple[Observed, str]:
    engine = open_engine(opener, folder, bundle, lane, source)
    if isinstance(engine, Check):
        raise MobileCatError("There is nothing to record", [Problem(engine.detail, lane.name)])
    got = observe(engine, bundle, lane, inputs)
    if isinstance(got, Check):
        raise MobileCatError("There is nothing to record", [Problem(got.detail, lane.name)])
    bad = [c for c in check_contract(bundle, got, limits_of(lane, bundle)) if c.verdict == "FAIL"]
    if bad:
        raise ArtifactError(
            "This result breaks the bundle's contract; it is a fault, not a golden",
            [Problem(f"{c.name}: {c.detail}", lane.name) for c in bad],
        )
    return got, engine.note


def _require_same_input(home: Path, digest: str) -> None:
    if read_case_file(home).sha256 != digest:
        raise MobileCatError(
            "This case has another input",
            [
                Problem(
                    "was recorded with a file of another SHA-256", str(home), "name: --case NAME"
                )
            ],
        )


def _new_case(
    home: Path, path: Path, boxes: Path | None, inputs: Inputs, link: bool, found: Expected
) -> None:
    kind: Literal["image", "tensors"] = "image" if inputs.picture is not None else "tensors"
    home.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(home) as fresh:
        reserved = path.name == CASE or path.stem.partition("-")[0] in (APPROVED, PENDING)
        file = f"input{path.suffix}" if reserved else path.name
        if link:
            file = Path(os.path.relpath(path.resolve(), home.resolve())).as_posix()
        else:
            shutil.copyfile(path, fresh / file)
        size = inputs.picture.size if inputs.picture is not None else None
        entry = InputFile(file=file, sha256=sha256_of(path), size_wh=size)
        given = None
        if boxes is not None:
            shutil.copyfile(boxes, fresh / BOXES)
            given = InputFile(file=BOXES, sha256=sha256_of(boxes), size_wh=None)
        text = CaseFile(kind=kind, input=entry, boxes=given).to_json()
        (fresh / CASE).write_text(text, encoding="utf-8")
        (fresh / f"{PENDING}.json").write_text(found.to_json(), encoding="utf-8")


def _says_the_same(old: Expected, new: Expected) -> bool:
    about = {"made", "against", "differs", "approved", "seal", "moves"}
    return old.model_dump(exclude=about) == new.model_dump(exclude=about)


def list_cases(folder: Path, golden_dir: Path) -> list[CaseState]:
    """Return every case of the bundle with its state: approved, pending, both, or broken."""
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    states = []
    index = read_index(golden_dir / bundle.name)
    listed = faults(index, golden_dir, bundle) if index else {}
    for home in case_folders(golden_dir, bundle):
        case, problems = read_case(home, bundle)
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


def pendings(folder: Path, golden_dir: Path) -> list[Pending]:
    """Return every pending result of the bundle, largest difference first, new cases last."""
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    found = [
        _pending(bundle, home, path)
        for home in case_folders(golden_dir, bundle)
        for path in sorted(home.glob(f"{PENDING}*.json"))
    ]
    return sorted(found, key=lambda p: (-p.size, p.case, p.lane))


def _pending(bundle: Bundle, home: Path, path: Path) -> Pending:
    new = read_result(path)
    lane = path.stem.removeprefix(PENDING).removeprefix("-").replace("@", ":")
    base = base_of(home, lane)
    stale = new.against != (sha256_of(base) if base else None)
    checks: Sequence[Check] = ()
    if base is not None:
        checks = judge_expected(bundle, read_result(base), new, _limits(bundle, new))
    return Pending(home.name, home, lane, path, new, stale, tuple(checks))


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
    _require_writable()
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    homes = {p.name: p for p in case_folders(golden_dir, bundle)}
    if every:
        cases = [n for n, p in homes.items() if _chosen(p, lane).is_file()]
    problems = _refusals(bundle, homes, cases, lane, variant)
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
    update = {"approved": approval, "against": None, "differs": ()}
    approved = pending.found.model_copy(update=update).sealed()
    announce(root, bundle, home.name, target.stem, approved.seal or "")
    write_text(target, approved.to_json(), approves=True)
    confirm(root, bundle, home.name)
    # Killed here, the pending file stays behind, stale: `approve` refuses it, `review` says so.
    path.unlink(missing_ok=True)
    path.with_suffix(".png").unlink(missing_ok=True)
    return target


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _require_writable() -> None:
    if not may_write():
        raise MobileCatError(
            "Goldens are not written in CI",
            [Problem("CI is set", fix="record and approve on a person's machine, and commit")],
        )
