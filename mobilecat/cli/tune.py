"""`mobilecat tune`: its options, and the table in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.pictures.chart import require_svg


def tune(
    bundle: Annotated[Path, typer.Argument(metavar="DIR", help="A bundle that `export` made.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="D", help="Labelled pictures: a folder or label file.")
    ],
    score: Annotated[
        str,
        typer.Option("--score", metavar="LIST", help="Score thresholds: a,b or start:stop:step."),
    ] = "0.01,0.05,0.1:0.9:0.1",
    iou: Annotated[
        str, typer.Option("--iou", metavar="LIST", help="IoU thresholds of the NMS.")
    ] = "0.3,0.45,0.55,0.65",
    max_detections: Annotated[
        str, typer.Option("--max-detections", metavar="LIST", help="Boxes kept at most.")
    ] = "300,3000",
    objective: Annotated[
        str,
        typer.Option(
            "--objective", metavar="WHAT", help="What is best: f1, map, or recall@fp=0.2."
        ),
    ] = "f1",
    write: Annotated[
        Path | None,
        typer.Option(
            "--write", metavar="SPEC", help="Write the best row into the [nms] of this spec."
        ),
    ] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option(
            "--class-map", metavar="THEIRS=OURS", help="A label's class is this one. Repeatable."
        ),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option("--runner", help="Whose candidates; by default the source model's."),
    ] = None,
    artifact: Annotated[
        str | None, typer.Option("--artifact", metavar="FILE", help="One artifact of the bundle.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="CDIR", help="Where candidates are kept between runs."),
    ] = None,
    json_: Annotated[
        str | None,
        typer.Option("--json", metavar="F", help="Write the table as JSON; - for stdout."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="SVG", help="Draw recall over false positives, as SVG."),
    ] = None,
) -> None:
    """Sweep score threshold, IoU threshold and max detections on labelled pictures.

    The model runs once a picture. Exit code 0: there is a best row. 1: no row meets the objective.
    2: unusable input.
    """
    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, data, source, write))
    require_svg(plot)
    named = _pairs(class_map or [])
    with progress_line() as progress:
        found = mc.tune(
            bundle,
            data,
            scores=score,
            ious=iou,
            max_detections=max_detections,
            objective=objective,
            write=write,
            class_map=named,
            runner=runner,
            artifact=artifact,
            source=source,
            cache=cache,
            progress=progress,
        )
    write_json(found.to_json, json_)
    if plot is not None:
        found.plot(plot)
    if json_ != "-":
        show(found.words())
    sys.exit(found.exit_code)


def _pairs(given: list[str]) -> dict[str, str]:
    from mobilecat.errors import MobileCatError, Problem

    wrong = [g for g in given if not all(g.partition("="))]
    if wrong:
        raise MobileCatError(
            "These are no pairs of classes",
            [Problem(repr(g), "--class-map", "write THEIRS=OURS") for g in wrong],
        )
    return {theirs: ours for theirs, _, ours in (g.partition("=") for g in given)}
