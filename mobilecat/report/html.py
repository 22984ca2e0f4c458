"""A report as one page that needs no network: verdict, table, pictures, numbers, contract."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.bundle.given import besides
from mobilecat.compare.compare import Check, Verdict
from mobilecat.compare.tolerances import Limits
from mobilecat.golden.store import case_folders, read_case
from mobilecat.judge.because import follows_the_source, stale_apps, what_changed
from mobilecat.judge.engines import SOURCE
from mobilecat.judge.notes import marked_keys
from mobilecat.judge.observe import gives_detections, watched
from mobilecat.judge.report import LaneReport, RandomRow, Report
from mobilecat.judge.saved import Saved
from mobilecat.judge.words import amount, failures, many, not_run, once, source_rounds
from mobilecat.pictures.chart import Chart
from mobilecat.pictures.matrix import Matrix
from mobilecat.pictures.odd import assumed
from mobilecat.report.html_cases import Looks, case_views, layer_names
from mobilecat.report.html_cells import COLUMNS, HINTS, Cell, cell_of, random_cell, short_names
from mobilecat.report.html_grid import ORIENTATIONS, grid_of
from mobilecat.report.html_overview import (
    cards_of,
    size_chart,
    told_before,
    told_of,
)
from mobilecat.report.html_page import render
from mobilecat.report.losses import exceeded_in, falls_in, losses_in, measured_in, short_in

_LABELS = 8
TAGGED = 16
"""Boxes have their label written on them where no picture has more of them."""


@dataclass(frozen=True)
class Row:
    """why: it did not run, so that there is a reason in the place of cells."""

    lane: LaneReport
    name: str
    verdict: Verdict
    first_fault: str | None
    cells: tuple[Cell, ...]
    why: str


@dataclass(frozen=True)
class Cause:
    """Where to look first on a lane that failed. hint: where that is; "" where the file is right
    but for its rounding. worst: its largest failure of that stage. bisect: the command that finds
    the layer, where inner values can tell."""

    lane: str
    stage: str
    hint: str
    count: str
    worst: str
    bisect: str = ""


@dataclass(frozen=True)
class RandomLine:
    """One raw output on random inputs, a cell a lane."""

    output: str
    limits: str
    cells: tuple[Cell, ...]

    @property
    def over(self) -> bool:
        return any(c.verdict == "FAIL" for c in self.cells)


def report_page(
    report: Report,
    saved: Saved,
    coordinates: Mapping[str, Any] | None = None,
    *,
    times: Mapping[str, Sequence[float]] | None = None,
    losses: Mapping[str, float] | None = None,
    budget: Mapping[str, Any] | None = None,
    evaluated: Sequence[Chart | Matrix] = (),
    looks: Mapping[str, Looks] | None = None,
    replaces: Path | None = None,
    data: str = "",
) -> str:
    """Return the page. saved: what the lanes gave in this validation; times: in how many
    milliseconds. losses: points of mAP, by file. budget: what `validate --data` says of them, its
    JSON. evaluated: charts of an evaluation. looks: heat maps by case. replaces: where an earlier
    page may be, for what has changed since. data: the labelled pictures, as they were named.
    """
    before = told_before(replaces, report.bundle.name) if replaces is not None else {}
    measured = {} if budget is None else measured_in(budget)
    over = {} if budget is None else exceeded_in(budget)
    cards = cards_of(report, times or {}, {**(losses or {}), **measured}, before, over)
    short = short_names([r.lane for r in report.lanes])
    cases = case_views(report, saved, short, looks)
    drawn = [c.figure for c in cases if c.figure]
    grid = grid_of(coordinates) if coordinates else None
    misplaced = grid is not None and not grid.held
    dear = budget is not None and not budget["held"]
    columns, rows = _table(report, short)
    followers = [r.lane.name for r in report.lanes if follows_the_source(report, r)]
    ran = [r for r in report.lanes if not r.unloaded]
    lines = failures(report)
    return render(
        "report.html.j2",
        report=report,
        bundle=report.bundle,
        cards=cards,
        told=Markup(told_of(report, cards)),
        chart=size_chart(report.bundle, cards),
        evaluated=evaluated,
        columns=columns,
        rows=[r for r in rows if not r.why],
        idle=[r.lane.lane.name for r in rows if r.why],
        changed=what_changed(report),
        stale=stale_apps(report),
        followers=[name for name in followers if name != SOURCE.name],
        causes=[
            c
            for r in report.lanes
            if r.lane.name not in followers and (c := _cause(report, r)) is not None
        ],
        failures=lines,
        failed=many(_failed(report), "check"),
        folded=len(lines) if 1 < len(lines) < _failed(report) else 0,
        not_run=once(not_run(report)),
        not_run_lines=not_run(report),
        golden_checks=[r.check for r in report.results if not r.lane],
        cases=cases,
        lanes=[short[r.lane.name] for r in ran],
        short=short,
        layers=layer_names(cases),
        tags=bool(drawn) and max(len(x.boxes) for f in drawn for x in f.layers) <= TAGGED,
        sentence=_sentence(
            report,
            misplaced,
            short_in(budget) if budget is not None and dear else "",
            budget is not None and not budget["pictures"],
        ),
        lost=(*losses_in(budget), *falls_in(budget)),
        doubts=[] if budget is None else budget.get("doubts", ()),
        few=[] if budget is None else budget.get("notes", ()),
        facts=_facts(report),
        limits=_limits(report, short),
        random_lanes=[short[r.lane.name] for r in ran if _random(report, r)],
        random_lines=_random_lines(report),
        command=_command(report, data),
        grid=grid,
        held=report.held and not misplaced and not dear,
        unchecked=marked_keys(report.bundle),
        orientations=ORIENTATIONS,
        inputs_outputs=[
            *((t, "input") for t in report.bundle.inputs),
            *((t, "output") for t in report.bundle.outputs),
        ],
        contract_besides=list(besides(report.bundle)),
        meant=_meant(report.bundle),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        platform=platform.platform(),
        python=platform.python_version(),
    )


def _sentence(report: Report, misplaced: bool, dear: str, untried: bool) -> str:
    if report.held and misplaced:
        return "Every artifact gives what it should, but boxes land in the wrong place on a phone."
    if report.held and dear:
        return f"Every artifact gives what it should, but {dear}."
    if report.held and report.warnings:
        return "Every artifact gives what the model gives, but the goldens look wrong."
    if report.held:
        did = []
        if report.cases:
            empty = len(report.empty)
            besides = f", {empty} of them with nothing detected" if empty else ""
            did.append(f"on {many(len(report.cases), 'golden picture')}{besides}")
        if report.asked.random:
            did.append(f"on {many(report.asked.random, 'random input')}")
        if not gives_detections(report.bundle):
            did = [d.replace("picture", "case") for d in did]
        lost = " The limit map_loss was not tried: add --data DATA." if untried else ""
        rounds = f" {source_rounds(report)}." if report.source_rounds else ""
        return f"Every artifact gives what it should, {' and '.join(did)}.{rounds}{lost}"
    bad = _failed(report)
    if not bad:
        return "Nothing failed, but not everything that was asked for was compared."
    lanes = [r.lane.name for r in report.lanes if report.verdict(r.lane) == "FAIL"]
    where = f" on {len(lanes)} of {many(len(report.lanes), 'lane')}" if lanes else ""
    return f"{many(bad, 'check')} failed{where}."


def _failed(report: Report) -> int:
    return len(report.failed) + sum(r.verdict == "FAIL" for r in report.random)


def _meant(bundle: Bundle) -> list[tuple[str, str]]:
    """Return what goes into the tensors and what becomes of them, as the spec says: preprocessing,
    thresholds, labels. Of a cascade, each model's."""
    parts = bundle.parts.items() if isinstance(bundle, CascadeBundle) else [("", bundle)]
    said = []
    for home, part in parts:
        of = f"{home}: " if home else ""
        image, nms, labels = part.spec.input, part.spec.effective_nms, part.spec.labels
        if image is not None:
            pad = f", padded with {image.pad}" if image.pad else ""
            said.append((f"{of}preprocessing", f"{assumed(image)}{pad}"))
        if nms is not None:
            limits = [f"score above {nms.score_threshold:g}"]
            if nms.selection == "nms":
                classes = "within a class" if nms.per_class else "across classes"
                limits.append(f"overlap (IoU) at most {nms.iou_threshold:g} {classes}")
            limits.append(f"{nms.max_detections} detections at most")
            said.append((f"{of}thresholds", ", ".join(limits)))
        if labels:
            more = f" and {len(labels) - _LABELS} more" if len(labels) > _LABELS else ""
            said.append((f"{of}labels", f"{', '.join(labels[:_LABELS])}{more}"))
    return said


