"""What a stranger named is shown, and never obeyed; and any terminal's encoding will do."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import random
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from mobilecat.cli import progress
from mobilecat.cli.export import _shapes
from mobilecat.cli.plain import as_text
from mobilecat.cli.styled import show_styled
from mobilecat.cli.terminal import plain, terminal
from mobilecat.errors import SpecError
from mobilecat.shown import Column, Line
from mobilecat.shown import Table as Rows
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


def test_a_warning_in_the_midst_of_long_work_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.progress_line() as step:
        step("layers: try 1")
        step("warning: no cat in it\x07")
    assert capsys.readouterr().err == "warning: no cat in it\\x07\n"
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with progress.progress_line() as step:
        step("warning: no cat in it\x07")
        step("layers: try 1")
    last = capsys.readouterr().err
    assert last.startswith("\r\x1b[2Kwarning: no cat in it\\x07\n\r\x1b[2K")


def played(written: str, columns: int) -> list[str]:
    """What a terminal of so many columns shows at last, row by row; widths are rich's."""
    rows, at, column, i = [""], 0, 0, 0
    while i < len(written):
        c = written[i]
        i += 1
        if written.startswith("\x1b[2K", i - 1):
            rows[at] = ""
            i += 3
        elif c == "\r":
            column = 0
        else:
            wide = cell_len(c)
            if c == "\n" or column + wide > columns:
                at, column = at + 1, 0
                rows += [""] * (at + 1 - len(rows))
            rows[at] = rows[at][:column] if column == 0 else rows[at]
            rows[at] += "" if c == "\n" else c
            column += wide
    return [row for row in rows if row]


@pytest.mark.parametrize("columns", [80, 40, 3])
@pytest.mark.parametrize("name", ["cats_det.tflite", "\u732b\u306e\u9854.tflite", "e\u0301" * 30])
def test_the_line_of_progress_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, name: str
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_columns", lambda: columns)
    steps = [
        f"step {k} of about 19, about 2 min left: {name}, int8-weights: layer\n{k} of 77 alone{end}"
        for k in range(1, 20)
        for end in ("", name * 3)
    ]
    with progress.progress_line() as step:
        for text in steps:
            step(text)
            said = capsys.readouterr().err
            (row,) = played(said, columns)
            assert cell_len(row) < columns and (columns == 3 or " step " in row)
            assert row.endswith(("\u2026", text[-5:]))
            assert played(f"{said}\r\x1b[2K", columns) == []
    assert played("\r\x1b[2Klonger\r\x1b[2K", 4) == ["long"], "the player does wrap"


def test_the_width_is_the_terminals_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a pseudo-terminal whose window is set to 52 columns, and is then made narrower."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(progress.sys, "stderr", stream)
        monkeypatch.setenv("COLUMNS", "200")
        for columns in (52, 33):
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            with progress.progress_line() as step:
                step("x" * 300)
                said = os.read(ours, 4096).decode()
                assert len(said.removeprefix("\r\x1b[2K")) == columns - 1
            os.read(ours, 4096)
    os.close(ours)


def test_where_nobody_looks_text_is_as_rich_would_print_it() -> None:
    words = ["a", "bb×c", "", "x y  z", "network.tflite", "ä" * 7, "1.23", "—", "e\x1b[3m", "1\n2",
             "日本", "\u202eabc", "tab\tx", "  lead", "trail  "]  # fmt: skip
    rng = random.Random(4)
    compared = 0
    for _ in range(400):
        count = rng.randint(1, 4)
        columns = [Column(rng.choice(words), rng.choice(["text", "word", "number"]))
                   for _ in range(count)]  # fmt: skip
        rows = [[rng.choice(words) for _ in columns] for _ in range(rng.randint(0, 4))]
        parts: list[Line | Rows] = [Line(rng.choice(words), lead=rng.choice(["", "x"]))]
        parts += [Rows(columns, rows, [0])] * rng.randint(0, 1)
        text = as_text(parts, 80)
        if text is None:
            continue
        out = io.StringIO()
        show_styled(parts, terminal(width=80, file=out))
        assert text == out.getvalue()
        compared += 1
    assert compared > 100


def test_what_needs_care_is_left_to_rich() -> None:
    for cell in ("日本", "tab\tx", "trail ", "two\nlines", "x" * 81):
        assert as_text([Rows([Column("a", "text")], [[cell]])], 80) is None


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
