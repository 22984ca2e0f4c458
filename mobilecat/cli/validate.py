"""`mobilecat validate`: its options, and the report in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import (
    BUNDLE,
    AllowCalibration,
    Artifact,
    BundleDir,
    DataIfAny,
    Html,
    Json,
    Markdown,
    On,
    Runner,
    Source,
    golden_beside,
)
from mobilecat.cli.older import older
from mobilecat.cli.outputs import write_json, write_markdown
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.shown import Line


def validate(
    bundle: BundleDir = BUNDLE,
    golden: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="GDIR",
            help="Folder of goldens: GDIR/<bundle>/<case>/; by default ./golden, where there is "
            "one and neither --random nor --from is given.",
        ),
    ] = None,
    random: Annotated[
        int,
        typer.Option(
            "--random",
            metavar="N",
            min=0,
            help="Compare raw outputs with the source's on N random inputs; needs no golden.",
        ),
    ] = 0,
    range_: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LO,HI",
            help="What random floats are drawn from, such as 0,255; by default what the first "
            "layer of a bare network wants.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Seed of the random inputs.")
    ] = 0,
    runner: Runner = None,
    artifact: Artifact = None,
    source: Source = None,
    slow: Annotated[
        bool,
        typer.Option(
            "--slow", help="Every picture through engines that take seconds each, not the first."
        ),
    ] = False,
    coordinates: Annotated[
        bool,
        typer.Option(
            "--coordinates",
            help="Push the golden pictures through simulated phones: orientations, crop options, "
            "gravities, buffer formats.",
        ),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="With --coordinates: every combination.")
    ] = False,
    json_: Json = None,
    html: Html = None,
    heat_maps: Annotated[
        bool,
        typer.Option(
            "--heat-maps",
            help="With --html: where each lane looks, as heat maps, on up to 8 golden pictures, "
            "those that fail first. Some seconds a picture.",
        ),
    ] = False,
    markdown: Markdown = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="XML", help="Write the report as JUnit XML.")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            "--evaluation",
            metavar="JSON",
            help="With --html: what `evaluate --json` wrote, for the loss of each artifact.",
        ),
    ] = None,
    data: DataIfAny = None,
    allow_calibration: AllowCalibration = False,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="RESULTS", help="Keep what every lane gave, to judge again."
        ),
    ] = None,
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="RESULTS",
            help="A folder: judge what --save kept; no model runs. A file: what tools/mac_lane.py "
            "wrote on a Mac, in the same report.",
        ),
    ] = None,
    tolerances: Annotated[
        Path | None,
        typer.Option(
            "--tolerances", metavar="SPEC", help="[tolerances] of this spec, not the bundle's."
        ),
    ] = None,
    no_write: Annotated[
        bool,
        typer.Option("--no-write", help="Write no pending files (nor does CI=true)."),
    ] = False,
    on: On = None,
    all_: Annotated[
        bool,
        typer.Option("--all", help="Each failing check in a line, and not those alike in one."),
    ] = False,
) -> None:
    """Run every artifact again and hold it to goldens, and to the source model.

    Exit code 0: held. 1: fell short, or something asked for did not run. 2: unusable input.
    A map_loss of the spec is tried with --data alone; without it the headline says so, and the exit
    code is of the goldens.

    mobilecat validate bundle --golden golden --html report.html
    """
    golden = golden_beside(golden, bundle, random, from_)
    require_outputs(
        {"--json": json_, "--html": html, "--junit": junit, "--markdown": markdown},
        inputs=(bundle, source, tolerances, evaluation, *(from_ or [])),
        golden=golden,
        folders={"--save": save},
    )
    with progress_line() as progress:
        found = mc.validate(
            bundle,
            golden,
            random=random,
            seed=seed,
            runner=runner,
            artifact=artifact,
            source=source,
            coordinates=coordinates,
            full=full,
            html=html,
            heat_maps=heat_maps,
            junit=junit,
            evaluation=evaluation,
            data=data,
            allow_calibration=allow_calibration,
            save=save,
            saved=from_ or (),
            tolerances=tolerances,
            write_pending=not no_write,
            slow=slow,
            value_range=_range(range_),
            on=on,
            progress=progress,
        )
    write_json(found.to_json, json_)
    write_markdown(found.markdown, markdown)
    if "-" not in (json_, markdown):
        show(found.words(all_))
        show(Line(said, "yellow") for said in older(bundle))
    sys.exit(found.exit_code)


def _range(text: str | None) -> tuple[float, float] | None:
    """Return LO,HI as numbers."""
    from mobilecat.errors import MobileCatError, Problem

    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as e:
        said = Problem(f"{text!r} is not LO,HI", "--range", "two numbers, rising: --range 0,255")
        raise MobileCatError("The range cannot be read", [said]) from e
    return low, high