def _facts(report: Report) -> list[str]:
    """Return how much was done, so that nobody takes what did not run for a pass."""
    verdicts = [report.verdict(r.lane) for r in report.lanes]
    checks = [r.check.verdict for r in report.results] + [r.verdict for r in report.random]
    done = len(checks) - checks.count("NOT_RUN")
    idle = verdicts.count("NOT_RUN")
    lanes = f"{len(verdicts) - idle} of {many(len(verdicts), 'lane')} ran"
    return [lanes, many(done, "check")]


def _command(report: Report, data: str) -> str:
    asked = report.asked
    words = ["mobilecat", "validate", str(asked.folder)]
    words += ["--golden", str(asked.golden)] if asked.golden else []
    words += ["--runner", asked.runner] if asked.runner else []
    words += ["--random", str(asked.random), "--seed", str(asked.seed)] if asked.random else []
    words += ["--data", data] if data else []
    return shlex.join(words)


def _table(report: Report, short: Mapping[str, str]) -> tuple[list[str], list[Row]]:
    """Return titles and rows, without the stages that no lane has."""
    cells = [_cells(report, r) for r in report.lanes]
    titles = [title for title, _ in COLUMNS] + (["random"] if report.random else [])
    used = [k for k in range(len(titles)) if any(row[k].verdict for row in cells)]
    rows = []
    for lane, found in zip(report.lanes, cells, strict=True):
        verdict = report.verdict(lane.lane)
        why = (lane.unloaded or report.why_not_run(lane)) if verdict == "NOT_RUN" else ""
        fault = report.first_fault(lane.lane)
        chosen = tuple(found[k] for k in used)
        rows.append(Row(lane, short[lane.lane.name], verdict, fault, chosen, why))
    return [titles[k] for k in used], rows


