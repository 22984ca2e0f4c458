"""Goldens on disk: what an approved result looks like, and whether a case can be trusted.

    GOLDEN/<bundle>/index.json   what is approved, and for which contract (`golden.inventory`)
    GOLDEN/<bundle>/<case>/
        case.json                the input: its file, hash and size
        <picture, clip or .npz>  or nothing, where case.json links to a file elsewhere
        boxes.json               of a cascade whose boxes come from elsewhere
        approved.json            what is expected; `approve` alone writes it
        approved-<lane>.json     the same for one lane that may differ (a named variant)
        pending.json             recorded, not approved yet
        pending-<lane>.json      what a lane gave instead, in the last validation
        pending*.png             drawn by `golden review`

A lane's file name is `onnx@yunet.onnx`: `@` for the `:` that some file systems refuse.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check
from mobilecat.compare.probe import Probe
from mobilecat.disk import is_litter, read_text, sha256_of, write_text
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.geometry.resize import ResizePlan
from mobilecat.golden.moving import FrameResult
from mobilecat.lanes import lanes_of
from mobilecat.pictures.detections import Detections
from mobilecat.value import FilePath, unsafe_name

R = TypeVar("R", bound="Record")
CASE, APPROVED, PENDING = "case.json", "approved", "pending"
BOXES, INDEX = "boxes.json", "index.json"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFile(Record):
    """file: relative to the case folder. size_wh: of the upright picture; None for tensors."""

    file: FilePath
    sha256: str
    size_wh: tuple[int, int] | None


class CaseFile(Record):
    schema_version: Literal[1] = 1
    kind: Literal["image", "tensors", "clip"]
    input: InputFile
    boxes: InputFile | None = None
    every: Annotated[int, Field(ge=1)] = 1

    @property
    def sha256(self) -> str:
        return input_sha256(self.input.sha256, self.boxes.sha256 if self.boxes else None)

    @property
    def unsaid(self) -> set[str]:
        """Keys that the file does not have: `boxes` and `every` where the case has none."""
        return (set() if self.boxes else {"boxes"}) | (set() if self.kind == "clip" else {"every"})

    def to_json(self) -> str:
        # size_wh is null for tensors.
        return self.model_dump_json(indent=1, exclude=self.unsaid) + "\n"


def input_sha256(picture: str, boxes: str | None) -> str:
    """Return what identifies a case's input: the file's hash, or one of both files' hashes."""
    return hashlib.sha256(f"{picture} {boxes}".encode()).hexdigest() if boxes else picture


class Made(Record):
    """What made a result. spec_sha256, versions: of the bundle."""

    lane: str
    engine: str
    source_sha256: str
    spec_sha256: str
    artifact_sha256: str | None
    versions: dict[str, str]
    at: str


class Difference(Record):
    """A check of new against old that did not pass."""

    stage: str
    name: str
    value: float | None
    limit: float | None
    detail: str


class Approval(Record):
    """replaces: SHA-256 of the file that was approved before. difference: old → new."""

    by: str
    at: str
    reason: str
    replaces: str | None
    difference: tuple[Difference, ...]


class PlanRecord(Record):
    """How the picture was fitted: `mobilecat.geometry.resize.ResizePlan`."""

    src_wh: tuple[int, int]
    dst_wh: tuple[int, int]
    resized_wh: tuple[int, int]
    left: int
    top: int

    @staticmethod
    def of(plan: ResizePlan) -> PlanRecord:
        return PlanRecord(
            src_wh=plan.src_wh,
            dst_wh=plan.dst_wh,
            resized_wh=plan.resized_wh,
            left=plan.left,
            top=plan.top,
        )

    @property
    def plan(self) -> ResizePlan:
        return ResizePlan(self.src_wh, self.dst_wh, self.resized_wh, self.left, self.top)


class Expected(Record):
    """One result, approved or pending.

    detections: in pixels of the upright picture; None for a raw head. tensors: probes of raw
    outputs and candidates. moves: how far rounding moves the source, by kind of rounding
    (`rounding.moves_of`); empty where another lane was recorded. frames: of a clip, in place of
    detections and tensors: each sampled frame's detections. against, differs: of a pending
    result, the approved file it differs from, and in what. seal: SHA-256 of all the rest of an
    approved file; a hand edit breaks it. terms: of a pending result, the parts of the contract that
    it was found under, each as a digest; {} in what an older mobilecat wrote. values: what some of
    these say, for words. bundle: the folder of the bundle that gave a pending result.
    """

    schema_version: Literal[1] = 1
    input_sha256: str
    plan: PlanRecord | None
    labels: tuple[str, ...]
    landmarks: tuple[str, ...]
    detections: tuple[dict[str, Any], ...] | None
    tensors: dict[str, Probe]
    moves: dict[str, dict[str, float]] = {}
    frames: tuple[FrameResult, ...] = ()
    made: Made
    against: str | None = None
    differs: tuple[Difference, ...] = ()
    terms: dict[str, str] = {}
    values: dict[str, Any] = {}
    bundle: str = ""
    approved: Approval | None = None
    seal: str | None = None

    @property
    def found(self) -> Detections | None:
        return None if self.detections is None else Detections.from_json(self.detections)

    def sealed(self) -> Expected:
        """Return this with the seal that belongs to it."""
        return self.model_copy(update={"seal": self._digest()})

    @property
    def seal_holds(self) -> bool:
        return self.seal == self._digest()

    def _digest(self) -> str:
        # Without what a later mobilecat added, where it is not there: files of before stay sealed.
        told = self.model_dump(mode="json", exclude={"seal"} | self._unsaid)
        text = json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def _unsaid(self) -> set[str]:
        late = ("moves", "frames", "terms", "values", "bundle")
        return {name for name in late if not getattr(self, name)}

    def to_json(self) -> str:
        told = self.model_dump(mode="json", exclude=self._unsaid)
        text = json.dumps(told, indent=1, allow_nan=False)
        return _flat_lists(text) + "\n"


