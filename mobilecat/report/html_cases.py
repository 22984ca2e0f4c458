"""The golden cases of a report as a page shows them: picture, differences, tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecat.compare.compare import Verdict, as_floats
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import Case, case_folders, read_case
from mobilecat.graph import Array
from mobilecat.judge.doubts import nothing_in
from mobilecat.judge.judge import detections_of
from mobilecat.judge.observe import Inputs, Observed, gives_detections, load_inputs, watched
from mobilecat.judge.report import LaneReport, Report
from mobilecat.judge.saved import Saved
from mobilecat.judge.words import amount
from mobilecat.pictures.drawing import data_url
from mobilecat.report.html_cells import Cell
from mobilecat.report.html_figure import (
    GOLDEN,
    Difference,
    Figure,
    Layer,
    differences_of,
    layer_of,
    marked,
    rows_of,
)

LARGE, PICTURES = 24, 400
"""So many pictures are drawn large, those of failing cases first, and so many at all: the others
as small ones that can be opened. Some 8 MB."""
FOLDED = 24
"""Beyond so many cases, those that passed are behind a `show all`: the page stays short."""
_LARGE_SIDE, _SMALL_SIDE = 1280, 280


@dataclass(frozen=True)
class TensorRow:
    """One watched tensor of a case: what the golden keeps of it, and a cell a lane."""

    name: str
    stage: str
    shape: str
    expected: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def over(self) -> bool:
        return any(c.verdict == "FAIL" for c in self.cells)


@dataclass(frozen=True)
class Looks:
    """Where each lane looks on a picture: a drawing's data URL, "" where there is none and `said`
    is why; how it was made; and the lanes that look elsewhere than the source."""

    url: str
    said: str
    differing: tuple[str, ...]


@dataclass(frozen=True)
class CaseView:
    """figure: None for tensors, or where there were too many pictures. looks: heat maps, where they
    were asked for.

    failed: what neither the figure's rows nor the tensors show: a broken contract, a lane whose
    result is not here to be drawn. folded: it passed, and many others stand before it.
    nothing: how near the best candidate comes, where the golden has no detection.
    """

    name: str
    verdict: Verdict
    figure: Figure | None
    why_no_figure: str
    tensors: tuple[TensorRow, ...]
    failed: tuple[str, ...]
    folded: bool = False
    looks: Looks | None = None
    nothing: str = ""


def case_views(
    report: Report,
    saved: Saved,
    short: Mapping[str, str],
    looks: Mapping[str, Looks] | None = None,
) -> list[CaseView]:
    """Return the cases, failing ones first. short: what the page calls each lane. looks: heat maps
    by case."""
    views: list[CaseView] = []
    for k, (name, case) in enumerate(_ordered(report)):
        if case is None:  # changed on disk since it was judged
            continue
        side = 0 if k >= PICTURES else _LARGE_SIDE if k < LARGE else _SMALL_SIDE
        view = _view(report, saved, case, short, side)
        folded = len(views) >= FOLDED and view.verdict == "PASS"
        views.append(replace(view, folded=folded, looks=(looks or {}).get(name)))
    return views


def _ordered(report: Report) -> list[tuple[str, Case | None]]:
    """Return the cases by name, failing ones first, then those with something to be found."""
    asked, bundle = report.asked, report.bundle
    if asked.golden is None:
        return []
    homes = {p.name: p for p in case_folders(asked.golden, bundle)}
    read = [(name, read_case(homes[name], bundle)[0]) for name in report.cases]
    return sorted(read, key=lambda r: (_verdict(report, r[0]) != "FAIL", not _holds_any(r[1])))


def pictures_to_explain(report: Report) -> list[tuple[str, Path]]:
    """Return the golden pictures of a report by their case's name, in the page's order."""
    pictures = [(n, c) for n, c in _ordered(report) if c is not None and c.kind == "image"]
    return [(n, c.input) for n, c in pictures]


def _holds_any(case: Case | None) -> bool:
    """Whether something is to be found: an empty sofa is no first picture."""
    found = case.approved.found if case is not None else None
    return found is not None and len(found) > 0


def _verdict(report: Report, name: str) -> Verdict:
    verdicts = {c.verdict for c in report.by_case.get(name, ())}
    return "FAIL" if "FAIL" in verdicts else "PASS" if "PASS" in verdicts else "NOT_RUN"


def _view(
    report: Report, saved: Saved, case: Case, short: Mapping[str, str], side: int
) -> CaseView:
    """side: the longest of the picture as it is drawn; 0 for none."""
    bundle = report.bundle
    verdict = _verdict(report, case.name)
    if case.kind == "clip":
        why = "a clip; what differs is shown frame by frame by golden review --html"
        failed = _failed(report, case.name, [], [])
        return CaseView(case.name, verdict, None, why, (), failed)
    try:
        inputs = load_inputs(case.input, bundle, case.boxes)
        given = {r.lane.name: saved.given(r.lane.name, inputs.tensors) for r in report.lanes}
    except MobileCatError as e:
        return CaseView(case.name, verdict, None, e.summary, (), _failed(report, case.name, [], []))
    drawn = side > 0 and inputs.picture is not None
    figure = _figure(report, case, inputs, given, short, side) if drawn else None
    why = "" if figure or side else f"the page draws {PICTURES} pictures at most"
    ran = [r.lane.name for r in report.lanes if not r.unloaded and given[r.lane.name] is not None]
    drawn_lanes = [n for n in ran if figure is not None and short[n] in figure.lanes]
    tensors = _tensors(report, case, given)
    failed = _failed(report, case.name, drawn_lanes, ran if tensors else [])
    nothing = nothing_in(bundle, case.approved)
    return CaseView(case.name, verdict, figure, why, tensors, failed, nothing=nothing)


def _failed(
    report: Report, case: str, drawn: Sequence[str], in_the_table: Sequence[str]
) -> tuple[str, ...]:
    shown = {"detections": drawn, "raw": in_the_table, "candidates": in_the_table}
    lanes: dict[str, list[str]] = {}
    for r in report.failed:
        if r.case == case and r.lane not in shown.get(r.check.stage, ()):
            said = f"{r.check.stage} {r.check.name}: {r.check.detail}"
            lanes.setdefault(said, []).append(r.lane)
    ran = sum(not r.unloaded for r in report.lanes)
    return tuple(
        f"{f'all {ran} lanes' if 1 < ran == len(names) else ', '.join(names)}: {said}"
        for said, names in lanes.items()
    )


def _figure(
    report: Report,
    case: Case,
    inputs: Inputs,
    given: Mapping[str, dict[str, Array] | None],
    short: Mapping[str, str],
    side: int,
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
        name = short[r.lane.name]
        mine: list[Difference] = []
        if held_to is not None:
            to_model = inputs.plan.model_from_image
            mine = differences_of(name, held_to, found, r.limits, to_model, spec.labels)
        layer = layer_of(number, name, found, spec.labels, spec.landmarks, spec.skeleton)
        layers.append(marked(layer, mine, slot=sum(x.number > 0 for x in layers)))
        rows += mine
    picture = inputs.picture
    lanes = [x.name for x in layers if x.number]
    return Figure(
        case.name, picture.size, data_url(picture, side), tuple(layers), rows_of(rows, lanes)
    )


def layer_names(cases: Sequence[CaseView]) -> list[tuple[int, str]]:
    """Return number and name of every layer that some picture has."""
    names = {x.number: x.name for c in cases if c.figure for x in c.figure.layers}
    return sorted(names.items())


def _tensors(
    report: Report, case: Case, given: Mapping[str, dict[str, Array] | None]
) -> tuple[TensorRow, ...]:
    rows = []
    for name, w in watched(report.bundle).items():
        kept = case.approved.tensors.get(name)
        expected = _range(kept.low, kept.high, kept.mean) if kept else ("not in the golden",)
        shape = f"{'×'.join(map(str, w.contract.shape))} {w.contract.dtype}"
        cells = tuple(
            _tensor_cell(report, case.name, r, name, given[r.lane.name])
            for r in report.lanes
            if not r.unloaded
        )
        rows.append(TensorRow(name, w.stage, shape, expected, cells))
    return tuple(sorted(rows, key=lambda r: not r.over))


def _tensor_cell(
    report: Report, case: str, lane: LaneReport, name: str, given: dict[str, Array] | None
) -> Cell:
    checks = [c for c in report.of(lane.lane.name, case) if c.name == name]
    checks = [c for c in checks if c.stage in ("raw", "candidates")]
    ran = [c for c in checks if c.verdict != "NOT_RUN"]
    if not ran:
        return Cell("NOT_RUN" if checks else None, "")
    bad = [c for c in ran if c.verdict == "FAIL"]
    worst = max((c.max_abs for c in ran if c.max_abs is not None), default=None)
    rel = max((c.max_rel for c in ran if c.max_rel is not None), default=None)
    more = (f"{amount(worst)} abs", *_spread((given or {}).get(name)))
    return Cell("FAIL" if bad else "PASS", f"{amount(rel)} rel", more=more)


def _spread(tensor: Array | None) -> tuple[str, ...]:
    if tensor is None:
        return ()
    values = as_floats(tensor)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ("no finite value",)
    told = _range(float(finite.min()), float(finite.max()), float(finite.mean()))
    odd = values.size - finite.size
    return (*told, f"{odd} NaN or inf") if odd else told


def _range(low: float | None, high: float | None, mean: float | None) -> tuple[str, ...]:
    if low is None or high is None or mean is None:
        return ("no finite value",)
    return f"{low:.3g} … {high:.3g}", f"mean {mean:.3g}"
