"""What `mobilecat evaluate` found, as charts of a report's page, and as a page of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.disk import json_from_text, read_text
from mobilecat.pictures.chart import COLOURS, Axis, Chart, Dots, Line, round_ticks
from mobilecat.pictures.matrix import MOST, Matrix
from mobilecat.report.html_page import render
from mobilecat.shown import Line as Said
from mobilecat.shown import Table

_TENTHS = tuple((i / 5, f"{i / 5:.1f}") for i in range(6))
_LANES = 16


def charts_of(evaluation: Path, bundle: Bundle) -> tuple[Chart | Matrix, ...]:
    """Return precision over recall, and what was taken for what: of the source, and of each lane
    where that differs. What an older evaluation does not have is left out.

    The file was read before, by `losses_of`.
    """
    return _charts(json_from_text(read_text(evaluation)), bundle)


def evaluation_page(told: Mapping[str, Any], words: Iterable[Said | Table], bundle: Bundle) -> str:
    """Return an evaluation as a page: tables, size and time against what is lost, curves, and what
    was taken for what. told: its JSON. words: it as a terminal shows it."""
    every = list(words)
    lines = [x for x in every if isinstance(x, Said)]
    shortfalls = [*map(str, told["shortfalls"])]
    held = told["max_drop_points"] is not None and not shortfalls
    rest = [x for x in lines[1:] if x.lead not in ("FELL SHORT", "HELD")]
    tables = [x for x in every if isinstance(x, Table)]
    of = {
        first: [t for t in tables if t.columns[0].title == first]
        for first in ("lane", "artifact", "quantised")
    }
    rows = [r for r in told["lanes"] if r["artifact"] and not r["not_run"]]
    return render(
        "report_evaluation.html.j2",
        name=bundle.name,
        sign="FAIL" if shortfalls else "PASS" if held else "WAIT",
        limit=told["max_drop_points"],
        stated=_stated(bundle),
        sentence=lines[0].text if lines else "",
        shortfalls=shortfalls,
        doubts=[*map(str, told.get("doubts", ()))],
        doubtful=_doubtful(told),
        unmeasured=[
            a.file for a in bundle.artifacts if a.file not in {r["artifact"] for r in rows}
        ],
        accuracy=of["lane"],
        files=of["artifact"],
        quantised=of["quantised"],
        tables=[t for t in tables if not any(t in found for found in of.values())],
        lines=[(x.lead, x.text) for x in rest],
        costs=[c for c in (_sizes(rows, bundle), _times(rows, bundle)) if c is not None],
        charts=_charts(told, bundle),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _stated(bundle: Bundle) -> str:
    """Return what each file may lose by the spec, in words; "" where it says nothing."""
    files = {a.file for a in bundle.artifacts}
    return ", ".join(
        f"{key}: {given.map_loss:g}"
        for key, given in bundle.spec.tolerances.items()
        if key in files and given.map_loss is not None
    )


_FIT = "input.resize"
_DOUBTS = {
    "wrong": "looks wrong on these labelled pictures",
    "leaning": "may be wrong: these labelled pictures lean to another",
    "open": "is not settled: these labelled pictures do not tell",
}


def _doubtful(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the keys of the preprocessing that labels speak against, or do not settle."""
    preprocessing = told.get("preprocessing") or {}
    doubts = {
        key: _DOUBTS[said]
        for key, said in (preprocessing.get("verdicts") or {}).items()
        if said in _DOUBTS
    }
    without = preprocessing.get("fit_by_cut_outs") or {}
    if _FIT in doubts and (better := without.get("speaks_for")) is not None:
        del doubts[_FIT]
        if without["overlap_gain"] > 0:  # of the other fit over the spec's
            many = f"{without['pictures']} wide or high pictures"
            doubts[_FIT] = f"looks wrong: {many} speak for {better}, without labels"
    return list(doubts.items())


def _charts(told: Mapping[str, Any], bundle: Bundle) -> tuple[Chart | Matrix, ...]:
    lanes = [row for row in told["lanes"] if isinstance(row, dict)][:_LANES]
    curve = _curves(lanes, bundle, told)
    return (*([curve] if curve is not None else []), *_matrices(lanes, bundle))


def _sizes(rows: Sequence[Mapping[str, Any]], bundle: Bundle) -> Chart | None:
    """Return the loss over the size of each file; of one that several lanes run, the largest."""
    worst: dict[str, tuple[float, float, str]] = {}
    for r in rows:
        loss = (r["loss_points"] or {}).get("map")
        if loss is not None and loss >= worst.get(r["artifact"], (0.0, -math.inf, ""))[1]:
            worst[r["artifact"]] = r["bytes"] / 1e6, loss, _called(r, "artifact")
    return _against(f"{bundle.name}: size against loss", "MB", [*worst.values()])


