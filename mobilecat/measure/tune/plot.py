"""A sweep as a chart: recall over false positives a picture, a line for each IoU threshold."""

from __future__ import annotations

import math

from mobilecat.measure.tune.run import Tuned
from mobilecat.pictures.chart import BLACK, COLOURS, Axis, Chart, Dots, Line, Point

_APART = 0.12
"""Of two ticks, as a share of the axis."""


def chart_of(found: Tuned) -> Chart:
    """Return a dot a setting, lines along falling score thresholds, the best row ringed.

    Of max_detections, the largest. False positives are on a scale of √, so that few are told apart.
    """
    most = max(r.setting.max_detections for r in found.rows)
    rows = [r for r in found.rows if r.setting.max_detections == most]
    end = max([r.false_positives_a_picture for r in rows] + [0.1])

    def at(false_positives: float, recall: float) -> Point:
        return math.sqrt(false_positives / end), recall

    marks: list[Line | Dots] = []
    for i, iou in enumerate(sorted({r.setting.iou_threshold for r in rows})):
        colour = COLOURS[1:][i % len(COLOURS[1:])]
        here = [r for r in rows if r.setting.iou_threshold == iou]
        points = tuple(at(r.false_positives_a_picture, r.recall) for r in here)
        marks += [Line(points, colour, width=2), Dots(points, colour, f"IoU {iou:g}", 3)]
    title = f"{found.bundle.name}, {found.lane}, {len(found.data)} pictures"
    if found.best is not None:
        s, best = found.best.setting, at(found.best.false_positives_a_picture, found.best.recall)
        marks.append(Dots((best,), BLACK, f"best by {found.objective.name}", 8, ring=True))
        title += f": best by {found.objective.name} at score {s.score_threshold:g}, "
        title += f"IoU {s.iou_threshold:g}"
    x = Axis(
        "false positives a picture", tuple((math.sqrt(v / end), f"{v:g}") for v in _ticks(end))
    )
    y = Axis("recall", tuple((n / 5, f"{n / 5:g}") for n in range(6)))
    return Chart(title, x, y, tuple(marks))


def _ticks(end: float) -> list[float]:
    """Return round numbers from 0 to `end` that lie apart on a scale of √."""
    round_ones = [m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5)]
    ticks = [0.0]
    for value in (v for v in round_ones if v <= end):
        if math.sqrt(value / end) - math.sqrt(ticks[-1] / end) >= _APART:
            ticks.append(value)
    return ticks
