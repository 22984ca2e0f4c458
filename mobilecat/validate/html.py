"""A report as one page that needs no network: verdict, table, pictures, numbers, contract."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.runners import Lane
from mobilecat.validate.compare import Check, Verdict, as_floats
from mobilecat.validate.golden import Case, case_folders, read_case
from mobilecat.validate.html_figure import (
    GOLDEN,
    Difference,
    Figure,
    Layer,
    data_url,
    differences_of,
    layer_of,
    marked,
)
from mobilecat.validate.html_grid import ORIENTATIONS, grid_of
from mobilecat.validate.html_page import render
from mobilecat.validate.judge import detections_of
from mobilecat.validate.observe import Inputs, Observed, gives_detections, load_inputs, watched
from mobilecat.validate.report import LaneReport, Report
from mobilecat.validate.saved import Saved
from mobilecat.validate.words import amount, failures, many, not_run

PICTURES = 40
"""So many pictures are drawn at most, those of failing cases first; some 6 MB."""

# Columns of the table: title, and the stages that it sums up.
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("runs", ("load", "run")),
    ("contract", ("contract",)),
    ("input", ("input",)),
    ("raw outputs", ("raw",)),
    ("candidates", ("candidates",)),
    ("detections", ("detections",)),
)


@dataclass(frozen=True)
class Cell:
    """A lane's checks of one stage. text: how many, or how close to the limit the worst came."""

    verdict: Verdict | None
    text: str
    title: str = ""


@dataclass(frozen=True)
class Row:
    lane: LaneReport
    verdict: Verdict
    first_fault: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class TensorRow:
    """One watched tensor of a case: what the golden keeps of it, and a cell a lane."""

    name: str
    stage: str
    shape: str
    expected: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CaseView:
    """figure: None for tensors, or where there were too many pictures."""

    name: str
    verdict: Verdict
    figure: Figure | None
    why_no_figure: str
    tensors: tuple[TensorRow, ...]


def report_page(report: Report, saved: Saved, coordinates: Mapping[str, Any] | None = None) -> str:
    """Return the page. saved: what the lanes gave in this validation."""
    cases = _cases(report, saved)
    drawn = [c for c in cases if c.figure]
    grid = grid_of(coordinates) if coordinates else None
    misplaced = grid is not None and not grid.held
    return render(
        "report.html.j2",
        report=report,
        bundle=report.bundle,
        columns=[title for title, _ in COLUMNS] + (["random"] if report.random else []),
        rows=[_row(report, r) for r in report.lanes],
        failures=failures(report),
        not_run=not_run(report),
        golden_checks=[r.check for r in report.results if not r.lane],
        cases=cases,
        lanes=[r.lane.name for r in report.lanes],
        layers=_layer_names(drawn),
        sentence=_sentence(report, misplaced),
        command=_command(report),
        grid=grid,
        held=report.held and not misplaced,
        orientations=ORIENTATIONS,
        inputs_outputs=[
            *((t, "input") for t in report.bundle.inputs),
            *((t, "output") for t in report.bundle.outputs),
        ],
        platform=platform.platform(),
        python=platform.python_version(),
    )


def _sentence(report: Report, misplaced: bool) -> str:
    if report.held and misplaced:
        return "Every artifact gives what it should, but boxes land in the wrong place on a phone."
    if report.held:
        did = []
        if report.cases:
            did.append(f"on {many(len(report.cases), 'golden picture')}")
        if report.asked.random:
            did.append(f"on {many(report.asked.random, 'random input')}")
        if not gives_detections(report.bundle):
            did = [d.replace("picture", "case") for d in did]
        return f"Every artifact gives what it should, {' and '.join(did)}."
    bad = len(report.failed) + sum(r.verdict == "FAIL" for r in report.random)
    if not bad:
        return "Nothing failed, but not everything that was asked for was compared."
    first = [report.first_fault(r.lane) for r in report.lanes]
    stages = ", ".join(dict.fromkeys(s for s in first if s))
    return f"{many(bad, 'check')} failed" + (f"; look first at: {stages}." if stages else ".")


