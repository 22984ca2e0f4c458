"""`mobilecat explain`: where a model looks, and whether its artifacts look there too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, Artifact, BundleDir, Draw, Json, Runner, Source
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line
from mobilecat.disk.outputs import require_outputs


def explain(
    bundle: BundleDir = BUNDLE,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="The picture to look at.")
    ] = None,
    class_: Annotated[
        str | None,
        typer.Option("--class", metavar="LABEL", help="Whose score; the best without."),
    ] = None,
    method: Annotated[
        str,
        typer.Option("--method", metavar="HOW", help="auto, grad-cam, eigen-cam or occlusion."),
    ] = "auto",
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="NAME", help="In the graph; the deepest by default."),
    ] = None,
    runner: Runner = None,
    artifact: Artifact = None,
    draw: Draw = None,
    json_: Json = None,
    source: Source = None,
) -> None:
    """Say where the source and every artifact look on a picture, as heat maps side by side.

    Exit code 0: every artifact looks where its source does. 1: one looks elsewhere. 2: unusable.

    mobilecat explain bundle --image cat.jpg --draw maps.png
    """
    if image is None:
        raise mc.MobileCatError("Which picture?", [mc.Problem("none is named", "--image")])
    files = {"--draw": draw, "--json": json_}
    require_outputs(files, "--draw", inputs=(bundle, image, source))
    with progress_line() as progress:
        found = mc.heat_maps(
            bundle,
            image,
            class_=class_,
            method=method,
            layer=layer,
            runner=runner,
            artifact=artifact,
            source=source,
            progress=progress,
        )
    if draw is not None:
        from mobilecat.pictures.drawing import save_picture

        save_picture(found.draw(), draw)
    give(found, json_, *([f"drew {draw}"] if draw else []))
