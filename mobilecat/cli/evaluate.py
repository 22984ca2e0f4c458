"""`mobilecat evaluate`: its options, and the tables in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mobilecat.measure.evaluate.report import Evaluation
    from mobilecat.measure.evaluate.scores import Scores

_CLASSES = 12


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
        typer.Option(
            "--runner", help="onnx, tflite, coreml or coreml-native; the source runs besides."
        ),
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
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.progress import progress_line
    from mobilecat.disk import write_text
    from mobilecat.measure.evaluate import evaluate as run
    from mobilecat.pictures.chart import require_svg

    require_outputs({"--json": json_, "--plot": plot}, inputs=(bundle, data, source))
    require_svg(plot)
    with progress_line() as progress:
        report = run(
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
    if json_ is not None:
        text = json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
        if json_ == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(json_), text)
    if json_ != "-":
        show(report)
    if plot is not None:
        from mobilecat.measure.evaluate.plot import plot as draw

        draw(report, plot)
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


def show(report: Evaluation) -> None:
    """Print the report: what was evaluated, the tables, what did not run, notes, shortfalls."""
    from mobilecat.cli.terminal import terminal

    console = terminal()
    console.print(_head(report), style="bold")
    first = next(r.scores for r in report.lanes if r.scores is not None)
    console.print(_lanes(report, first))
    if any(r.scores and r.scores.ap is not None for r in report.lanes):
        console.print(_by_size(report, first))
        console.print(_by_class(report, first))
        rest = sum(c.objects > 0 for c in first.by_class) - _CLASSES
        if rest > 0:
            console.print(f"{rest} more classes with objects: --json", style="dim")
    for text in _words(first):
        console.print(text)
    for engine, lanes in _engines(report).items():
        console.print(f"{', '.join(lanes)}: {engine}", style="dim")
    for row in report.lanes:
        if row.not_run:
            _line(console, "NOT_RUN", "yellow", f"{row.lane.name}: {row.not_run}")
        if row.scores is not None and row.scores.not_finite:
            what = f"{row.lane.name}: {row.scores.not_finite} detections are not finite, left out"
            _line(console, "FAIL", "red", what)
    for note in report.notes:
        _line(console, "note", "dim", note)
    for text in report.shortfalls:
        _line(console, "FELL SHORT", "bold red", text)
    if report.max_drop is not None and not report.shortfalls:
        held = f"no artifact loses more than {report.max_drop:g} points of mAP"
        _line(console, "HELD", "bold green", held)


def _line(console: Console, word: str, style: str, text: str) -> None:
    console.print(word, style=style, end="  ")
    console.print(text)


def _head(report: Evaluation) -> str:
    from mobilecat.judge.words import many

    of = f" of {len(report.data)}" if report.pictures < len(report.data) else ""
    objects = next(r.scores.objects for r in report.lanes if r.scores is not None)
    ran = sum(r.inferred for r in report.lanes)
    kept = sum(r.kept for r in report.lanes)
    did = many(ran, "inference") + (f", {kept} kept from before" if kept else "")
    n = len({c.name for r in report.lanes if r.scores for c in r.scores.by_class if c.objects})
    classes = "1 class" if n == 1 else f"{n} classes"
    return (
        f"{report.bundle.name} on {report.data.path} ({report.data.format}): {report.pictures}{of} "
        f"pictures, {many(objects, 'object')} of {classes}. {did}."
    )


def _lanes(report: Evaluation, first: Scores) -> Table:
    boxes = first.ap is not None
    titles = ["mAP", "loss", "mAP@.5", "loss", "VOC07"] if boxes else []
    titles += ["recall", "FP/pic"]
    titles += ["IoU"] if first.single_iou is None else ["1-box IoU"]
    titles += ["NME"] if first.landmarks is not None else []
    table = _table("lane", titles)
    for row in report.lanes:
        s = row.scores
        if s is None:  # a line below says NOT_RUN, and why
            continue
        loss = report.loss(row)
        cells = []
        if boxes:
            cells = [
                _points(s.ap),
                _signed(loss.ap if loss else None),
                _points(s.ap50),
                _signed(loss.ap50 if loss else None),
                _points(s.voc07),
            ]
        cells += [_share(s.recall), f"{s.wrong_a_picture:.3f}"]
        cells.append(_share(s.mean_iou if first.single_iou is None else s.single_iou))
        if first.landmarks is not None:
            cells.append(_share(s.landmarks.nme if s.landmarks else None, 4))
        table.add_row(row.lane.name, *cells)
    return table


def _by_size(report: Evaluation, first: Scores) -> Table:
    titles = [f"{z.name} ({z.objects})" for z in first.by_size]
    table = _table("mAP by size (objects)", titles)
    for row in report.lanes:
        if row.scores is not None:
            table.add_row(row.lane.name, *(_points(z.ap) for z in row.scores.by_size))
    return table


def _by_class(report: Evaluation, first: Scores) -> Table:
    """Return a row a class with objects: the first lane's figures, and who loses most of them."""
    table = _table("class", ["objects", "mAP", "mAP@.5", "VOC07", "largest loss"])
    table.add_column("in", overflow="fold")
    ranked = sorted(range(len(first.by_class)), key=lambda k: -first.by_class[k].objects)
    for k in [k for k in ranked if first.by_class[k].objects][:_CLASSES]:
        c = first.by_class[k]
        losses = [
            (100 * (c.ap - mine), row.lane.name)
            for row in report.lanes
            if row.scores is not None and row.scores is not first
            if c.ap is not None and (mine := row.scores.by_class[k].ap) is not None
        ]
        worst = max(losses, default=None)
        table.add_row(
            c.name,
            str(c.objects),
            _points(c.ap),
            _points(c.ap50),
            _points(c.voc07),
            _signed(worst[0] if worst else None),
            worst[1] if worst and worst[0] >= 0.005 else "",
        )
    return table


def _words(first: Scores) -> list[str]:
    """Return what the columns mean where a name alone would not tell."""
    said = ["mAP: COCO, mean over IoU .5 to .95, in points of 100; loss: against the source."]
    if first.ap is None:
        said = []
    if first.empty_pictures:
        what = f"{first.wrong_in_empty} false positives in {first.empty_pictures} pictures"
        said.append(f"{what} without objects (first lane).")
    marks = first.landmarks
    if marks is not None:
        said.append(
            f"NME: {marks.points} landmarks over the {marks.unit}, mean of {marks.measured} of "
            f"{marks.objects} labelled objects (first lane)."
        )
    if first.single_iou is not None:
        said.append(f"1-box IoU: over the {first.single_pictures} pictures with one object.")
    return said


def _engines(report: Evaluation) -> dict[str, list[str]]:
    """Return what ran, with the lanes that did in it."""
    found: dict[str, list[str]] = {}
    for row in report.lanes:
        if row.scores is not None:
            found.setdefault(row.engine, []).append(row.lane.name)
    return found


def _table(first: str, numbers: list[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(first, overflow="fold")
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:.2f}"


def _share(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