def _command(report: Report) -> str:
    asked = report.asked
    words = ["mobilecat", "validate", str(asked.folder)]
    words += ["--golden", str(asked.golden)] if asked.golden else []
    words += ["--runner", asked.runner] if asked.runner else []
    words += ["--random", str(asked.random), "--seed", str(asked.seed)] if asked.random else []
    return shlex.join(words)


def _row(report: Report, lane: LaneReport) -> Row:
    name = lane.lane.name
    checks = report.of(name)
    cells = [_cell([c for c in checks if c.stage in stages]) for _, stages in COLUMNS]
    if lane.unloaded:
        cells[0] = Cell(report.verdict(lane.lane), "", lane.unloaded)
    elif cells[0].verdict is None and checks:
        cells[0] = Cell("PASS", "yes")
    if report.random:
        cells.append(_random_cell(report, lane.lane))
    return Row(lane, report.verdict(lane.lane), report.first_fault(lane.lane), tuple(cells))


def _cell(checks: Sequence[Check]) -> Cell:
    ran = [c for c in checks if c.verdict != "NOT_RUN"]
    bad = [c for c in ran if c.verdict == "FAIL"]
    if bad:
        return Cell("FAIL", f"{len(bad)} of {len(ran)}", "; ".join(c.detail for c in bad[:3]))
    if ran:
        return Cell("PASS", _closest(ran))
    return Cell("NOT_RUN", "", checks[0].detail) if checks else Cell(None, "")


def _closest(checks: Sequence[Check]) -> str:
    used = [c.value / c.limit for c in checks if c.value is not None and c.limit]
    return _percent(max(used)) if used else many(len(checks), "check")


def _percent(part: float) -> str:
    return f"{part:.0%} of limit" if part >= 0.01 or part == 0 else "<1% of limit"


def _random_cell(report: Report, lane: Lane) -> Cell:
    rows = [r for r in report.random if r.lane == lane]
    ran = [r for r in rows if r.verdict != "NOT_RUN"]
    bad = [r for r in ran if r.verdict == "FAIL"]
    if bad:
        return Cell("FAIL", f"{len(bad)} of {len(ran)}", bad[0].detail)
    if ran:
        used = [r.max_rel / r.limit for r in ran if r.max_rel is not None and r.limit]
        return Cell("PASS", _percent(max(used)) if used else many(len(ran), "output"))
    return Cell("NOT_RUN", "", rows[0].detail) if rows else Cell(None, "")


def _cases(report: Report, saved: Saved) -> list[CaseView]:
    """Return the cases, failing ones first."""
    asked, bundle = report.asked, report.bundle
    if asked.golden is None:
        return []
    order = sorted(report.cases, key=lambda n: _case_verdict(report, n) != "FAIL")
    homes = {p.name: p for p in case_folders(asked.golden, bundle)}
    views = []
    for k, name in enumerate(order):
        case, _ = read_case(homes[name], bundle)
        if case is None:  # changed on disk since it was judged
            continue
        views.append(_case(report, saved, case, draw=k < PICTURES))
    return views


def _case_verdict(report: Report, name: str) -> Verdict:
    verdicts = {r.check.verdict for r in report.results if r.case == name}
    return "FAIL" if "FAIL" in verdicts else "PASS" if "PASS" in verdicts else "NOT_RUN"


def _case(report: Report, saved: Saved, case: Case, draw: bool) -> CaseView:
    bundle = report.bundle
    verdict = _case_verdict(report, case.name)
    try:
        inputs = load_inputs(case.input, bundle, case.boxes)
        given = {r.lane.name: saved.given(r.lane.name, inputs.tensors) for r in report.lanes}
    except MobileCatError as e:
        return CaseView(case.name, verdict, None, e.summary, ())
    figure = _figure(report, case, inputs, given) if draw and inputs.picture is not None else None
    why = "" if figure or draw else f"the page draws {PICTURES} pictures at most"
    return CaseView(case.name, verdict, figure, why, _tensors(report, case, given))