def _cells(report: Report, lane: LaneReport) -> list[Cell]:
    checks = report.of(lane.lane.name)
    cells = [cell_of([c for c in checks if c.stage in stages]) for _, stages in COLUMNS]
    if lane.unloaded:
        cells[0] = Cell(report.verdict(lane.lane), "", lane.unloaded)
    elif cells[0].verdict is None and checks:
        cells[0] = Cell("PASS", "")
    elif cells[0].verdict == "NOT_RUN" and (ran := _cases_of(report, lane)):
        cells[0] = Cell("PASS", f"{ran} of {len(report.cases)}", cells[0].title)
    if report.random:
        cells.append(random_cell([r for r in report.random if r.lane == lane.lane]))
    return cells


def _cases_of(report: Report, lane: LaneReport) -> int:
    """Return on how many golden cases a lane was compared."""
    mine = (r for r in report.results if r.lane == lane.lane.name and r.check.verdict != "NOT_RUN")
    return len({r.case for r in mine if r.case})


def _cause(report: Report, lane: LaneReport) -> Cause | None:
    stage = report.first_fault(lane.lane)
    if stage is None:
        return None
    checks = [c for c in report.of(lane.lane.name) if c.stage == stage]
    bad = sorted((c for c in checks if c.verdict == "FAIL"), key=_excess, reverse=True)
    hint = HINTS[stage]
    rounds = report.rounding_alone(lane.lane)
    whole = report.bundle.spec.head.whole_picture
    if stage == "detections" and whole:
        hint = "what is done to its scores (head.activation), and the order of its classes"
    elif stage == "detections" and report.blind(lane.lane):
        hint = "all of it: the artifact gives out no inner value that would tell NMS from the rest"
    if stage == "detections" and not watched(report.bundle):
        hint = "its parts, validated alone: here the end result alone is compared"
    if not bad:  # random inputs alone
        rows = [r for r in report.random if r.lane == lane.lane and r.verdict != "NOT_RUN"]
        wide = sorted((r for r in rows if r.verdict == "FAIL"), key=lambda r: -(r.value or 0))
        worst = f"{wide[0].output} on random inputs: {wide[0].detail}"
        return Cause(lane.lane.name, stage, hint, f"{len(wide)} of {len(rows)}", worst)
    if rounds:
        hint = ""
    case = next(r.case for r in report.results if r.check is bad[0])
    off = f"{bad[0].value:.4g}, limit {bad[0].limit:g}. " if _measured(bad[0]) else ""
    worst = f"{bad[0].name}{f' on {case}' if case else ''}: {off}{bad[0].detail}"
    ran = [c for c in checks if c.verdict != "NOT_RUN"]
    found = f"{len(bad)} of {len(ran)}"
    return Cause(lane.lane.name, stage, hint, found, worst, _bisect(report, lane, stage, case))