def _flat_lists(text: str) -> str:
    """Put lists of plain values on one line. A JSON string has no line break inside."""

    def flat(found: re.Match[str]) -> str:
        return "[" + re.sub(r",\n +", ", ", found[1]) + "]"

    return re.sub(r"\[\n +([^\[\]{}]*?)\n *\]", flat, text)


@dataclass(frozen=True)
class Case:
    """A case whose input and approved results can be trusted. variants: by lane file name."""

    name: str
    folder: Path
    kind: Literal["image", "tensors", "clip"]
    input: Path
    input_sha256: str
    approved: Expected
    variants: dict[str, Expected]
    boxes: Path | None = None
    every: int = 1

    def expected(self, lane: str) -> Expected:
        """Return what `lane` is held to: its own variant, or what all are held to."""
        return self.variants.get(lane_file(lane), self.approved)


def lane_file(lane: str) -> str:
    """Return a lane's name as part of a file name."""
    name = lane.replace(":", "@")
    if why := unsafe_name(name):
        raise MobileCatError("There is no such lane", [Problem(f"{lane!r} {why}", "--lane")])
    return name


def result_path(folder: Path, state: str, lane: str | None = None) -> Path:
    """Return `approved.json`, `pending-onnx@yunet.onnx.json` and so on."""
    return folder / (f"{state}-{lane_file(lane)}.json" if lane else f"{state}.json")


def may_write() -> bool:
    """Return whether goldens may be written here: not where CI is set, to whatever but no."""
    return os.environ.get("CI", "").strip().lower() in ("", "0", "false", "no", "off")


def require_writable() -> None:
    """Raise MobileCatError where goldens may not be written."""
    if not may_write():
        raise MobileCatError(
            "Goldens are not written in CI",
            [Problem("CI is set", fix="record and approve on a person's machine, and commit")],
        )


def case_folders(root: Path, bundle: Bundle) -> list[Path]:
    """Return the folders of the bundle's cases, by name."""
    home = root / bundle.name
    if not home.is_dir():
        return []
    return sorted(p for p in home.iterdir() if p.is_dir() and not _is_nobodys(p))


def _is_nobodys(path: Path) -> bool:
    return path.name.startswith(".") or is_litter(path)


def require_golden_folder(root: Path) -> None:
    """Raise MobileCatError where `root` is no folder, as a mistyped name is not."""
    if not root.is_dir():
        what = "a file, not a folder" if root.exists() else "not found"
        fix = did_you_mean(root, Path.is_dir) or "record a case: mobilecat golden record"
        raise MobileCatError("There is no such golden folder", [Problem(what, str(root), fix)])


def read_cases(
    root: Path, bundle: Bundle, only: Collection[str] | None = None, at: Path | None = None
) -> tuple[list[Case], list[Check]]:
    """Return the cases that can be trusted, and one check a case or stray file, failed or not.

    only: names; the rest is not read, and a name that has no case fails. at: the bundle's folder,
    as the commands that mend a case name it.
    """
    require_golden_folder(root)
    checks: list[Check] = []
    cases: list[Case] = []
    home = root / bundle.name
    strays = [p for p in home.iterdir() if p.is_file()] if home.is_dir() else []
    for stray in sorted(s for s in strays if not _is_nobodys(s) and s.name != INDEX):
        checks.append(_failed(stray.name, f"{stray} belongs to no case"))
    folders = case_folders(root, bundle)
    chosen = folders if only is None else [f for f in folders if f.name in only]
    absent = sorted(set(only or ()) - {f.name for f in folders})
    checks += [_failed(name, f"there is no such case in {home}") for name in absent]
    for folder in chosen:
        case, problems = read_case(folder, bundle, at)
        checks += [_failed(folder.name, p) for p in problems]
        if not problems:
            checks.append(Check("golden", folder.name, "PASS", detail="is as it was approved"))
        if case is not None:
            cases.append(case)
    if not folders:
        checks.append(_failed(bundle.name, f"there are no cases in {home}"))
    return cases, checks


def _failed(name: str, detail: str) -> Check:
    return Check("golden", name, "FAIL", detail=detail)


