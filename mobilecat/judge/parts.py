"""The models of a cascade by themselves: without their rounding, and their ends on made values.

A cascade's goldens show what both models make of a picture together. What limits as wide as
float16's hide, and what no picture tries, is seen in each model alone, as in a bundle of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import MADE, Check
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.judge.engines import (
    SOURCE,
    Engines,
    judge_ends,
    judge_unrounded,
    load_engines,
    run_source,
)
from mobilecat.judge.random import random_inputs
from mobilecat.judge.report import LaneReport, Result
from mobilecat.lanes import Lane, open_lane


def judge_parts(
    folder: Path,
    bundle: CascadeBundle,
    reports: Sequence[LaneReport],
    progress: Callable[[str], None],
) -> list[Result]:
    """Return the checks of each model's own artifacts that run in a lane, under the lane's name."""
    found: list[Result] = []
    for home, part in bundle.parts.items():
        lanes: dict[str, list[str]] = {}
        here: dict[str, Lane] = {}
        for report in reports:
            record = report.lane.artifact
            if record is None or report.unloaded or report.lane.slow or report.lane.apples:
                continue
            own = bundle.part_record(home, record.file)
            if own is not None:
                lane = replace(report.lane, artifact=own)
                here[lane.name] = lane
                lanes.setdefault(lane.name, []).append(report.lane.name)

        def say(text: str, home: str = home) -> None:
            progress(f"{home}: {text}")

        if not here:
            continue
        at = folder / home
        engines = load_engines(open_lane, at, part, [*here.values()], None, say, True)
        held = _unrounded(engines, say)
        held += [r for r in judge_ends(at, engines, say) if r.check.against in ("", MADE)]
        found += [
            Result(name, "", replace(r.check, detail=f"{home}: {r.check.detail}"))
            for r in held
            for name in lanes[r.lane]
        ]
    return found


def _unrounded(engines: Engines, progress: Callable[[str], None]) -> list[Result]:
    """Run every program without its rounding on one random picture; the ends get its outputs."""
    inputs = random_inputs(engines.bundle, 0, 0)
    reference = run_source(engines, inputs)
    results: list[Result] = []
    for report in engines.reports:
        name = report.lane.name
        if name not in engines.structures or report.lane == SOURCE:
            continue
        if isinstance(reference, Check):
            said = f"{reference.name}: {reference.detail}"
            check = Check("raw", STRUCTURE, "NOT_RUN", detail=said, against=STRUCTURE)
            results.append(Result(name, "", check))
            continue
        progress(f"{name} without its rounding")
        checks = judge_unrounded(engines, report.lane, reference, inputs)
        results += [Result(name, "", c) for c in checks]
    return results