def _bisect(report: Report, lane: LaneReport, stage: str, case: str) -> str:
    """Return the command that finds the layer of a fault in the network itself, or ''."""
    golden, artifact = report.asked.golden, lane.lane.artifact
    if stage != "raw" or artifact is None or golden is None or not case or not lane.lane.taps:
        return ""
    home = next((p for p in case_folders(golden, report.bundle) if p.name == case), None)
    read = read_case(home, report.bundle)[0] if home is not None else None
    if read is None:
        return ""
    words = ["mobilecat", "bisect", str(report.asked.folder), "--runner", lane.lane.runner]
    words += ["--artifact", artifact.file, "--image", str(read.input), "--plot", "layers.svg"]
    return shlex.join(words)


def _measured(check: Check) -> bool:
    return check.value is not None and bool(check.limit)


def _excess(check: Check) -> float:
    if check.value is None or not check.limit or check.value != check.value:
        return float("inf")
    return check.value / check.limit


def _limits(report: Report, short: Mapping[str, str]) -> list[tuple[Limits, list[str]]]:
    """Return each set of limits once, with the lanes that are held to it."""
    found: list[tuple[Limits, list[str]]] = []
    for r in report.lanes:
        same = next((names for limits, names in found if limits == r.limits), None)
        if same is None:
            found.append((r.limits, [short[r.lane.name]]))
        else:
            same.append(short[r.lane.name])
    return found


def _random(report: Report, lane: LaneReport) -> bool:
    return any(r.lane == lane.lane and r.verdict != "NOT_RUN" for r in report.random)


def _output_cell(rows: Sequence[RandomRow]) -> Cell:
    cell = random_cell(rows)
    return replace(cell, text=f"{amount(rows[0].value)} rel") if cell.verdict == "FAIL" else cell


def _random_lines(report: Report) -> list[RandomLine]:
    lanes = [r.lane for r in report.lanes if not r.unloaded and _random(report, r)]
    lines = []
    for output in dict.fromkeys(r.output for r in report.random):
        rows = [r for r in report.random if r.output == output and r.lane in lanes]
        cells = tuple(_output_cell([r for r in rows if r.lane == lane]) for lane in lanes)
        limits = " or ".join(dict.fromkeys(f"{r.limit:g}" for r in rows))
        lines.append(RandomLine(output, limits, cells))
    return lines
