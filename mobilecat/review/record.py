"""Record: what a lane gives for a picture, a clip or tensors, as a pending case."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.clips.reading import require_clip
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import limits_of
from mobilecat.disk import new_folder, sha256_of, write_text
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.golden.inventory import is_vouched
from mobilecat.golden.store import (
    APPROVED,
    BOXES,
    CASE,
    PENDING,
    CaseFile,
    Expected,
    InputFile,
    input_sha256,
    read_case_file,
    read_result,
    remove_pending,
    require_golden_folder,
    require_writable,
    result_path,
)
from mobilecat.judge.contract import check_contract
from mobilecat.judge.judge import judge_expected
from mobilecat.judge.moving import Moving, run_clip
from mobilecat.judge.observe import (
    Inputs,
    Observed,
    Opener,
    gives_detections,
    load_inputs,
    observe,
    open_engine,
)
from mobilecat.judge.result import differences, expected_from, expected_of_clip
from mobilecat.judge.rounding import ROUNDINGS, Shaker, moves_of
from mobilecat.lanes import Lane, lanes_of, open_lane
from mobilecat.value import safe_name, unsafe_name

MOST_FRAMES = 2000
"""Of a clip's golden, which is JSON that people look at."""


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
    every: int | None = None,
    opener: Opener = open_lane,
    shaker: Shaker | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """Run one lane on a picture (or .npz) and write what it gives as pending.json; return its path.

    every: `inputs` is a clip, and each N-th frame of it is what is expected.
    None where the case's approved result is the same already. link: leave the input where it lies
    and refer to it. boxes: of a cascade whose boxes come from elsewhere. shaker: the bundle's,
    where it is open already.
    Errors: MobileCatError where the lane cannot run, breaks its contract, or the case has another
    input already.
    """
    require_writable()
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
    progress(f"{name}: {chosen.name}")
    if every is not None:
        require_clip(inputs)
    digest = input_sha256(sha256_of(inputs), sha256_of(boxes) if boxes else None)
    home = golden_dir / bundle.name / name
    approved = result_path(home, APPROVED)
    against = sha256_of(approved) if approved.is_file() else None
    taken: Inputs | None = None
    if every is not None:
        clip, engine = _run_clip(opener, folder, bundle, chosen, inputs, every, source, progress)
        new = expected_of_clip(bundle, clip, engine, digest, against)
    else:
        taken = load_inputs(inputs, bundle, boxes)
        found, engine = _run(opener, folder, bundle, chosen, taken, source)
        new = expected_from(bundle, found, engine, digest, against)
        if chosen.artifact is None:
            shaker = shaker or Shaker(folder, bundle, source)
            new = new.model_copy(update={"moves": _moves(shaker, bundle, found, taken)})
    new = new.model_copy(update={"bundle": str(folder)})
    if home.exists():
        _require_same_input(home, digest, every)
        same = against is not None and _says_the_same(read_result(approved), new)
        if same and is_vouched(golden_dir, bundle, name):
            return None
        old = read_result(approved) if against else None
        checks = judge_expected(bundle, old, new, limits_of(chosen, bundle)) if old else []
        new = new.model_copy(update={"differs": differences(checks)})
        remove_pending(home / f"{PENDING}.json")
        write_text(home / f"{PENDING}.json", new.to_json())
    else:
        _new_case(home, inputs, boxes, taken, link, new, every)
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


def _run_clip(
    opener: Opener,
    folder: Path,
    bundle: Bundle,
    lane: Lane,
    path: Path,
    every: int,
    source: Path | None,
    progress: Callable[[str], None],
) -> tuple[Moving, str]:
    if not gives_detections(bundle):
        said = Problem("its head is raw", bundle.name, "record an .npz")
        raise MobileCatError("This bundle gives tensors, not detections", [said])
    engine = open_engine(opener, folder, bundle, lane, source)
    if isinstance(engine, Check):
        raise MobileCatError("There is nothing to record", [Problem(engine.detail, lane.name)])
    got = run_clip([(lane, engine)], bundle, path, every, progress)[lane.name]
    if isinstance(got, Check):
        raise MobileCatError("There is nothing to record", [Problem(got.detail, lane.name)])
    if len(got.frames) > MOST_FRAMES:
        what = f"{len(got.frames)} frames; a golden holds {MOST_FRAMES} at most"
        fix = f"--every {every * -(-len(got.frames) // MOST_FRAMES)}"
        raise MobileCatError("This is too long for a golden", [Problem(what, str(path), fix)])
    return got, engine.note


def _require_same_input(home: Path, digest: str, every: int | None) -> None:
    kept = read_case_file(home)
    if kept.kind == "clip" and every is not None and kept.every != every:
        what = f"was recorded with --every {kept.every}"
        raise MobileCatError("This case has other frames", [Problem(what, str(home))])
    if kept.sha256 != digest:
        raise MobileCatError(
            "This case has another input",
            [
                Problem(
                    "was recorded with a file of another SHA-256", str(home), "name: --case NAME"
                )
            ],
        )


def _new_case(
    home: Path,
    path: Path,
    boxes: Path | None,
    inputs: Inputs | None,
    link: bool,
    found: Expected,
    every: int | None,
) -> None:
    kind: Literal["image", "tensors", "clip"] = "clip"
    if inputs is not None:
        kind = "image" if inputs.picture is not None else "tensors"
    home.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(home) as fresh:
        reserved = path.name == CASE or path.stem.partition("-")[0] in (APPROVED, PENDING)
        file = f"input{path.suffix}" if reserved else path.name
        if link:
            file = Path(os.path.relpath(path.resolve(), home.resolve())).as_posix()
        else:
            shutil.copyfile(path, fresh / file)
        size = None if found.plan is None else found.plan.src_wh
        entry = InputFile(file=file, sha256=sha256_of(path), size_wh=size)
        given = None
        if boxes is not None:
            shutil.copyfile(boxes, fresh / BOXES)
            given = InputFile(file=BOXES, sha256=sha256_of(boxes), size_wh=None)
        text = CaseFile(kind=kind, input=entry, boxes=given, every=every or 1).to_json()
        (fresh / CASE).write_text(text, encoding="utf-8")
        (fresh / f"{PENDING}.json").write_text(found.to_json(), encoding="utf-8")


def _says_the_same(old: Expected, new: Expected) -> bool:
    about = {
        "made", "against", "differs", "terms", "values", "bundle", "approved", "seal", "moves",
    }  # fmt: skip
    return old.model_dump(exclude=about) == new.model_dump(exclude=about)
