"""A bisection as a chart: error over layers, on a logarithmic scale."""

from __future__ import annotations

import math

from mobilecat.bisection.walk import Bisection
from mobilecat.pictures.chart import (
    BLACK,
    ORANGE,
    SKY,
    VERMILION,
    Axis,
    Chart,
    Dots,
    Line,
    round_numbers,
)

LOW, HIGH = -8, 1  # exponents of ten; beyond them points lie on the edge
GROWN, OWN, LIMIT, OVER = SKY, BLACK, ORANGE, VERMILION


def chart_of(found: Bisection) -> Chart:
    """Return a line for `grown`, a dot a layer for `own`, the limit, what is above it."""
    layers, count = found.layers, len(found.layers)
    at = [(i + 0.5) / max(count, 1) for i in range(count)]
    over = [not layer.own <= found.limit for layer in layers]
    own = [(x, _share(layer.own)) for x, layer in zip(at, layers, strict=True)]
    grown = [(x, _share(layer.grown)) for x, layer in zip(at, layers, strict=True)]
    first = found.first
    note = f"layer {layers.index(first) + 1}: own {first.own:.2g}" if first else ""
    radius = min(4.0, max(1.6, 400 / max(count, 1)))
    bad = tuple(p for p, o in zip(own, over, strict=True) if o)
    marks = (
        Line(((0.0, _share(found.limit)), (1.0, _share(found.limit))), LIMIT,
             f"limit {found.limit:g}", 2),
        Line(tuple(grown), GROWN, "grown: from the picture on"),
        Dots(tuple(p for p, o in zip(own, over, strict=True) if not o), OWN,
             "own: the layer alone", radius),
        Dots(bad, OVER, "above the limit" if bad else "", 5, note=note),
    )  # fmt: skip
    return Chart(
        _title(found),
        Axis(
            "layers, in the order they run",
            tuple(((n - 0.5) / count, str(n)) for n in round_numbers(count)),
        ),
        Axis("error, relative to the layer", tuple(_ticks())),
        marks,
    )


def _ticks() -> list[tuple[float, str]]:
    edge = {LOW: "0 to ", HIGH: "from "}
    return [(_share(10.0**e), f"{edge.get(e, '')}1e{e}") for e in range(LOW, HIGH + 1)]


def _title(found: Bisection) -> str:
    first, place = found.first, f"{found.lane}, {found.picture}"
    if not found.layers:
        return f"No layer could be compared: {place}"
    if first is None:
        return f"All {len(found.layers)} layers within {found.limit:g}: {place}"
    return f"First apart: '{first.value}' ({first.op}); {place}"


def _share(error: float) -> float:
    exponent = HIGH if math.isinf(error) or math.isnan(error) else math.log10(max(error, 1e-30))
    return (min(max(exponent, LOW), HIGH) - LOW) / (HIGH - LOW)
