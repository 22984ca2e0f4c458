"""Ratios of a benchmark, kept in benchmarks/results.json and told beside those kept before.

A report and no test: machines differ, and what else they do. Ratios are kept, as they carry over
from one machine to another; seconds are not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
APART = 0.1
"""A change of a ratio that is marked."""


def keep(section: str, ratios: Mapping[str, float], path: Path = RESULTS) -> list[str]:
    """Write a section's ratios over its old ones; return a line for each, old beside new.

    A ratio that was not measured this time stays as it was, and is named.
    """
    told = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    old: dict[str, float] = told.get(section, {})
    lines = [line(name, value, old.get(name)) for name, value in ratios.items()]
    lines += [f"{name:70s} {'':7s}  was {old[name]:.3f}, not measured"
              for name in old if name not in ratios]  # fmt: skip
    told[section] = {**old, **{name: round(value, 4) for name, value in ratios.items()}}
    path.write_text(
        json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return lines


def line(name: str, value: float, before: float | None) -> str:
    """Return what is said of one ratio."""
    if before is None:
        return f"{name:70s} {value:7.3f}  new"
    change = value / before - 1
    mark = "" if abs(change) < APART else "  more" if change > 0 else "  less"
    return f"{name:70s} {value:7.3f}  was {before:.3f}  {change:+.0%}{mark}"


def changed(old: Mapping[str, float], new: Mapping[str, float]) -> list[str]:
    """Return a line for each ratio that is another than it was, old beside new."""
    return [line(name, value, old.get(name)) for name, value in new.items()
            if value != old.get(name)]  # fmt: skip


def put(page: Path, marks: tuple[str, str], text: str) -> None:
    """Put `text` between two marks of a page, in place of what stood there."""
    head, _, rest = page.read_text("utf-8").partition(marks[0])
    tail = rest.partition(marks[1])[2]
    page.write_text(f"{head}{marks[0]}\n{text}\n{marks[1]}{tail}", encoding="utf-8")
