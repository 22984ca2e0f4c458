"""`mobilecat golden record|list|review|approve`."""

from __future__ import annotations

import sys
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
    from mobilecat.cli.terminal import terminal

    return terminal(width=None)


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
    boxes: Annotated[
        Path | None,
        typer.Option("--boxes", metavar="FILE", help="Boxes of a cascade that finds none itself."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
) -> None:
    """Run the source model on pictures and write what it finds as pending cases."""
    from mobilecat.cli.progress import progress_line
    from mobilecat.errors import MobileCatError, Problem
    from mobilecat.review.approve import record as run

    if boxes is not None and len(image) > 1:
        fix = "record them one by one"
        several = Problem(f"--boxes {boxes} with {len(image)} pictures", fix=fix)
        raise MobileCatError("Boxes are of one picture", [several])
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
                boxes=boxes,
                source=source,
                progress=progress,
            )
        said = f"wrote {made}" if made else "the approved result is the same; nothing written"
        _console().print(f"{path}: {said}")
    if missing := _missing(bundle, golden):
        _console().print(missing)
    _console().print(f"next: mobilecat golden review {bundle} --golden {golden}")


def _missing(folder: Path, golden_dir: Path) -> str:
    """Return which picture the goldens lack most, recorded ones among them."""
    from mobilecat.bundle.cascade import CascadeBundle, open_any
    from mobilecat.golden.store import APPROVED, PENDING, case_folders, read_result, result_path
    from mobilecat.judge.untried import advice

    bundle = open_any(folder)
    if isinstance(bundle, CascadeBundle):
        return ""
    found = []
    for home in case_folders(golden_dir, bundle):
        files = [result_path(home, word) for word in (PENDING, APPROVED)]
        found += [read_result(f) for f in files if f.is_file()][:1]
    return advice(bundle, found)


@golden_app.command("list")
def list_(bundle: BundleDir, golden: GoldenDir) -> None:
    """Show the bundle's cases and their state: approved, pending, broken."""
    from rich.table import Table

    from mobilecat.review.approve import list_cases

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
def review(
    bundle: BundleDir,
    golden: GoldenDir,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="CASE", help="Approve it. Repeatable.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", metavar="CASE", help="Remove it. Repeatable.")
    ] = None,
    lane: Annotated[
        str | None, typer.Option("--lane", help="Only what this lane gave; needed to tell several.")
    ] = None,
    variant: Annotated[
        bool, typer.Option("--variant", help="Accept for that lane alone, with --lane.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the golden.")] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="F", help="Write all of it as one page.")
    ] = None,
) -> None:
    """Walk through what is pending, largest difference first: accept, reject or skip.

    Asks only in a terminal. The picture beside a pending file has approved, pending, difference.
    """
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.review import decide, show, walk, write_page
    from mobilecat.review.approve import pendings

    require_outputs({"--html": html}, inputs=(bundle,), golden=golden)
    console = _console()
    found = [p for p in pendings(bundle, golden) if lane in (None, p.lane)]
    if accept or reject:
        decide(console, bundle, golden, found, accept or [], reject or [], variant, reason)
        return
    if html is not None:
        write_page(bundle, golden, found, html)
        console.print(f"wrote {html}")
        return
    if not found:
        console.print("nothing is pending")
    elif sys.stdin.isatty() and sys.stdout.isatty():
        walk(console, bundle, golden, found, reason)
    else:
        for pending in found:
            show(console, bundle, golden, pending)


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
    from mobilecat.review.approve import approve as run

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
