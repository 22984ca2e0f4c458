"""`mobilecat compress`: its options, and the frontier in a terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import (
    SPEC,
    AllowCalibration,
    Artifact,
    Cache,
    ClassMap,
    Data,
    Fresh,
    Html,
    Json,
    Limit,
    On,
    Plot,
    Source,
    Threads,
    class_pairs,
)
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line, stoppable
from mobilecat.disk.outputs import require_outputs
from mobilecat.pictures.chart import require_svg


def compress(
    spec: Annotated[Path, typer.Argument(metavar="[SPEC]", help="The spec to write into.")] = SPEC,
    *,
    data: Data,
    budget: Annotated[
        str,
        typer.Option(
            "--budget", metavar="POINTS", help="Points of mAP that a target may lose, of 100."
        ),
    ] = "0.5",
    for_: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="WHAT",
            help="What is best: size, however slow on this CPU (it is said), or speed.",
        ),
    ] = "size",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be written into the spec.")
    ] = False,
    artifact: Artifact = None,
    source: Source = None,
    class_map: ClassMap = None,
    limit: Limit = None,
    allow_calibration: AllowCalibration = False,
    cache: Cache = None,
    fresh: Fresh = False,
    threads: Threads = None,
    on: On = None,
    json_: Json = None,
    plot: Plot = None,
    html: Html = None,
) -> None:
    """Find each target's smallest recipe within a budget of accuracy; write it into the spec.

    The spec as it was is kept beside it, as SPEC.before-compress; --dry-run writes nothing. Every
    candidate is exported and run on the labelled pictures: minutes. It may be stopped: what was
    measured is kept, and the same command goes on there. Exit code 0: each target has a recipe.
    1: one has none within the budget. 2: unusable input. 130: stopped.

    mobilecat compress mobilecat.toml --data photos/labels.json --budget 0.5 --html frontier.html
    """
    named = {"--json": json_, "--plot": plot, "--html": html}
    require_outputs(named, inputs=(spec, data, source))
    require_svg(plot)
    points = _points(budget)
    with stoppable(_stopped(spec, cache, fresh)), progress_line() as progress:
        found = mc.compress(
            spec,
            data,
            budget=points,
            goal=for_,  # type: ignore[arg-type]
            artifact=artifact,
            source=source,
            limit=limit,
            class_map=class_pairs(class_map or []),
            cache=cache,
            fresh=fresh,
            threads=threads,
            allow_calibration=allow_calibration,
            dry_run=dry_run,
            on=on,
            html=html,
            progress=progress,
        )
    if plot is not None:
        found.plot(plot)
    give(found, json_, *(f"wrote {file}" for file in (plot, html) if file is not None))


def _points(text: str) -> float:
    """Return a number of points as it was typed. Errors: MobileCatError."""
    from mobilecat.errors import MobileCatError, Problem

    try:
        return float(text)
    except ValueError:
        meant = text.strip().removesuffix("%").strip().replace(",", ".", 1)
        known = re.fullmatch(r"\d+\.?|\d*\.\d+", meant)
        fix = f"--budget {meant if known else '0.5'}, in points of 100"
        said = Problem(f"{text!r:.40} is no number", "--budget", f"such as {fix}")
        raise MobileCatError("There is no such budget", [said]) from None


def _stopped(spec: Path, cache: Path | None, fresh: bool) -> str:
    where = f" in {cache}" if cache is not None else ""
    again = "the same command goes on there (with --fresh it begins anew)"
    if fresh:
        again = "the same command without --fresh goes on there, and believes nothing older"
    return (
        f"stopped: {spec} was not touched. What was measured is kept{where}, but for the step that "
        f"it was at: {again}"
    )
