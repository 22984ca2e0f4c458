"""A process that does one thing to goldens, once for every line of it, killed at that line.

    python -m tests.golden.kill ACTION SHOP SCRATCH

Each death is a SIGKILL in a fork, on a fresh copy of the golden folder. Prints one JSON list: for
each death what was left, and what the next try at the same thing gave.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from mobilecat.bundle import open_bundle
from mobilecat.errors import MobileCatError
from mobilecat.golden.inventory import check_index
from mobilecat.golden.store import case_folders, read_case, read_result
from mobilecat.review.approve import approve, pendings, record
from mobilecat.review.decide import decide
from mobilecat.review.reject import reject
from tests.judge.fake import LANE, Workshop, hashes, moved_everywhere

# What writes; the rest only reads.
TRACED = {
    "files.py": {"write_text", "_write", "new_folder", "remove_folder", "_exchange"},
    "approve.py": {"_approve", "_new_case"},
    "inventory.py": {"announce", "confirm", "_write"},
    "reject.py": {"reject"},
}


def accept_in_review(shop: Workshop, golden: Path) -> None:
    found = [p for p in pendings(shop.bundle, golden) if not p.lane]
    decide(shop.bundle, golden, found, [p.case for p in found], [], False, "seen")


def reject_all(shop: Workshop, golden: Path) -> None:
    for pending in pendings(shop.bundle, golden):
        reject(pending)


def record_again(shop: Workshop, golden: Path) -> None:
    shop.tensors = moved_everywhere
    for picture in ("room", "attic"):
        record(shop.bundle, golden, shop.root / f"{picture}.png", opener=shop.open)


ACTIONS: dict[str, Callable[[Workshop, Path], object]] = {
    "approve": lambda s, g: approve(s.bundle, g, every=True),
    "approve a variant": lambda s, g: approve(
        s.bundle, g, ["room"], lane=LANE, variant=True, reason="another engine"
    ),
    "accept in review": accept_in_review,
    "reject": reject_all,
    "record": record_again,
}


def lines(action: Callable[[], object], die_at: int | None) -> int:
    """Run, and return how many traced lines ran; or be killed before one of them."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        path = Path(frame.f_code.co_filename)
        ours = "mobilecat" in path.parts and frame.f_code.co_name in TRACED.get(path.name, ())
        if not ours:
            return None
        if event == "line":
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(None)
    return count


def left(shop: Workshop, golden: Path, before: dict[str, str]) -> dict[str, Any]:
    """Return which approved files changed, and everything that is not whole."""
    bundle = open_bundle(shop.bundle)
    now = hashes(golden)
    changed, broken = [], []
    for name in sorted(before.keys() | now.keys()):
        path = golden / name
        if not path.name.startswith("approved") or before.get(name) == now.get(name):
            continue
        changed.append(name)
        try:
            if not path.is_file() or not read_result(path).seal_holds:
                broken.append(f"{name}: gone, or without its seal")
        except MobileCatError as e:
            broken.append(str(e))
    for home in case_folders(golden, bundle):
        _, problems = read_case(home, bundle)
        broken += [p for p in problems if "has no approved.json; approve it" not in p]
    broken += [c.detail for c in check_index(golden, bundle) if c.verdict == "FAIL"]
    return {"changed": changed, "broken": broken}


def again(action: Callable[[], object]) -> str:
    try:
        action()
    except MobileCatError as e:
        return str(e)
    return "done"


def main(name: str, root: Path, scratch: Path) -> None:
    shop = Workshop(root)
    action = ACTIONS[name]
    before = hashes(shop.golden)
    found = []
    at = 0
    while True:
        at += 1
        golden = scratch / str(at)
        shutil.copytree(shop.golden, golden)
        child = os.fork()
        if child == 0:
            try:
                lines(partial(action, shop, golden), at)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        told = left(shop, golden, before)
        told["killed"] = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        told["again"] = again(partial(action, shop, golden))
        told["after"] = left(shop, golden, before)
        found.append(told)
        shutil.rmtree(golden)
        if not told["killed"]:
            break
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
