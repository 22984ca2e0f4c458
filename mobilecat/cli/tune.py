"""`mobilecat tune`: its options, and the table in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import (
    BUNDLE,
    Artifact,
    BundleDir,
    Cache,
    ClassMap,
    Data,
    Fresh,
    Json,
    Limit,
    Merge,
    On,
    Plot,
    Runner,
    Shard,
    Source,
    class_pairs,
)
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line
from mobilecat.disk.outputs import require_outputs
from mobilecat.pictures.chart import require_svg


def tune(
    bundle: BundleDir = BUNDLE,
    *,
    data: Data,
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
    class_map: ClassMap = None,
    runner: Runner = None,
    artifact: Artifact = None,
    source: Source = None,
    limit: Limit = None,
    cache: Cache = None,
    fresh: Fresh = False,
    on: On = None,
    shard: Shard = None,
    merge: Merge = None,
    json_: Json = None,
    plot: Plot = None,
) -> None:
    """Sweep score threshold, IoU threshold and max detections on labelled pictures.

    The model runs once a picture. Exit code 0: there is a best row. 1: no row meets the objective,
    or too few objects for --write. 2: unusable input.

    mobilecat tune bundle --data photos/labels.json --write mobilecat.toml
    """
    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, data, source, write))
    require_svg(plot)
    named = class_pairs(class_map or [])
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
            limit=limit,
            cache=cache,
            fresh=fresh,
            on=on,
            shard=shard,
            merge=merge or (),
            progress=progress,
        )
    if plot is not None:
        found.plot(plot)
    give(found, json_, *([f"wrote {plot}"] if plot else []))
