"""The frontier as a chart: points lost over the file's size, a colour a target."""

from __future__ import annotations

from mobilecat.compression.result import Compressed
from mobilecat.errors import MobileCatError, Problem
from mobilecat.pictures.chart import BLACK, COLOURS, Axis, Chart, Dots, Line, Point, round_ticks


def chart_of(found: Compressed) -> Chart:
    """Return a dot a recipe, a line along each target's frontier; what was chosen is ringed, and
    named in the legend, where names that are long or close together do not cover one another.

    Losses beyond four budgets lie on the upper edge, gains on the lower one.
    Errors: MobileCatError where nothing was measured.
    """
    if not found.rows:
        raise MobileCatError("There is nothing to draw", [Problem("nothing ran", "--plot")])
    least = max(4 * found.budget, 10 * found.least, 1.0)
    worst = max((r.loss for r in found.rows), default=0.0)
    high, ticks = round_ticks(min(max(worst, found.budget, 0.1), least))
    wide, sizes = round_ticks(max(r.bytes for r in found.rows) / 1e6)

    def at(size: float, loss: float) -> Point:
        return size / 1e6 / wide, min(max(loss / high, 0.0), 1.0)

    marks: list[Line | Dots] = []
    for k, file in enumerate(dict.fromkeys(r.file for r in found.rows)):
        colour = COLOURS[1:][k % len(COLOURS[1:])]
        rows = sorted((r for r in found.rows if r.file == file), key=lambda r: r.bytes)
        along = tuple(at(r.bytes, r.loss) for r in rows if r.frontier)
        if len(along) > 1:
            marks.append(Line(along, colour, width=2))
        best = next((r for r in rows if r.chosen), None)
        said = f"{file}: {best.recipe}, {best.share:.3f} of float32" if best else file
        marks.append(Dots(tuple(at(r.bytes, r.loss) for r in rows), colour, said, 4))
    for row in found.chosen:
        marks.append(Dots((at(row.bytes, row.loss),), BLACK, "", 9, ring=True))
    if 0 < found.budget <= high:
        level = found.budget / high
        marks.append(Line(((0.0, level), (1.0, level)), BLACK, f"budget {found.budget:g}", 1))
    title = f"{found.spec.name}: {found.measure} lost over size, {found.pictures} pictures"
    x = Axis("MB", sizes)
    return Chart(title, x, Axis(f"points of {found.measure} lost", ticks), tuple(marks))
