"""`mobilecat golden record|list|review|approve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

golden_app = typer.Typer(
    name="golden",
    help="Goldens: results that a person looked at and approved. A validation holds to them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

BundleDir = Annotated[Path, typer.Argument(metavar="DIR", help="A bundle that `export` made.")]
GoldenDir = Annotated[
    Path,
    typer.Option("--golden", metavar="GDIR", help="Folder of goldens: GDIR/<bundle>/<case>/."),
]


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, soft_wrap=True)


@golden_app.command()
def record(
    bundle: BundleDir,
    golden: GoldenDir,
    image: Annotated[
        list[Path],
        typer.Option(
            "--image", metavar="FILE", help="A picture, or an .npz of inputs. Repeatable."
        ),
    ],
    case: Annotated[
        str | None,
        typer.Option("--case", metavar="NAME", help="Name of the case; by default the file's."),
    ] = None,
    lane: Annotated[
        str, typer.Option("--lane", help="What runs: source, onnx:yunet.onnx, …")
    ] = "source",
    link: Annotated[
        bool, typer.Option("--link", help="Refer to the picture where it lies, do not copy it.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
) -> None:
    """Run the source model on pictures and write what it finds as pending cases."""
    from mobilecat.cli.progress import progress_line
    from mobilecat.errors import MobileCatError, Problem
    from mobilecat.validate import record as run

    if case is not None and len(image) > 1:
        raise MobileCatError(
            "One name, several pictures",
            [Problem(f"--case {case} with {len(image)} pictures", fix="record them one by one")],
        )
    for path in image:
        with progress_line() as progress:
            made = run(
                bundle,
                golden,
                path,
                case=case,
                lane=lane,
                link=link,
                source=source,
                progress=progress,
            )
        said = f"wrote {made}" if made else "the approved result is the same; nothing written"
        _console().print(f"{path}: {said}")
    _console().print(f"next: mobilecat golden review {bundle} --golden {golden}")


@golden_app.command("list")
def list_(bundle: BundleDir, golden: GoldenDir) -> None:
    """Show the bundle's cases and their state: approved, pending, broken."""
    from rich.table import Table

    from mobilecat.validate import list_cases

    console = _console()
    states = list_cases(bundle, golden)
    if not states:
        console.print(f"no cases in {golden}; make one: mobilecat golden record")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("case", "state", "pending"):
        table.add_column(title)
    for s in states:
        table.add_row(s.case, s.state, " ".join(p.name for p in s.pending))
    console.print(table)
    for s in states:
        for problem in s.problems:
            console.print(f"  {s.case}: {problem}", style="yellow")


@golden_app.command()
def review(bundle: BundleDir, golden: GoldenDir) -> None:
    """Show what each pending case would change, largest difference first, and draw it.

    The picture beside a pending file has the approved result left and the pending one right.
    """
    from mobilecat.validate import pendings
    from mobilecat.validate.review import draw_review, lines_of

    console = _console()
    found = pendings(bundle, golden)
    for pending in found:
        of = f" ({pending.lane})" if pending.lane else ""
        lane = f" --lane {pending.lane}" if pending.lane else ""
        console.print(f"{pending.case}{of}", style="bold")
        if pending.stale:
            text = "the approved result has changed since: validate or record again"
            console.print(f"  stale: {text}", style="yellow")
        for line in lines_of(pending):
            console.print(f"  {line}")
        console.print(f"  from {pending.found.made.lane}, {pending.found.made.at}", style="dim")
        console.print(f"  file    {pending.path}", style="dim")
        if drawn := draw_review(pending):
            console.print(f"  picture {drawn}", style="dim")
        approve = f"mobilecat golden approve {bundle} {pending.case} --golden {golden}{lane}"
        console.print(f"  approve {approve}", style="dim")
    if not found:
        console.print("nothing is pending")


@golden_app.command()
def approve(
    bundle: BundleDir,
    golden: GoldenDir,
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="CASE…", help="Cases to approve.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every case with a recorded pending result.")
    ] = False,
    lane: Annotated[
        str | None,
        typer.Option("--lane", help="Take what this lane gave in the last validation."),
    ] = None,
    variant: Annotated[
        bool, typer.Option("--variant", help="With --lane: approve it for that lane alone.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the golden.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", help="Who approves; by default the login name.")
    ] = None,
) -> None:
    """Make pending results the expected ones. Nothing else ever writes an approved file."""
    from mobilecat.errors import MobileCatError, Problem
    from mobilecat.validate import approve as run

    if not cases and not every:
        raise MobileCatError("Which case?", [Problem("none is named", fix="name cases, or --all")])
    written = run(
        bundle,
        golden,
        cases or (),
        every=every,
        lane=lane,
        variant=variant,
        reason=reason,
        by=by,
    )
    for path in written:
        _console().print(f"approved {path}")
