"""The frontier as a chart: points lost over the file's size, a colour a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mobilecat.compression.result import Compressed, Row
from mobilecat.errors import MobileCatError, Problem
from mobilecat.pictures.chart import BLACK, COLOURS, Axis, Chart, Dots, Line, Point, round_ticks

_LETTERS, _APART, _LINE = 0.0085, 0.02, 0.045
"""Of a chart: about how wide a letter is, what is left between two names, how high a line is."""


def chart_of(found: Compressed) -> Chart:
    """Return a dot a recipe, a line along each target's frontier; what was chosen is ringed, and
    in the legend with its full name. Beside a dot stands its recipe, a mixture's by that word, but
    where it would cover another's: the chosen and the frontier's come first.

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
    for row in _named(found.rows, at):
        marks.append(Dots((at(row.bytes, row.loss),), BLACK, "", 0, note=_short(row.recipe)))
    for row in found.chosen:
        marks.append(Dots((at(row.bytes, row.loss),), BLACK, "", 9, ring=True))
    if 0 < found.budget <= high:
        level = found.budget / high
        marks.append(Line(((0.0, level), (1.0, level)), BLACK, f"budget {found.budget:g}", 1))
    name = found.name or found.spec.name
    title = f"{name}: {found.measure} lost over size, {found.pictures} pictures"
    x = Axis("MB", sizes)
    return Chart(title, x, Axis(f"points of {found.measure} lost", ticks), tuple(marks))


def _short(recipe: str) -> str:
    """Return a recipe's name without what a mixture is of."""
    return recipe.partition(":")[0]


def _named(rows: Sequence[Row], at: Callable[[float, float], Point]) -> Iterator[Row]:
    """Give the rows whose names fit beside their dots, one below or beside the other."""
    taken: list[Point] = []
    for row in sorted(rows, key=lambda r: (not r.chosen, not r.frontier, r.bytes)):
        x, y = at(row.bytes, row.loss)
        wide = _LETTERS * len(_short(row.recipe)) + _APART
        if all(abs(x - a) > wide or abs(y - b) > _LINE for a, b in taken):
            taken.append((x, y))
            yield row
