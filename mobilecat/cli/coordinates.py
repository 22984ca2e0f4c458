"""`mobilecat validate --coordinates`: the grid in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobilecat.coordinates.report import CoordinateReport


def show_coordinates(report: CoordinateReport) -> None:
    """Print the verdict, and the corner that moved most by option and orientation, in model px."""
    from rich.table import Table

    from mobilecat.cli.terminal import terminal

    console = terminal()
    many = f"{len(report.rows)} chains from {report.model_runs} model runs"
    if report.verdict == "NOT_MEASURABLE":
        words = "COORDINATES NOT MEASURABLE with these pictures; nothing failed."
        console.print(f"{words} {many}.", style="bold yellow")
    elif report.held:
        console.print(
            f"COORDINATES HELD: boxes land where they belong. {many}.", style="bold green"
        )
    else:
        bad = f"COORDINATES FELL SHORT: {len(report.failed)} chains failed. {many}."
        console.print(bad, style="bold red")
    for line in filter(None, (*report.shortfalls, *report.unmeasured, report.advice)):
        console.print(f"  {line}")
    head, *body = report.grid()
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for k, title in enumerate(head):
        table.add_column(title, justify="left" if k < 2 else "right", no_wrap=True)
    for cells in body:
        table.add_row(*cells)
    console.print(table)
    said = dict.fromkeys(f"{r.lane}, {r.chain.option}: {r.detail}" for r in report.failed)
    for text in list(said)[:12]:
        console.print(f"FAIL  {text}")
    for text in report.not_run:
        console.print(f"NOT_RUN  {text}")