def _called(row: Mapping[str, Any], key: str) -> str:
    """Return the name, and the precision of its file, which an evaluation of before has not."""
    precision = row.get("artifact_precision")
    return f"{row[key]}, {precision}" if precision else str(row[key])


def _times(rows: Sequence[Mapping[str, Any]], bundle: Bundle) -> Chart | None:
    known = [
        (1e3 * r["inference_seconds"], r["loss_points"]["map"], _called(r, "lane"))
        for r in rows
        if r["inference_seconds"] is not None and r["loss_points"] is not None
    ]
    return _against(f"{bundle.name}: time against loss", "ms a picture, here", known)


def _against(title: str, of: str, known: Sequence[tuple[float, float, str]]) -> Chart | None:
    """Return points lost over what they buy, a dot each; None where there are not two."""
    if len(known) < 2:
        return None
    widest, across = round_ticks(max(v for v, _, _ in known) * 1.05)
    worst, up = round_ticks(max(0.5, *(loss for _, loss, _ in known)) * 1.05)
    dots = tuple(
        Dots(((v / widest, max(0.0, loss) / worst),), COLOURS[1:][k % 7], name, 9)
        for k, (v, loss, name) in enumerate(known)
    )
    return Chart(title, Axis(of, across), Axis("points lost", up), dots)


def _curves(lanes: list[Any], bundle: Bundle, told: Mapping[str, Any]) -> Chart | None:
    lines = []
    known = [(r, v) for r in lanes if (v := _shares(r.get("precision_at_recall")))]
    step = min(3, 9 / max(1, len(known) - 1))  # lines of equal place show around one another
    for k, (row, values) in enumerate(known):
        points = tuple((i / (len(values) - 1), p) for i, p in enumerate(values))
        ap = row.get("map50")
        said = f": mAP@.5 {100 * ap:.2f}" if isinstance(ap, float) and 0 <= ap <= 1 else ""
        name = f"{row.get('lane', '')!s:.80}{said}"
        lines.append(Line(points, COLOURS[k % len(COLOURS)], name, 2 + step * (len(known) - 1 - k)))
    if not lines:
        return None
    pictures = told.get("data", {}).get("pictures", "")
    title = f"{bundle.name}: precision over recall at IoU 0.5, {pictures!s:.12} pictures"
    return Chart(title, Axis("recall", _TENTHS), Axis("precision", _TENTHS), tuple(lines))


def _shares(given: Any) -> list[float]:
    """Return a curve's values; [] for what is none."""
    if not isinstance(given, list) or not 2 <= len(given) <= 1001:
        return []
    good = all(type(v) in (int, float) and math.isfinite(v) and 0 <= v <= 1 for v in given)
    return [float(v) for v in given] if good else []


def _matrices(lanes: list[Any], bundle: Bundle) -> Iterator[Matrix]:
    seen: list[Any] = []
    for row in lanes:
        told = row.get("confusion")
        if not isinstance(told, dict) or told in seen:
            continue
        seen.append(told)
        made = _matrix(told, f"{bundle.name}, {row.get('lane', '')!s:.60}: what was taken for what")
        if made is not None:
            yield made


def _matrix(told: Mapping[str, Any], title: str) -> Matrix | None:
    """Return the table, the classes with the most in them; None for what is none."""
    rows, columns, counts = (told.get(k) for k in ("labelled", "found", "counts"))
    if not all(isinstance(v, list) for v in (rows, columns, counts)):
        return None
    assert isinstance(rows, list) and isinstance(columns, list) and isinstance(counts, list)
    wide, n = len(columns), len(rows) - 1
    fits = 0 < n <= 10_000 and wide == n + 2 and len(counts) == n + 1
    fits = fits and all(isinstance(r, list) and len(r) == wide for r in counts)
    if not fits or not all(type(v) is int and 0 <= v < 1 << 40 for r in counts for v in r):
        return None
    weight = [sum(counts[k]) + sum(r[k] for r in counts) for k in range(n)]
    chosen = sorted(sorted(range(n), key=lambda k: -weight[k])[: MOST - 2])
    if not any(weight):
        return None
    left = n - len(chosen)
    said = f"{title} ({left} more classes in the JSON)" if left else title
    down, across = [*chosen, n], [*chosen, n, n + 1]
    return Matrix(
        said,
        "labelled",
        "found",
        [f"{rows[i]!s:.80}" for i in down],
        [f"{columns[i]!s:.80}" for i in across],
        [[counts[i][j] for j in across] for i in down],
    )
