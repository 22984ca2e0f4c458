"""`mobilecat evaluate`: its options, and the tables in a terminal."""

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


def evaluate(
    bundle: Annotated[
        Path, typer.Argument(metavar="DIR", help="A bundle or cascade that `export` made.")
    ],
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="D",
            help="Labelled pictures: COCO JSON, VOC XML, YOLO txt, Crawford .cat or labels.json.",
        ),
    ],
    runner: Annotated[
        str | None,
        typer.Option("--runner", help="onnx, tflite, coreml, coreai, …; the source runs besides."),
    ] = None,
    artifact: Annotated[
        str | None, typer.Option("--artifact", metavar="FILE", help="One artifact of the bundle.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="N pictures, spread evenly."),
    ] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option(
            "--class-map", metavar="DATA=MODEL", help="Another name of a class. Repeatable."
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="POINTS",
            min=0,
            help="Points of mAP that an artifact may lose against the source; beyond: exit code 1.",
        ),
    ] = None,
    json_: Annotated[
        str | None,
        typer.Option("--json", metavar="F", help="Write the report as JSON; - for stdout."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="SVG", help="Draw precision over recall.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Where results are kept, to go on from."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Believe no result that was kept.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="By default one a core.")
    ] = None,
) -> None:
    """Say what each artifact's accuracy is on labelled pictures, and what it lost.

    Exit code 0: done. 1: an artifact loses more than --max-drop, or that could not be found out.
    2: unusable input.
    """
    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, data, source))
    require_svg(plot)
    with progress_line() as progress:
        report = mc.evaluate(
            bundle,
            data,
            runner=runner,
            artifact=artifact,
            source=source,
            limit=limit,
            class_map=_pairs(class_map or []),
            max_drop=max_drop,
            cache=cache,
            fresh=fresh,
            threads=threads,
            progress=progress,
        )
    write_json(report.to_json, json_)
    if json_ != "-":
        show(report.words())
    if plot is not None:
        report.plot(plot)
        if json_ != "-":
            print(f"wrote {plot}")
    sys.exit(report.exit_code)


def _pairs(given: list[str]) -> dict[str, str]:
    from mobilecat.errors import MobileCatError, Problem

    pairs = [tuple(part.strip() for part in text.split("=", 1)) for text in given]
    bad = [Problem(f"{t!r} is no pair", "--class-map", "write DATA=MODEL, as cat=tabby")
           for t, p in zip(given, pairs, strict=True) if len(p) != 2 or not all(p)]  # fmt: skip
    if bad:
        raise MobileCatError("These classes cannot be mapped", bad)
    return {p[0]: p[1] for p in pairs}
