"""`mobilecat bisect`: its options, and the table in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, Artifact, BundleDir, Json, Plot, Source, renamed
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.pictures.chart import require_svg


def bisect(
    bundle: BundleDir = BUNDLE,
    *,
    runner: Annotated[
        str,
        typer.Option(
            "--runner", metavar="NAME", help="coreml, tflite, onnx, coreai or coreai-apple."
        ),
    ],
    image: Annotated[
        Path,
        typer.Option("--image", metavar="FILE", help="A picture, or the .npz of a raw bundle."),
    ],
    artifact: Artifact = None,
    source: Source = None,
    limit: Annotated[
        float | None,
        typer.Option(
            "--max-error",
            metavar="SHARE",
            min=0,
            help="Of a layer's own error, relative to its values.",
        ),
    ] = None,
    old_limit: Annotated[float | None, typer.Option("--limit", min=0, hidden=True)] = None,
    plot: Plot = None,
    all_: Annotated[bool, typer.Option("--all", help="List every layer.")] = False,
    json_: Json = None,
) -> None:
    """Find the first layer where an artifact and its reference part.

    Exit code 0: no layer does. 1: one does. 2: unusable input.

    mobilecat bisect bundle --runner coreml --image photo.jpg
    """
    if old_limit is not None:
        renamed("--limit", "--max-error")
    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, image, source))
    require_svg(plot)
    with progress_line() as progress:
        found = mc.bisect(
            bundle,
            runner,
            image,
            artifact=artifact,
            source=source,
            limit=old_limit if limit is None else limit,
            progress=progress,
        )
    if plot is not None:
        found.plot(plot)
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words(all_))
        if plot is not None:
            print(f"wrote {plot}")
    sys.exit(found.exit_code)
