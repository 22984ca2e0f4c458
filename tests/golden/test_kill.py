"""Killed at every line and at any byte, a golden is the old one or the new one, and whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mobilecat.disk import MARK
from mobilecat.golden.store import read_result
from mobilecat.review.approve import approve, record
from tests.judge.fake import LANE, Workshop, check, home, moved, moved_everywhere, write_bundle

ROOT = Path(__file__).parents[2]
NEW = "fake/room/approved.json"
VARIANT = "fake/room/approved-onnx@fake.onnx.json"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved("room")


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "CI"}


def deaths(shop: Workshop, action: str) -> list[dict[str, Any]]:
    """Return what each death left; the last entry is of the run that nothing killed."""
    scratch = shop.root / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.kill", action, shop.root, scratch],
        cwd=ROOT, env=environment(), capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert [f["killed"] for f in found] == [True] * (len(found) - 1) + [False]
    assert [b for f in found for b in f["broken"] + f["after"]["broken"]] == []
    return found


def pending_of_every_kind(shop: Workshop) -> None:
    """A recorded result, a lane's own one, and a case that was never approved."""
    shop.faults[LANE] = moved
    check(shop)
    shop.faults.clear()
    shop.tensors = moved_everywhere
    for picture in (shop.picture(), shop.picture("attic", 7)):
        record(shop.bundle, shop.golden, picture, opener=shop.open)


@pytest.mark.parametrize(
    ("action", "written"),
    [
        ("approve", [NEW, "fake/attic/approved.json"]),
        ("accept in review", [NEW, "fake/attic/approved.json"]),
        ("approve a variant", [VARIANT]),
    ],
)
def test_killed_at_any_line_of_an_approval(shop: Workshop, action: str, written: list[str]) -> None:
    pending_of_every_kind(shop)
    found = deaths(shop, action)
    assert len(found) > 20
    states = {tuple(f["changed"]) for f in found}
    # nothing, then one file after the other, in the order of the cases
    assert states <= {tuple(sorted(written[k:])) for k in range(len(written) + 1)} | {
        tuple(sorted(written[:k])) for k in range(len(written) + 1)
    }
    assert () in states and tuple(sorted(written)) in states
    assert set(found[-1]["changed"]) == set(written)
    for f in found:
        assert set(f["after"]["changed"]) <= set(written)
        finished = f["again"] == "done" and set(f["after"]["changed"]) == set(written)
        # What was approved just before the death left a pending file, which says that it is stale;
        # where all was done there is nothing left to do.
        said = ("has changed since", "no case has a pending result", "has no pending")
        assert finished or any(s in f["again"] for s in said), f


@pytest.mark.parametrize("action", ["reject", "record"])
def test_killed_at_any_line_nothing_else_touches_a_golden(shop: Workshop, action: str) -> None:
    if action == "reject":
        pending_of_every_kind(shop)
    else:
        shop.picture("attic", 7)
    found = deaths(shop, action)
    assert len(found) > 20
    for f in found:
        assert f["changed"] == [] == f["after"]["changed"]
        assert f["again"] == "done", f


FULL = """
import resource, signal, sys
from pathlib import Path
from mobilecat.errors import MobileCatError
from mobilecat.review.approve import approve

size, dies = int(sys.argv[1]), sys.argv[2] == "dies"
signal.signal(signal.SIGXFSZ, signal.SIG_DFL if dies else signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
approve(Path(sys.argv[3]), Path(sys.argv[4]), every=True)
"""


@pytest.mark.parametrize("dies", [True, False], ids=["killed", "disk full"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, 1.0])
def test_the_kernel_stops_a_write_at_a_byte(shop: Workshop, share: float, dies: bool) -> None:
    """A file that grows beyond a size: SIGXFSZ kills the process, or it gets a full disk's error.

    https://man7.org/linux/man-pages/man2/setrlimit.2.html (RLIMIT_FSIZE)
    """
    pending_of_every_kind(shop)
    path = home(shop) / "approved.json"
    old = path.read_bytes()
    twin = write_bundle(shop.root / "twin").approved("room")
    pending_of_every_kind(twin)
    approve(twin.bundle, twin.golden, every=True)
    whole = (home(twin, "attic") / "approved.json").stat().st_size  # approved first, by name
    size = 10 * whole if share == 1.0 else int(whole * share)
    words = [str(size), "dies" if dies else "lives", shop.bundle, shop.golden]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), *words],
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, timeout=60,
    )  # fmt: skip
    left = path.read_bytes()
    if share == 1.0:
        assert done.returncode == 0 and left != old and read_result(path).seal_holds
        return
    assert done.returncode == (-signal.SIGXFSZ if dies else 1), done.stderr.decode()
    assert left == old
    assert not (home(shop, "attic") / "approved.json").exists()
    halves = list(shop.golden.rglob(f".*{MARK}*"))
    assert len(halves) == (1 if dies else 0)  # a hidden half of a file, which nobody reads
    assert all(p.stat().st_size == size for p in halves)
    approve(shop.bundle, shop.golden, every=True)
    assert read_result(path).seal_holds and check(shop).held
