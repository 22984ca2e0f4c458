"""`mobilecat bisect`: its options, and the table in a terminal."""

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


def bisect(
    bundle: Annotated[Path, typer.Argument(metavar="DIR", help="A bundle that `export` made.")],
    runner: Annotated[
        str, typer.Option("--runner", help="coreml, tflite, onnx, coreai or coreai-apple.")
    ],
    image: Annotated[
        Path, typer.Option("--image", metavar="F", help="A picture, or the .npz of a raw bundle.")
    ],
    artifact: Annotated[
        str | None,
        typer.Option("--artifact", metavar="FILE", help="Which, where the runner has several."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option("--limit", min=0, help="Of a layer's own error, relative to its values."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="SVG", help="Draw error over layers, as SVG.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="List every layer.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Find the first layer where an artifact and its reference part.

    Exit code 0: no layer does. 1: one does. 2: unusable input.
    """
    require_outputs({"--plot": plot}, inputs=(bundle, image, source))
    require_svg(plot)
    with progress_line() as progress:
        found = mc.bisect(
            bundle,
            runner,
            image,
            artifact=artifact,
            source=source,
            limit=limit,
            progress=progress,
        )
    if plot is not None:
        found.plot(plot)
    if json_:
        write_json(found.to_json, "-")
    else:
        show(found.words(all_))
        if plot is not None:
            print(f"wrote {plot}")
    sys.exit(found.exit_code)
