"""`mobilecat golden record|list|review|approve|index`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import (
    BUNDLE,
    GOLDEN,
    Boxes,
    BundleDir,
    ClipFile,
    Every,
    GoldenDir,
    Html,
    OneLane,
    Pictures,
    PicturesOfBundle,
    Reason,
    Source,
    Variant,
    Verb,
    Verbs,
    bundle_and_pictures,
    renamed,
)
from mobilecat.cli.progress import progress_line
from mobilecat.cli.steps import (
    labelled_of,
    of_the_calibration,
    reviewed,
    said,
    states_losses,
    with_data,
)
from mobilecat.cli.terminal import show, terminal
from mobilecat.disk import write_text
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError, Problem
from mobilecat.shown import Column, Line, Table

golden_app = typer.Typer(
    name="golden",
    cls=Verbs,
    help="Goldens: results that a person looked at and approved. A validation holds to them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@golden_app.command(cls=Verb, short_help="Run pictures; keep what is found as pending.")
def record(
    words: PicturesOfBundle = None,
    golden: GoldenDir = GOLDEN,
    image: Pictures = None,
    clip: ClipFile = None,
    every: Every = 1,
    case: Annotated[
        str | None,
        typer.Option("--case", metavar="NAME", help="Name of the case; by default the file's."),
    ] = None,
    lane: OneLane = None,
    link: Annotated[
        bool, typer.Option("--link", help="Refer to the picture where it lies, do not copy it.")
    ] = False,
    boxes: Boxes = None,
    source: Source = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Approve what is found: you answer for it.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Run the source model on pictures and write what it finds as pending cases.

    With --at-once they are goldens: whoever says so answers for what the model finds.

    mobilecat golden record bundle photo.jpg
    """
    from mobilecat.review.approve import pendings
    from mobilecat.review.review import lines_of

    if clip is not None:
        if image or boxes or len(words or ()) > 1:
            fix = f"record them one by one: --clip {clip}"
            raise MobileCatError("A clip is recorded alone", [Problem("pictures too", fix=fix)])
        bundle, pictures = (words or [BUNDLE])[0], [clip]
    else:
        bundle, pictures = bundle_and_pictures(words, image, (".npz",))
    for option, given in (("--boxes", boxes), ("--case", case)):
        if given is not None and len(pictures) > 1:
            fix = "record them one by one"
            several = Problem(f"{option} {given} with {len(pictures)} pictures", fix=fix)
            raise MobileCatError("This is of one picture", [several])
    opened = mc.open(bundle)
    for path in pictures:
        with progress_line() as progress:
            made = mc.golden.record(
                opened,
                golden,
                None if clip else path,
                clip=clip,
                every=every,
                case=case,
                lane=lane or "source",
                link=link,
                boxes=boxes,
                source=source,
                progress=progress,
            )
        if made is None:
            show([Line(f"{path}: the approved result is the same; nothing written")])
            continue
        name = made.parent.name
        new = next(p for p in pendings(Path(opened), golden, name) if not p.lane)
        found = [line.strip() for line in lines_of(new, doubts=False)]
        did = f"wrote {made}"
        if at_once:
            mc.golden.approve(opened, golden, name, reason=reason)
            did = "approved"
        show([Line(f"{path}: {did}; {found[0]}"), *(Line(f"  {line}") for line in found[1:])])
        show([Line(f"  warning: {text}", "yellow") for text in new.doubts])
    if clip is None:
        show(of_the_calibration(opened.calibrated_on(pictures), pictures))
    if missing := mc.golden.missing(bundle, golden):
        show([Line(missing)])
    beside = _beside(bundle, golden)
    after = [] if at_once else list(reviewed(beside))
    data = (
        with_data(labelled_of(pictures)) if states_losses(opened.contract.spec.tolerances) else ""
    )
    show(Line(text) for text in said([*after, f"mobilecat validate{beside}{data}"]))


def _beside(bundle: Path, golden: Path) -> str:
    """Return what a command that comes next has to name, "" where both are the usual ones."""
    return "" if (bundle, golden) == (BUNDLE, GOLDEN) else f" {bundle} --golden {golden}"


@golden_app.command("list", cls=Verb, short_help="Show the cases and their state.")
def list_(bundle: BundleDir = BUNDLE, golden: GoldenDir = GOLDEN) -> None:
    """Show the bundle's cases and their state: approved, pending, broken.

    mobilecat golden list bundle
    """
    states = mc.golden.cases(bundle, golden)
    if not states:
        show([Line(f"no cases in {golden}; make one: mobilecat golden record")])
        return
    columns = [Column(title, "text") for title in ("case", "state", "pending")]
    rows = [(s.case, s.state, " ".join(p.name for p in s.pending)) for s in states]
    problems = [Line(f"  {s.case}: {p}", "yellow") for s in states for p in s.problems]
    show([Table(columns, rows), *problems], wide=False)