def _figure(
    report: Report, case: Case, inputs: Inputs, given: Mapping[str, dict[str, Array] | None]
) -> Figure | None:
    bundle, spec = report.bundle, report.bundle.spec
    if not gives_detections(bundle) or inputs.picture is None or inputs.plan is None:
        return None
    layers: list[Layer] = []
    rows: list[Difference] = []
    if (golden := case.approved.found) is not None:
        layers.append(layer_of(0, GOLDEN, golden, case.approved.labels, case.approved.landmarks))
    for number, r in enumerate((r for r in report.lanes if not r.unloaded), start=1):
        tensors = given[r.lane.name]
        if tensors is None:
            continue
        found = detections_of(Observed(r.lane, tensors, (), inputs.plan))
        if isinstance(found, str):
            continue
        held_to = case.expected(r.lane.name).found
        mine: list[Difference] = []
        if held_to is not None:
            to_model = inputs.plan.model_from_image
            mine = differences_of(r.lane.name, held_to, found, r.limits, to_model, spec.labels)
        layer = layer_of(number, r.lane.name, found, spec.labels, spec.landmarks)
        layers.append(marked(layer, mine, slot=sum(x.number > 0 for x in layers)))
        rows += mine
    rows.sort(key=lambda d: not d.over)
    picture = inputs.picture
    return Figure(case.name, picture.size, data_url(picture), tuple(layers), tuple(rows))


def _layer_names(cases: Sequence[CaseView]) -> list[tuple[int, str]]:
    names = {x.number: x.name for c in cases if c.figure for x in c.figure.layers}
    return sorted(names.items())


def _tensors(
    report: Report, case: Case, given: Mapping[str, dict[str, Array] | None]
) -> tuple[TensorRow, ...]:
    rows = []
    for name, w in watched(report.bundle).items():
        kept = case.approved.tensors.get(name)
        expected = _range(kept.low, kept.high, kept.mean) if kept else "not in the golden"
        shape = f"{'×'.join(map(str, w.contract.shape))} {w.contract.dtype}"
        cells = tuple(
            _tensor_cell(report, case.name, r, name, given[r.lane.name]) for r in report.lanes
        )
        rows.append(TensorRow(name, w.stage, shape, expected, cells))
    return tuple(rows)


def _tensor_cell(
    report: Report, case: str, lane: LaneReport, name: str, given: dict[str, Array] | None
) -> Cell:
    checks = [c for c in report.of(lane.lane.name, case) if c.name == name]
    checks = [c for c in checks if c.stage in ("raw", "candidates")]
    ran = [c for c in checks if c.verdict != "NOT_RUN"]
    if not ran:
        return Cell("NOT_RUN" if checks or lane.unloaded else None, "", "")
    bad = [c for c in ran if c.verdict == "FAIL"]
    worst = max((c.max_abs for c in ran if c.max_abs is not None), default=None)
    rel = max((c.max_rel for c in ran if c.max_rel is not None), default=None)
    text = f"{amount(worst)} abs, {amount(rel)} rel"
    return Cell("FAIL" if bad else "PASS", text, _spread((given or {}).get(name)))


def _spread(tensor: Array | None) -> str:
    if tensor is None:
        return ""
    values = as_floats(tensor)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "no finite value"
    text = _range(float(finite.min()), float(finite.max()), float(finite.mean()))
    odd = values.size - finite.size
    return f"{text}, {odd} NaN or inf" if odd else text


def _range(low: float | None, high: float | None, mean: float | None) -> str:
    if low is None or high is None or mean is None:
        return "no finite value"
    return f"{low:.4g} … {high:.4g}, mean {mean:.4g}"
