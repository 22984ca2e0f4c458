"""What `mobilecat evaluate --json` wrote, as charts of a report's page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.disk import json_from_text, read_text
from mobilecat.pictures.chart import COLOURS, Axis, Chart, Line
from mobilecat.pictures.matrix import MOST, Matrix

_TENTHS = tuple((i / 5, f"{i / 5:.1f}") for i in range(6))
_LANES = 16


def charts_of(evaluation: Path, bundle: Bundle) -> tuple[Chart | Matrix, ...]:
    """Return precision over recall, and what was taken for what: of the source, and of each lane
    where that differs. What an older evaluation does not have is left out.

    The file was read before, by `losses_of`.
    """
    told = json_from_text(read_text(evaluation))
    lanes = [row for row in told["lanes"] if isinstance(row, dict)][:_LANES]
    curve = _curves(lanes, bundle, told)
    return (*([curve] if curve is not None else []), *_matrices(lanes, bundle))


def _curves(lanes: list[Any], bundle: Bundle, told: Mapping[str, Any]) -> Chart | None:
    lines = []
    known = [(r, v) for r in lanes if (v := _shares(r.get("precision_at_recall")))]
    for k, (row, values) in enumerate(known):
        points = tuple((i / (len(values) - 1), p) for i, p in enumerate(values))
        ap = row.get("map50")
        said = f": mAP@.5 {100 * ap:.2f}" if isinstance(ap, float) and 0 <= ap <= 1 else ""
        name = f"{row.get('lane', '')!s:.80}{said}"
        lines.append(Line(points, COLOURS[k % len(COLOURS)], name, 2 + 3 * (len(known) - 1 - k)))
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