@golden_app.command(cls=Verb, short_help="Look at what is pending; approve or reject.")
def review(
    bundle: BundleDir = BUNDLE,
    golden: GoldenDir = GOLDEN,
    approve: Annotated[
        list[str] | None, typer.Option("--approve", metavar="CASE", help="Approve it. Repeatable.")
    ] = None,
    accept: Annotated[list[str] | None, typer.Option("--accept", hidden=True)] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", metavar="CASE", help="Remove it. Repeatable.")
    ] = None,
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Remove what is of another bundle, or was overtaken."),
    ] = False,
    lane: OneLane = None,
    variant: Variant = False,
    reason: Reason = "",
    html: Html = None,
) -> None:
    """Walk through what is pending, largest difference first: approve, reject or skip.

    Asks only in a terminal. The picture beside a pending file has approved, pending, difference.

    mobilecat golden review bundle --html review.html
    """
    from mobilecat.cli import review as ask

    require_outputs({"--html": html}, inputs=(bundle,), golden=golden)
    if accept:
        renamed("--accept", "--approve")
    approved = [*(approve or ()), *(accept or ())]
    if approved or reject:
        mc.golden.accept_or_reject(
            bundle,
            golden,
            accept=approved,
            reject=reject or (),
            lane=lane,
            variant=variant,
            reason=reason,
            told=lambda did, path: show([Line(f"{did} {path}")]),
        )
        return
    if clean:
        gone = mc.golden.clean(bundle, golden)
        show(Line(f"removed {path}") for path in gone)
        if not gone:
            show([Line("nothing to remove: all that is pending is of this bundle's own files")])
        return
    found = mc.golden.review(bundle, golden, lane=lane)
    if html is not None:
        write_text(html, found.page())
        show([Line(f"wrote {html}")])
        if any(not p.lane for p in found):
            _, approving = reviewed(_beside(bundle, golden))
            show([Line(f"next: look at it, then {approving}")])
    elif not found:
        show(found.words())
    elif sys.stdin.isatty() and sys.stdout.isatty():
        ask.walk(terminal(), bundle, golden, found.pending, reason)
    else:
        for pending in found:
            ask.show(terminal(), bundle, golden, pending)


@golden_app.command(cls=Verb, short_help="Make pending results the expected ones.")
def approve(
    bundle: BundleDir = BUNDLE,
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]…", help="Cases to approve.")
    ] = None,
    golden: GoldenDir = GOLDEN,
    every: Annotated[
        bool, typer.Option("--all", help="Every case with a recorded pending result.")
    ] = False,
    lane: OneLane = None,
    variant: Variant = False,
    reason: Reason = "",
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="By default the login name.")
    ] = None,
) -> None:
    """Make pending results the expected ones. Nothing else ever writes an approved file.

    mobilecat golden approve bundle photo --reason "both cats, ears in place"
    """
    if bundle != BUNDLE and not bundle.exists() and BUNDLE.is_dir():  # a case of ./bundle
        bundle, cases = BUNDLE, [str(bundle), *(cases or ())]
    waiting = [p for p in mc.golden.review(bundle, golden, lane=lane) if p.lane == (lane or "")]
    chosen = [p for p in waiting if every or p.case in (cases or ())]
    odd = [p for p in chosen if p.doubts]
    for p in odd:
        show([Line(f"{p.case}: warning: {text}", "yellow") for text in p.doubts])
    written = mc.golden.approve(
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
        show([Line(f"approved {path}")])
    for text in dict.fromkeys("; ".join(p.changed) for p in chosen if p.changed):
        show([Line(f"the goldens before were for another contract: {text}", "yellow")])
    if lane not in (None, "source") and not variant:
        text = f"every lane is held to it now, the source too; for {lane} alone: --variant"
        show([Line(text, "yellow")])
    if odd:
        look = f"{len(odd)} of {len(written)} approved results look wrong: see the warnings above"
        show([Line(f"{look}. Mend the spec, export, and record them again", "yellow")])


@golden_app.command(cls=Verb, short_help="Write down what is approved now.")
def index(bundle: BundleDir = BUNDLE, golden: GoldenDir = GOLDEN) -> None:
    """Write down what is approved now, so that a golden that goes or is copied is noticed.

    For goldens of an older mobilecat, and where cases were removed or merged on purpose.

    mobilecat golden index bundle
    """
    changes = mc.golden.index(bundle, golden)
    show(Line(line) for line in changes or ["the index was as it should be"])