def read_case(
    folder: Path, bundle: Bundle, at: Path | None = None
) -> tuple[Case | None, list[str]]:
    """Return the case where it can be compared, and everything that is wrong with its files.

    at: the bundle's folder, as the commands that mend it name it.
    """
    try:
        record = read_case_file(folder)
    except MobileCatError as e:
        return None, [str(p) for p in e.problems]
    source = folder / record.input.file
    problems = _input_problems(folder, record)
    problems += _strays(folder, record, bundle)
    results: dict[str, Expected] = {}
    for path in sorted(folder.glob(f"{APPROVED}*.json")):
        try:
            results[path.stem] = _approved(path, record)
        except MobileCatError as e:
            problems += [str(p) for p in e.problems]
    if not (folder / f"{APPROVED}.json").is_file():
        named = f"{shlex.quote(str(at))} " if at is not None else ""
        hint = f"record it again: mobilecat golden record {named}{shlex.quote(str(source))}"
        if (folder / f"{PENDING}.json").is_file():
            hint = f"approve it: mobilecat golden review {named}".rstrip()
        hint += f" --golden {shlex.quote(str(folder.parent.parent))}"
        problems.append(f"has no approved.json; {hint}")
    approved = results.pop(APPROVED, None)
    problems += [
        f"{folder / k}.json is a copy of approved.json: approve what the lane gave, with --variant"
        for k, v in results.items()
        if approved is not None and v.seal == approved.seal
    ]
    if approved is None or _input_problems(folder, record):
        return None, problems
    variants = {k.removeprefix(f"{APPROVED}-"): v for k, v in results.items()}
    boxes = folder / record.boxes.file if record.boxes else None
    case = Case(
        folder.name,
        folder,
        record.kind,
        source,
        record.sha256,
        approved,
        variants,
        boxes,
        record.every,
    )
    return case, problems


def _input_problems(folder: Path, record: CaseFile) -> list[str]:
    files = {record.kind: record.input} | ({"boxes": record.boxes} if record.boxes else {})
    problems = []
    for kind, entry in files.items():
        path = folder / entry.file
        if not path.is_file():
            problems.append(f"its {kind} file is missing: {path}")
        elif sha256_of(path) != entry.sha256:
            problems.append(f"{path} is not the file that was recorded: its SHA-256 differs")
    return problems


def _strays(folder: Path, record: CaseFile, bundle: Bundle) -> list[str]:
    lanes = {lane_file(lane.name) for lane in lanes_of(bundle)}
    boxes = record.boxes.file if record.boxes else ""
    problems = []
    for path in sorted(folder.iterdir()):
        state, _, lane = path.stem.partition("-")
        if _is_nobodys(path) or path.name in (CASE, record.input.file, boxes):
            continue
        ours = path.suffix == ".json" or (path.suffix == ".png" and state == PENDING)
        if not ours or state not in (APPROVED, PENDING) or path.stem.endswith("-"):
            problems.append(f"{path} is not part of a golden: remove it")
        elif state == APPROVED and lane and lane not in lanes:
            problems.append(f"{path} is never used: the bundle has no such lane")
    return problems


def _approved(path: Path, record: CaseFile) -> Expected:
    found = read_result(path)
    if found.approved is None or not found.seal_holds:
        reason = "was not written by `approve`, or was changed since"
        raise damaged(path, reason, "record it again and approve that")
    if found.input_sha256 != record.sha256:
        raise damaged(path, "was approved for another input file", "record it again")
    return found


def read_case_file(folder: Path) -> CaseFile:
    """Read case.json; ArtifactError where it is missing or damaged."""
    return read_record(folder / CASE, CaseFile)


def read_result(path: Path) -> Expected:
    """Read an approved or pending result; ArtifactError where it is missing or damaged."""
    found = read_record(path, Expected)
    try:
        _ = found.found, [f.found for f in found.frames]
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise damaged(path, f"its detections cannot be read: {e!r}") from e
    return found


def read_record(path: Path, kind: type[R]) -> R:
    """Read a golden folder's JSON file as `kind`; ArtifactError where missing or damaged."""
    try:
        return kind.model_validate_json(read_text(path))
    except FileNotFoundError:
        raise damaged(path, "is missing", "record the case again") from None
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(path, f"is damaged: {place + ': ' if place else ''}{first['msg']}") from e
    except (OSError, ValueError) as e:
        raise damaged(path, f"cannot be read: {e}") from e


def damaged(path: Path, what: str, fix: str = "") -> ArtifactError:
    """Return the error for a golden's file that cannot be used."""
    return ArtifactError("A golden cannot be used", [Problem(what, str(path), fix)])


def write_pending(folder: Path, lane: str | None, found: Expected) -> Path | None:
    """Write `pending.json` or a lane's; None where CI is set. Approved files are never touched."""
    if not may_write():
        return None
    path = result_path(folder, PENDING, lane)
    write_text(path, found.to_json())
    path.with_suffix(".png").unlink(missing_ok=True)  # drawn of another result
    return path


def remove_pending(path: Path) -> None:
    """Take a pending result away, and its picture."""
    path.unlink(missing_ok=True)
    path.with_suffix(".png").unlink(missing_ok=True)
