"""What a stranger named is shown, and never obeyed; and any terminal's encoding will do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from mobilecat.cli import progress
from mobilecat.cli.export import _shapes
from mobilecat.cli.terminal import plain, terminal
from mobilecat.errors import SpecError
from tests.test_cli import work  # noqa: F401 (a fixture)

TITLE = "\x1b]0;owned\x07cat\x1b[2J\x9b31m\u202etac"


def test_plain() -> None:
    assert plain(TITLE) == "\\x1b]0;owned\\x07cat\\x1b[2J\\x9b31m\\u202etac"
    assert plain("猫 × 2\n\tå") == "猫 × 2\n\tå"


def test_long_work_in_a_log_says_where_it_is_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([100.0, 101.0, 119.9, 120.0, 121.0, 140.5])  # the start, and five steps
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with progress.progress_line() as step:
        for i in range(5):
            step(f"picture {i}\x07")
    assert capsys.readouterr().err == "20 s  picture 2\\x07\n40 s  picture 4\\x07\n"


@pytest.mark.parametrize("as_terminal", [True, False])
def test_nothing_that_is_printed_acts(as_terminal: bool) -> None:
    out = io.StringIO()
    console = terminal(file=out, force_terminal=as_terminal, width=80)
    console.print(TITLE, style="bold")
    console.print(Text(TITLE))
    table = Table(TITLE)
    table.add_row(TITLE)
    console.print(table)
    said = out.getvalue()
    assert said.count("owned") == 4
    for sign in ("\x1b]0;", "\x1b[2J", "\x07", "\x9b", "\u202e"):
        assert sign not in said
    assert ("\x1b[1m" in said) is as_terminal  # our own styles stay


@pytest.mark.parametrize(
    "encoding", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"},
                 {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)  # fmt: skip
def test_a_terminal_of_another_encoding(encoding: dict[str, str], work: Path) -> None:  # noqa: F811
    done = subprocess.run(
        [sys.executable, "-m", "mobilecat", "inspect", work / "bundle"],
        capture_output=True,
        env={**os.environ, **encoding},
    )
    assert done.returncode == 0, done.stderr.decode("latin-1")
    assert b"\\xd7" in done.stdout or "×".encode("latin-1") in done.stdout


SHAPES = ["x=1,3,٣,4", "x=1,3,²,4", "x=" + "9" * 5000, "x=1,,2", "x=0", "=1", "x=1e3", "x=-1"]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_are_none(shape: str) -> None:
    with pytest.raises(SpecError) as caught:
        _shapes([shape])
    assert "--shape" in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.skipif(os.name != "posix", reason="NOT_RUN: needs a POSIX shell")
def test_a_pipe_that_is_closed(work: Path) -> None:  # noqa: F811
    command = (
        f"{sys.executable} -m mobilecat inspect {work / 'bundle'} | true; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.strip() in ("0", "1") and done.stderr == ""
