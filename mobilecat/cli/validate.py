"""`mobilecat validate`: its options, and the report in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mobilecat.validate.compare import Check
    from mobilecat.validate.report import LaneReport, RandomRow, Report, Result


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
    json_: Annotated[
        str | None,
        typer.Option("--json", metavar="F", help="Write the report as JSON; - for stdout."),
    ] = None,
    no_write: Annotated[
        bool,
        typer.Option("--no-write", help="Write no pending files (nor does CI=true)."),
    ] = False,
) -> None:
    """Run every artifact again and hold it to goldens, and to the source model.

    Exit code 0: held. 1: fell short, or something asked for did not run. 2: unusable input.
    """
    from mobilecat.cli.progress import progress_line
    from mobilecat.validate import validate as run

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
        )
    if json_ is not None:
        _write_json(report, json_)
    if json_ != "-":
        show(report)
    sys.exit(report.exit_code)


def _write_json(report: Report, target: str) -> None:
    text = json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    from mobilecat.disk import write_text

    write_text(Path(target), text)


def show(report: Report) -> None:
    """Print the report: verdict, table, failures, what did not run, files written."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    console = Console(highlight=False, markup=False, soft_wrap=True, width=width)
    console.print(_verdict(report), style="bold green" if report.held else "bold red")
    for shortfall in report.shortfalls:
        console.print(f"  {shortfall}")
    if report.asked.golden_asked:
        console.print(_golden_table(report))
    if report.random:
        console.print(_random_table(report))
    _list(console, "FAIL", "red", _failures(report))
    _list(console, "NOT_RUN", "yellow", _not_run(report))
    _list(console, "note", "dim", list(report.notes))
    for path in report.pending:
        console.print(f"wrote {path}")
    if report.pending:
        folder, golden = report.asked.folder, report.asked.golden
        console.print(f"look at it: mobilecat golden review {folder} --golden {golden}")


def _verdict(report: Report) -> str:
    name, lanes = report.bundle.name, report.lanes
    ran = [r for r in lanes if report.verdict(r.lane) != "NOT_RUN"]
    checked = sum(r.check.verdict != "NOT_RUN" for r in report.results) + len(
        [r for r in report.random if r.verdict != "NOT_RUN"]
    )
    did = f"{len(ran)} of {_many(len(lanes), 'lane')} ran"
    if report.asked.golden_asked:
        did += f", {_many(len(report.cases), 'golden case')}"
    if report.asked.random:
        did += f", {_many(report.asked.random, 'random input')}"
    did += f", {_many(checked, 'check')}"
    if report.held:
        return f"HELD: {name} gives what it should. {did}."
    bad = len(report.failed) + sum(r.verdict == "FAIL" for r in report.random)
    why = f"{_many(bad, 'check')} failed" if bad else "not everything asked for was compared"
    return f"FELL SHORT: {name}: {why}. {did}."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


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
    known = [v for v in values if v is not None]
    worst = max(known, default=None)
    if worst is None:
        return "–"
    return f"{worst:.2g}" if worst >= 1e-3 or worst == 0 else f"{worst:.0e}"


def _random_table(report: Report) -> Table:
    table = _table("on random inputs", "outputs", "max_abs", "max_rel", "limit")
    for name in dict.fromkeys(r.lane.name for r in report.random):
        rows = [r for r in report.random if r.lane.name == name]
        verdicts = {r.verdict for r in rows}
        ran = [r for r in rows if r.verdict != "NOT_RUN"]
        table.add_row(
            name,
            f"{len(ran)}/{len(rows)}",
            _largest([r.max_abs for r in rows]),
            _largest([r.max_rel for r in rows]),
            _largest([r.limit for r in rows]),
            next(v for v in ("FAIL", "PASS", "NOT_RUN") if v in verdicts),
        )
    return table


def _failures(report: Report) -> list[str]:
    """Return a sentence for each failing check; one for several cases that say the same."""
    cases: dict[str, list[str]] = {}
    for r in report.failed:
        cases.setdefault(_sentence(r), []).append(r.case if r.lane else "")
    lines = [
        text.replace(_CASES, ", ".join(c for c in found if c)) for text, found in cases.items()
    ]
    return lines + [_random_sentence(r) for r in report.random if r.verdict == "FAIL"]


_CASES = "\0"


def _sentence(result: Result) -> str:
    c = result.check
    place = f"{result.lane}, {_CASES}: " if result.case and result.lane else ""
    place = place or (f"{result.lane}: " if result.lane else "")
    against = f" against the {c.against}" if c.against else ""
    amount = f"{c.value:.4g}, limit {c.limit:g}. " if c.value is not None and c.limit else ""
    return f"{place}{c.stage} {c.name}{against}: {amount}{c.detail}"


def _random_sentence(row: RandomRow) -> str:
    rel = f"max_rel {row.max_rel:.4g}, limit {row.limit:g}. " if row.max_rel is not None else ""
    return f"{row.lane.name}, random inputs: output {row.output}: {rel}{row.detail}"


def _not_run(report: Report) -> list[str]:
    """Return a line for each reason, naming all that it kept from running."""
    names: dict[tuple[str, str], list[str]] = {}
    for r in report.not_run:
        what = f"{r.check.name}" if r.lane != r.check.name else ""
        names.setdefault((r.lane, r.check.detail), []).append(what)
    unloaded = {r.lane.name for r in report.lanes if r.unloaded}
    for row in report.random:
        if row.verdict == "NOT_RUN" and row.lane.name not in unloaded:
            names.setdefault((row.lane.name, row.detail), []).append(row.output)
    lines = []
    for (lane, reason), found in names.items():
        listed = ", ".join(dict.fromkeys(n for n in found if n))
        what = f"{lane} ({listed})" if lane and listed else lane or listed
        lines.append(f"{what}: {reason}")
    return lines


def _list(console: Console, word: str, style: str, lines: list[str]) -> None:
    for line in lines:
        console.print(word, style=style, end="  ")
        console.print(line)
