"""Quick pages show what their commands print; of the others `tools.site.record` sees to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.site.pages import DOCS
from tools.site.record import DATA, HOME, NEEDS_DATA, Failed, prepared, recorded

QUICK = ("verbs/spec.md", "recipes/size.md", "recipes/too-low.md")


@pytest.mark.parametrize("name", QUICK)
def test_a_page_shows_what_its_commands_print(name: str, tmp_path: Path) -> None:
    text = (DOCS / name).read_text("utf-8")
    if NEEDS_DATA.search(text) and not DATA.is_dir():
        pytest.skip(f"NOT_RUN: {DATA} is not here")
    (home := tmp_path / HOME).mkdir()
    assert prepared(text, home, tmp_path)
    assert recorded(text, home) == text


def test_what_differs_and_what_fails_is_noticed(tmp_path: Path) -> None:
    block = "<!-- lines: 1 -->\n```console\n$ printf 'a\\nb\\n'\n{}$ cat <<END\n> d\n> END\n{}```\n"
    assert recorded(block.format("c\n", "x\n"), tmp_path) == block.format("a\n…\n", "d\n")
    with pytest.raises(Failed, match="exit code 3"):
        recorded("```console\n$ echo said; exit 3\n```\n", tmp_path)


def test_what_long_work_says_every_twenty_seconds_is_left_out(tmp_path: Path) -> None:
    block = "```console\n$ printf '20 s  rounding: try 3\\n20 s in all\\n'\n{}```\n"
    assert recorded(block.format(""), tmp_path) == block.format("20 s in all\n")
