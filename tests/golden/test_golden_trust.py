"""Goldens that cannot be trusted, what no command may write, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilecat.bisection.walk import Bisection
from mobilecat.disk import write_text
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import read_result
from mobilecat.judge.run import validate
from mobilecat.judge.saved import open_saved, recording
from mobilecat.report.html import report_page
from mobilecat.report.junit import to_junit
from mobilecat.review.approve import approve, record
from tests.judge.fake import (
    LANE,
    Workshop,
    approved_hashes,
    check,
    hashes,
    home,
    moved,
    moved_everywhere,
    write_bundle,
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


# --- cases that cannot be trusted


def edit_json(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "picture gone": (lambda h: (h / "room.png").unlink(), "image file is missing"),
    "picture changed": (
        lambda h: (h / "room.png").write_bytes((h / "room.png").read_bytes() + b"\0"),
        "SHA-256 differs",
    ),
    "approved gone": (lambda h: (h / "approved.json").unlink(), "has no approved.json"),
    "approved cut short": (
        lambda h: (h / "approved.json").write_text((h / "approved.json").read_text()[:900]),
        "is damaged",
    ),
    "approved empty": (lambda h: (h / "approved.json").write_text(""), "is damaged"),
    "a number edited by hand": (
        lambda h: edit_json(h / "approved.json", lambda d: d["detections"][0].update(score=0.91)),
        "was changed since",
    ),
    "a detection taken out by hand": (
        lambda h: edit_json(h / "approved.json", lambda d: d["detections"].pop()),
        "was changed since",
    ),
    "a probe taken out by hand": (
        lambda h: edit_json(h / "approved.json", lambda d: d["tensors"].pop("reg")),
        "was changed since",
    ),
    "pending renamed to approved": (
        lambda h: edit_json(h / "approved.json", lambda d: d.update(approved=None, seal=None)),
        "was not written by `approve`",
    ),
    "an unknown key": (lambda h: edit_json(h / "approved.json", lambda d: d.update(x=1)), "x: "),
    "case.json gone": (lambda h: (h / "case.json").unlink(), "is missing"),
    "case.json damaged": (lambda h: (h / "case.json").write_text("{"), "is damaged"),
    "a stray file": (lambda h: (h / "notes.txt").write_text("x"), "not part of a golden"),
    "a stray approved file": (
        lambda h: (h / "approved-.json").write_text((h / "approved.json").read_text()),
        "not part of a golden",
    ),
    "a variant of a lane that does not exist": (
        lambda h: (h / "approved-coreml@fake.mlpackage.json").write_text(
            (h / "approved.json").read_text()
        ),
        "is never used",
    ),
    "a stray file beside the cases": (
        lambda h: (h.parent / "approved.json").write_text("{}"),
        "belongs to no case",
    ),
    "an empty folder beside the cases": (lambda h: (h.parent / "attic").mkdir(), "is missing"),
    "another case's approved result": (
        lambda h: (h / "approved.json").write_text((h.parent / "hall/approved.json").read_text()),
        "another input file",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_fails_with_its_own_line(shop: Workshop, name: str) -> None:
    shop.approved("hall", "room")
    damage, says = DAMAGE[name]
    damage(home(shop))
    report = check(shop)
    assert report.exit_code == 1
    lines = [r.check.detail for r in report.failed if r.check.stage == "golden"]
    assert any(says in line for line in lines), lines
    assert report.verdict(report.lanes[0].lane) == "PASS"  # the other case still ran


def test_hidden_files_are_nobodys_business(shop: Workshop) -> None:
    shop.approved()
    (home(shop) / ".DS_Store").write_bytes(b"x")
    (home(shop) / ".approved.json.mobilecat-tmp-1").write_text("half")
    assert check(shop).held


def test_a_golden_folder_that_is_not_there_is_unusable_input(shop: Workshop) -> None:
    with pytest.raises(MobileCatError, match="no such golden folder"):
        validate(shop.bundle, shop.root / "nowhere", opener=shop.open)
    with pytest.raises(MobileCatError, match="nothing to compare with"):
        validate(shop.bundle, opener=shop.open)


# --- nothing but approve changes an approved file


def cli(*args: object) -> tuple[int, str]:
    from mobilecat.cli.golden import golden_app

    done = CliRunner().invoke(golden_app, [str(a) for a in args])
    return done.exit_code, done.output


COMMANDS: dict[str, Callable[[Workshop], object]] = {
    "validate that holds": lambda s: check(s),
    "validate that fails": lambda s: (s.faults.update({LANE: moved}), check(s)),
    "validate on random inputs": lambda s: check(s, random=1),
    "record the same": lambda s: record(s.bundle, s.golden, s.picture(), opener=s.open),
    "record another result": lambda s: (
        setattr(s, "tensors", moved_everywhere),
        record(s.bundle, s.golden, s.picture(), opener=s.open),
    ),
    "record a new case": lambda s: record(s.bundle, s.golden, s.picture("attic", 7), opener=s.open),
    "list": lambda s: cli("list", s.bundle, "--golden", s.golden),
    "review": lambda s: reviewed(s),
    "review as a page": lambda s: reviewed(s, "--html", s.root / "page.html"),
    "review that rejects": lambda s: reviewed(s, "--reject", "room"),
    "review that accepts what is not there": lambda s: reviewed(s, "--accept", "attic"),
    "a report in every form": lambda s: every_form(s),
    "results that were saved": lambda s: saved_and_judged_again(s),
    "a test suite": lambda s: mobilecat_in_pytest(s),
    "a report written over it": lambda s: over_it(s),
    "a plot written over it": lambda s: plotted_over_it(s),
    "results saved over it": lambda s: with_refusal(
        lambda: recording_into(s, home(s)), "not saved over"
    ),
}


def reviewed(shop: Workshop, *more: object) -> None:
    shop.faults.update({LANE: moved})
    check(shop)
    cli("review", shop.bundle, "--golden", shop.golden, *more)


def every_form(shop: Workshop) -> None:
    shop.faults.update({LANE: moved})
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder)
        write_text(shop.root / "page.html", report_page(report, recorder.saved))
    write_text(shop.root / "report.xml", to_junit(report, None))
    write_text(shop.root / "report.json", json.dumps(report.to_json()))


def recording_into(shop: Workshop, folder: Path) -> None:
    with recording(folder, shop.open) as recorder:
        validate(shop.bundle, shop.golden, opener=recorder)


def saved_and_judged_again(shop: Workshop) -> None:
    shop.faults.update({LANE: moved})
    recording_into(shop, shop.root / "saved")
    assert not validate(shop.bundle, shop.golden, opener=open_saved(shop.root / "saved")).held


def mobilecat_in_pytest(shop: Workshop) -> None:
    words = [
        "--mobilecat",
        shop.bundle,
        "--mobilecat-golden",
        shop.golden,
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words],
        cwd=shop.root, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout  # no engine opens the small bundle's files


def with_refusal(act: Callable[[], object], said: str) -> None:
    with pytest.raises(MobileCatError) as refused:
        act()
    assert said in str(refused.value), refused.value


def over_it(shop: Workshop) -> None:
    """`--json`, `--html` and `--junit` all write by this."""
    with_refusal(lambda: write_text(home(shop) / "approved.json", "{}"), "approved golden")
    variant = home(shop) / "approved-onnx@fake.onnx.json"
    with_refusal(lambda: write_text(variant, "{}"), "approved golden")
    words = ["validate", shop.bundle, "--golden", shop.golden, "--no-write", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "mobilecat", *words, home(shop) / "approved.json"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2 and "lies among the goldens" in done.stderr, done.stderr


def plotted_over_it(shop: Workshop) -> None:
    empty = Bisection(LANE, "room.png", 1e-4, (), ())
    with_refusal(lambda: empty.plot(home(shop) / "approved.json"), "approved golden")


@pytest.mark.parametrize("name", COMMANDS)
def test_only_approve_changes_an_approved_file(shop: Workshop, name: str) -> None:
    shop.approved()
    before = approved_hashes(shop.golden)
    assert len(before) == 1
    COMMANDS[name](shop)
    assert approved_hashes(shop.golden) == before


@pytest.mark.parametrize("value", ["true", "1", "TRUE", "github", "woodpecker", "Jenkins 2", "2"])
def test_ci_writes_nothing(shop: Workshop, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.approved()
    shop.tensors = moved_everywhere
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    before = hashes(shop.golden)
    monkeypatch.setenv("CI", value)
    report = check(shop)
    assert report.exit_code == 1 and report.pending == ()
    assert "CI is set: no pending file was written" in report.notes
    code, text = cli("review", shop.bundle, "--golden", shop.golden)
    assert code == 0 and "detections boxes" in text
    with pytest.raises(MobileCatError, match="not written in CI"):
        approve(shop.bundle, shop.golden, ["room"])
    with pytest.raises(MobileCatError, match="not written in CI"):
        record(shop.bundle, shop.golden, shop.picture("attic", 7), opener=shop.open)
    assert hashes(shop.golden) == before
    monkeypatch.setenv("CI", "false")
    assert approve(shop.bundle, shop.golden, ["room"])


# --- killed on the way

KILLED = """
import os, signal, sys
from pathlib import Path
from mobilecat.review.approve import approve

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

