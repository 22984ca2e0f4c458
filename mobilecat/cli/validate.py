"""`mobilecat validate`: its options, and the report in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mobilecat.compare.compare import Check
    from mobilecat.coordinates.chains import CoordinateReport
    from mobilecat.judge.report import LaneReport, Report
    from mobilecat.judge.saved import Saved


def validate(
    bundle: Annotated[Path, typer.Argument(metavar="DIR", help="A bundle that `export` made.")],
    golden: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="GDIR",
            help="Folder of goldens: GDIR/<bundle>/<case>/approved.json.",
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
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the random inputs.")] = 0,
    runner: Annotated[
        str | None,
        typer.Option("--runner", help="source, onnx, tflite, coreml or coreml-native."),
    ] = None,
    artifact: Annotated[
        str | None, typer.Option("--artifact", metavar="FILE", help="One artifact of the bundle.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
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
    json_: Annotated[
        str | None,
        typer.Option("--json", metavar="F", help="Write the report as JSON; - for stdout."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="F", help="Write the report as one page, pictures inside."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="F", help="Write the report as JUnit XML.")
    ] = None,
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
) -> None:
    """Run every artifact again and hold it to goldens, and to the source model.

    Exit code 0: held. 1: fell short, or something asked for did not run. 2: unusable input.
    """
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.progress import progress_line
    from mobilecat.disk import write_text
    from mobilecat.errors import MobileCatError, Problem
    from mobilecat.judge.run import validate as run
    from mobilecat.judge.saved import open_saved, recording
    from mobilecat.lanes import open_lane
    from mobilecat.spec import load_spec

    require_outputs(
        {"--json": json_, "--html": html, "--junit": junit},
        inputs=(bundle, source, tolerances, *(from_ or [])),
        golden=golden,
        folders={"--save": save},
    )
    kept, files = _results(from_ or [])
    if save is not None and kept is not None:
        twice = Problem("--save with --from", fix="they are saved already: copy the folder")
        raise MobileCatError("One or the other", [twice])
    if coordinates and (golden is None or kept is not None):
        what = "needs golden pictures" if golden is None else "runs models, which --from does not"
        raise MobileCatError("These do not go together", [Problem(f"--coordinates {what}")])
    if full and not coordinates:
        raise MobileCatError("These do not go together", [Problem("--full is of --coordinates")])
    given = None if tolerances is None else load_spec(tolerances).tolerances
    with recording(save, open_saved(kept) if kept is not None else open_lane) as recorder:
        with progress_line() as progress:
            report = run(
                bundle,
                golden,
                runner=runner,
                artifact=artifact,
                random=random,
                seed=seed,
                source=source,
                write_pending=not no_write,
                progress=progress,
                opener=recorder if save is not None or html is not None else recorder.opener,
                tolerances=given,
                value_range=_range(range_),
                slow=slow,
            )
        if files:
            from mobilecat.report.results_file import fold

            report = fold(report, files)
        placed = None
        if coordinates and golden is not None:
            from mobilecat.coordinates.chains import check_coordinates

            with progress_line() as progress:
                placed = check_coordinates(
                    bundle,
                    golden,
                    runner=runner,
                    artifact=artifact,
                    source=source,
                    full=full,
                    progress=progress,
                )
        told = None if placed is None else placed.to_json()
        if html is not None:
            _write_html(report, recorder.saved, told, html)
    if json_ is not None:
        _write_json(report, placed, json_)
    if junit is not None:
        from mobilecat.report.junit import to_junit

        write_text(junit, to_junit(report, told))
    if json_ != "-":
        show(report)
        if placed is not None:
            from mobilecat.cli.coordinates import show_coordinates

            show_coordinates(placed)
    sys.exit(report.exit_code if placed is None or placed.held else 1)


def _range(text: str | None) -> tuple[float, float] | None:
    """Return LO,HI as numbers."""
    from math import isfinite

    from mobilecat.errors import MobileCatError, Problem

    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if not (isfinite(low) and isfinite(high) and low < high):
        said = Problem(f"{text!r} is not LO,HI", "--range", "two numbers, rising: --range 0,255")
        raise MobileCatError("The range cannot be read", [said])
    return low, high


def _results(given: list[Path]) -> tuple[Path | None, list[Path]]:
    """Return the folder of saved results, and the results files."""
    from mobilecat.errors import MobileCatError, Problem

    files = [p for p in given if p.is_file()]
    folders = [p for p in given if p not in files]
    if len(folders) > 1:
        said = Problem(f"{' and '.join(map(str, folders))}", "--from", "name one folder")
        raise MobileCatError("Two folders of saved results", [said])
    return (folders[0] if folders else None), files


def _write_html(
    report: Report, saved: Saved, coordinates: dict[str, Any] | None, target: Path
) -> None:
    from mobilecat.disk import write_text
    from mobilecat.report.html import report_page

    write_text(target, report_page(report, saved, coordinates))


def _write_json(report: Report, placed: CoordinateReport | None, target: str) -> None:
    told = report.to_json()
    if placed is not None:
        told["coordinates"] = placed.to_json()
        if not placed.held:
            told |= {"verdict": "FELL_SHORT", "exit_code": 1}
    text = json.dumps(told, indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    from mobilecat.disk import write_text

    write_text(Path(target), text)


def show(report: Report) -> None:
    """Print the report: verdict, table, failures, what did not run, files written."""
    from mobilecat.cli.terminal import terminal
    from mobilecat.judge.words import failures, not_run, verdict_sentence

    console = terminal()
    console.print(verdict_sentence(report), style="bold green" if report.held else "bold red")
    for shortfall in report.shortfalls:
        console.print(f"  {shortfall}")
    if report.asked.golden_asked:
        console.print(_golden_table(report))
    if report.random:
        console.print(_random_table(report))
    _list(console, "FAIL", "red", failures(report))
    _list(console, "NOT_RUN", "yellow", not_run(report))
    _list(console, "note", "dim", list(report.notes))
    for path in report.pending:
        console.print(f"wrote {path}")
    if report.pending:
        folder, golden = report.asked.folder, report.asked.golden
        console.print(f"look at it: mobilecat golden review {folder} --golden {golden}")


def _table(first: str, *numbers: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(first, overflow="fold")
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    return table


def _golden_table(report: Report) -> Table:
    table = _table("lane", "cases", "box px", "pts px", "score", "raw rel")
    for lane in report.lanes:
        checks = report.of(lane.lane.name)
        cases = {r.case for r in report.results if r.lane == lane.lane.name and _compared(r.check)}
        table.add_row(
            lane.lane.name,
            f"{len(cases)}/{len(report.cases)}",
            *(_worst(checks, "detections", n) for n in ("boxes", "landmarks", "scores")),
            _largest([c.max_rel for c in checks if c.stage == "raw"]),
            _closing(report, lane),
        )
    return table


def _closing(report: Report, lane: LaneReport) -> str:
    fault = report.first_fault(lane.lane)
    return report.verdict(lane.lane) + (f" {fault}" if fault else "")


def _compared(check: Check) -> bool:
    return check.against == "golden" and check.verdict != "NOT_RUN"


def _worst(checks: list[Check], stage: str, name: str) -> str:
    return _largest([c.value for c in checks if c.stage == stage and c.name == name])


def _largest(values: list[float | None]) -> str:
    from mobilecat.judge.words import amount

    return amount(max((v for v in values if v is not None), default=None))


def _random_table(report: Report) -> Table:
    table = _table("on random inputs", "outputs", "max_abs", "relative", "limit")
    for name in dict.fromkeys(r.lane.name for r in report.random):
        rows = [r for r in report.random if r.lane.name == name]
        verdicts = {r.verdict for r in rows}
        ran = [r for r in rows if r.verdict != "NOT_RUN"]
        table.add_row(
            name,
            f"{len(ran)}/{len(rows)}",
            _largest([r.max_abs for r in rows]),
            _largest([r.value for r in rows]),
            _largest([r.limit for r in rows]),
            next(v for v in ("FAIL", "PASS", "NOT_RUN") if v in verdicts),
        )
    return table


def _list(console: Console, word: str, style: str, lines: list[str]) -> None:
    for line in lines:
        console.print(word, style=style, end="  ")
        console.print(line)
