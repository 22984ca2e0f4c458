"""`mobilecat tune`: its options, and the table in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mobilecat.measure.tune.grid import Setting
    from mobilecat.measure.tune.measure import Row
    from mobilecat.measure.tune.run import Tuned
    from mobilecat.spec import NmsSpec


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
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.progress import progress_line
    from mobilecat.disk import write_text
    from mobilecat.measure.tune.grid import grid_of
    from mobilecat.measure.tune.objective import objective_of
    from mobilecat.measure.tune.run import open_detector
    from mobilecat.measure.tune.run import tune as run
    from mobilecat.measure.tune.spec_file import require_writable, write_setting
    from mobilecat.pictures.chart import require_svg

    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, data, source, write))
    require_svg(plot)
    grid, goal = grid_of(score, iou, max_detections), objective_of(objective)
    named = _pairs(class_map or [])
    if write is not None:
        require_writable(write, open_detector(bundle)[1].spec)
    with progress_line() as progress:
        found = run(
            bundle,
            data,
            grid,
            goal,
            runner=runner,
            artifact=artifact,
            source=source,
            cache=cache,
            class_map=named,
            progress=progress,
        )
    diff = None
    if write is not None and found.best is not None:
        diff = write_setting(write, found.bundle.spec, found.best.setting)
    if json_ is not None:
        text = json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n"
        if json_ == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(json_), text)
    if plot is not None:
        from mobilecat.measure.tune.plot import draw

        draw(found, plot)
    if json_ != "-":
        show(found, write, diff, bundle)
    sys.exit(0 if found.best is not None else 1)


def _pairs(given: list[str]) -> dict[str, str]:
    from mobilecat.errors import MobileCatError, Problem

    wrong = [g for g in given if not all(g.partition("="))]
    if wrong:
        raise MobileCatError(
            "These are no pairs of classes",
            [Problem(repr(g), "--class-map", "write THEIRS=OURS") for g in wrong],
        )
    return {theirs: ours for theirs, _, ours in (g.partition("=") for g in given)}


def show(found: Tuned, spec: Path | None, diff: str | None, folder: Path) -> None:
    """Print the table, the best row, and what was written or could be."""
    from rich.table import Table

    from mobilecat.cli.terminal import terminal

    console = terminal()
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for title in ("score", "IoU", "max", "mAP@.5", "precision", "recall", "F1", "FP/pic",
                  "mean IoU", "boxes/pic", "most", "cut", "NMS ms", ""):  # fmt: skip
        table.add_column(title, justify="right", no_wrap=True)
    for rows in _alike(found.rows):
        best = found.best in rows
        now = any(_is_baked(r.setting, found.baked) for r in rows)
        mark = " ".join(word for word, yes in (("best", best), ("baked", now)) if yes)
        table.add_row(*_cells(rows), mark, style="bold green" if best else None)
    console.print(table)
    read, swept = found.seconds
    console.print(
        f"{len(found.data)} pictures, {found.lane}: {found.inferences} inferences "
        f"({read:.1f} s), {len(found.rows)} settings ({swept:.1f} s)"
    )
    for note in found.notes:
        console.print("note", style="dim", end="  ")
        console.print(note)
    if found.best is None:
        console.print(f"no row meets {found.objective.name}", style="bold red")
        return
    s = found.best.setting
    console.print(
        f"best by {found.objective.name}: score_threshold = {s.score_threshold!r}, "
        f"iou_threshold = {s.iou_threshold!r}, max_detections = {s.max_detections}",
        style="bold green",
    )
    if spec is None:
        console.print("nothing written; --write SPEC.toml puts it into the spec")
        return
    console.print(diff or f"{spec} says so already")
    if diff:
        cascade = found.folder != folder
        how = "export the cascade again" if cascade else f"mobilecat export {spec} -o {folder}"
        console.print(f"bake it: {how}")


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows, those together that max_detections alone tells apart, to no effect."""
    groups: list[list[Row]] = []
    for row in rows:
        before = groups[-1][0] if groups else None
        if before and replace(before, setting=row.setting, nms_ms=row.nms_ms) == row:
            same = replace(before.setting, max_detections=row.setting.max_detections)
            if same == row.setting:
                groups[-1].append(row)
                continue
        groups.append([row])
    return groups


def _is_baked(setting: Setting, nms: NmsSpec) -> bool:
    return (setting.score_threshold, setting.iou_threshold, setting.max_detections) == (
        nms.score_threshold,
        nms.iou_threshold,
        nms.max_detections,
    )


def _cells(rows: Sequence[Row]) -> list[str]:
    row = rows[0]
    s = row.setting
    return [
        f"{s.score_threshold:g}",
        f"{s.iou_threshold:g}",
        "/".join(str(r.setting.max_detections) for r in rows),
        f"{row.map50:.6f}",
        "–" if row.precision is None else f"{row.precision:.3f}",
        f"{row.recall:.3f}",
        f"{row.f1:.3f}",
        f"{row.false_positives_a_picture:.2f}",
        "–" if row.mean_iou is None else f"{row.mean_iou:.3f}",
        f"{row.detections_mean:.1f}",
        str(row.detections_max),
        str(row.cut) if row.cut else "",
        f"{row.nms_ms:.2f}",
    ]
