"""`mobilecat golden review`: one pending result after another, and what a person says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from mobilecat.review.approve import Pending, approve
from mobilecat.review.commands import approve_command, clean_command
from mobilecat.review.reject import reject
from mobilecat.review.review import draw_review, lines_of

KEYS = "[a]ccept  [v]ariant of this lane  [r]eject  [s]kip  [q]uit"


def show(console: Console, bundle: Path, golden: Path, pending: Pending) -> None:
    """Print a pending result: its differences, where it is from, its files, how to accept it."""
    of = f" ({pending.lane})" if pending.lane else ""
    console.print(f"{pending.case}{of}", style="bold")
    if pending.stale:
        text = "the approved result has changed since: validate or record again"
        console.print(f"  stale: {text}", style="yellow")
    for line in lines_of(pending):
        console.print(f"  {line}")
    console.print(f"  from {pending.found.made.lane}, {pending.found.made.at}", style="dim")
    console.print(_linked("  file    ", pending.path))
    if drawn := draw_review(pending):
        console.print(_linked("  picture ", drawn))
    if pending.useless:
        console.print(f"  remove  {clean_command(bundle, golden)}", style="dim")
    else:
        console.print(f"  approve {approve_command(bundle, golden, pending)}", style="dim")


def _linked(title: str, path: Path) -> Text:
    """Return a path that a terminal can open."""
    return Text(title + str(path), style=f"dim link {path.resolve().as_uri()}")


def walk(
    console: Console,
    bundle: Path,
    golden: Path,
    found: Sequence[Pending],
    reason: str = "",
    ask: Callable[[str], str] = input,
) -> None:
    """Show each pending result and ask what becomes of it. The end of the input quits."""
    for k, pending in enumerate(found, start=1):
        console.print(f"{k} of {len(found)}", style="dim")
        seen = sha256_of(pending.path)
        show(console, bundle, golden, pending)
        try:
            answer = _answer(console, pending, ask)
            why = reason or (ask("  reason: ").strip() if answer in "av" else "")
        except (EOFError, KeyboardInterrupt):
            answer, why = "q", ""
        if answer == "q":
            console.print("the rest stays pending")
            return
        if answer in "av" or answer == "r":
            if not pending.path.is_file() or sha256_of(pending.path) != seen:
                console.print("  it has changed while you looked; left as it is", style="yellow")
                continue
            _act(console, bundle, golden, pending, answer, why)


def _answer(console: Console, pending: Pending, ask: Callable[[str], str]) -> str:
    keys = KEYS if pending.lane else KEYS.replace("  [v]ariant of this lane", "")
    allowed = {part[1] for part in keys.split("  ")}
    while True:
        answer = ask(f"  {keys}: ").strip().lower()[:1]
        if answer in allowed:
            return answer
        console.print(f"  one of {', '.join(sorted(allowed))}")


def _act(
    console: Console, bundle: Path, golden: Path, pending: Pending, answer: str, reason: str
) -> None:
    try:
        if answer == "r":
            for path in reject(pending):
                console.print(f"  removed {path}")
            return
        lane = pending.lane or None
        for path in approve(
            bundle, golden, [pending.case], lane=lane, variant=answer == "v", reason=reason
        ):
            console.print(f"  approved {path}")
    except MobileCatError as e:
        console.print(f"  {e.in_options}", style="yellow")