moment, bundle, golden = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
replace, unlink, fsync = Path.replace, Path.unlink, os.fsync
if moment == "half written":
    import io
    os.fsync = lambda fd: os.fstat(fd).st_size > 3000 and (os.ftruncate(fd, 100), die())
if moment == "written, not renamed":
    Path.replace = lambda a, b: die() if b.name == "approved.json" else replace(a, b)
if moment == "renamed":
    Path.replace = lambda a, b: (replace(a, b), b.name == "approved.json" and die())
if moment == "before the pending file goes":
    Path.unlink = lambda p, **k: die() if p.name == "pending.json" else unlink(p, **k)
approve(bundle, golden, every=True)
"""


@pytest.mark.parametrize(
    ("moment", "new"),
    [
        ("half written", False),
        ("written, not renamed", False),
        ("renamed", True),
        ("before the pending file goes", True),
        ("not at all", True),
    ],
)
def test_a_kill_leaves_the_old_golden_or_the_new(shop: Workshop, moment: str, new: bool) -> None:
    shop.approved()
    old = (home(shop) / "approved.json").read_bytes()
    shop.tensors = moved_everywhere
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), moment, shop.bundle, shop.golden],
        env={k: v for k, v in os.environ.items() if k != "CI"},
        capture_output=True,
        timeout=60,
    )
    killed = moment != "not at all"
    assert done.returncode == (-signal.SIGKILL if killed else 0), done.stderr.decode()
    left = (home(shop) / "approved.json").read_bytes()
    assert (left != old) is new
    assert read_result(home(shop) / "approved.json").seal_holds
    assert check(shop).held is new  # moved everywhere: only the new golden agrees
    if not new:
        approve(shop.bundle, shop.golden, every=True)
        assert check(shop).held
    elif killed:
        with pytest.raises(MobileCatError) as refused:  # the left-over is stale, and says so
            approve(shop.bundle, shop.golden, every=True)
        assert "has changed since" in str(refused.value)
