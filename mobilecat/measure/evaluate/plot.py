"""Precision over recall as a chart: a line a lane, the mean over classes at IoU 0.5."""

from __future__ import annotations

from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.evaluate.report import Evaluation
from mobilecat.pictures.chart import COLOURS, Axis, Chart, Line

_TENTHS = tuple((i / 5, f"{i / 5:.1f}") for i in range(6))


def chart_of(report: Evaluation) -> Chart:
    """Return the chart. The first lane's line is the widest, so that lines that coincide all show.

    Errors: MobileCatError where no lane has a curve.
    """
    rows = [(r, r.scores, r.scores.curve) for r in report.lanes if r.scores and r.scores.curve]
    if not rows:
        said = Problem("no lane has an average precision", "--plot")
        raise MobileCatError("There is no curve to draw", [said])
    lines = []
    for k, (row, scores, curve) in enumerate(rows):
        n = len(curve.precision) - 1
        assert scores.ap50 is not None
        points = tuple((i / n, float(p)) for i, p in enumerate(curve.precision))
        name = f"{row.lane.name}: mAP@.5 {100 * scores.ap50:.2f}"
        lines.append(Line(points, COLOURS[k % len(COLOURS)], name, 2 + 3 * (len(rows) - 1 - k)))
    classes = len(report.classes)
    title = f"{report.bundle.name}: precision over recall at IoU 0.5, {report.pictures} pictures"
    title += f", mean of {classes} classes" if classes > 1 else ""
    return Chart(title, Axis("recall", _TENTHS), Axis("precision", _TENTHS), tuple(lines))
