"""What a reader of a report should know besides: lints, what was not tried, what would help."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from mobilecat.bundle import HASH_DIGITS, Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import NO_LIMIT, Check
from mobilecat.compare.match import BORDERLINE
from mobilecat.compare.tolerances import STRUCTURE, precision_of
from mobilecat.golden.store import Case, may_write
from mobilecat.judge.choices import accept, weights_alone
from mobilecat.judge.engines import SOURCE, Engines
from mobilecat.judge.report import RandomRow, Result
from mobilecat.judge.static import LINT
from mobilecat.judge.static import NAME as NMS_AS_WRITTEN
from mobilecat.judge.unseen import FAINT
from mobilecat.judge.untried import untried

FEW = 10
"""Calibration pictures below which export warns."""
ROUNDING = 16.0
"""Beyond so many times its limit, a value is not off by rounding."""


_SOURCE_ROUNDS = (
    "the source's own engine rounds its values, as its file says, and the artifacts do not: their "
    "results may be far from the goldens, which are its own. So each is also held, at float32's "
    "limits, to what the numbers in the source's file give without that rounding"
)


def notes_of(
    engines: Engines,
    cases: Sequence[Case],
    results: Sequence[Result],
    rows: Sequence[RandomRow],
    write_pending: bool,
    judged_anew: bool,
) -> tuple[str, ...]:
    """Return the notes of a report."""
    notes = ["judged under other tolerances than the bundle's own"] if judged_anew else []
    if engines.bundle.seal is None:
        said = "bundle.json has no seal, as an older mobilecat wrote it: edits may go unnoticed"
        notes.append(f"{said}; export it again")
    if isinstance(engines.reference, Check):
        notes.append(f"not compared with the live source: {engines.reference.detail}")
    if write_pending and not may_write():
        notes.append("CI is set: no pending file was written")
    goldens = [c.approved for c in cases]
    gaps = untried(engines.bundle, goldens, engines.moved.most)
    if gaps:
        notes.append(f"the goldens do not try everything: {'; '.join(gaps)}")
    notes += _seen(engines.bundle, cases)
    if engines.plain is not None:
        notes.append(_SOURCE_ROUNDS)
    notes += engines.moved.sentences
    if cases and engines.bundle.spec.input is not None and not _failed(results):
        notes.append(_unheld(engines.bundle))
    exact = {r.lane.name for r in engines.reports if precision_of(r.lane) == "float32"}
    return (
        *notes,
        *_apart(engines, results, exact),
        *_lints(results),
        *_ways_out(engines, results, rows, cases),
        *_unseen(results),
        *_borderline(results),
    )


def _seen(bundle: Bundle, cases: Sequence[Case]) -> list[str]:
    """Say which goldens are of pictures that a quantised file took its ranges from."""
    parts = bundle.parts.values() if isinstance(bundle, CascadeBundle) else (bundle,)
    known = {h for p in parts if p.calibration is not None for h in p.calibration.hashes}
    seen = [c.name for c in cases if c.input_sha256[:HASH_DIGITS] in known]
    if not seen:
        return []
    shown = ", ".join(seen[:3]) + (f" and {len(seen) - 3} more" if len(seen) > 3 else "")
    are = "is a golden of a picture" if len(seen) == 1 else "are goldens of pictures"
    return [
        f"{shown} {are} that the calibration had: on them a quantised file looks better than it "
        "is. Record goldens of other pictures too"
    ]


def _failed(results: Sequence[Result]) -> bool:
    return any(r.check.verdict == "FAIL" for r in results)


def marked_keys(bundle: Bundle) -> list[str]:
    """Return the keys of the spec that were marked `# CHECK` at the export."""
    parts = bundle.parts.values() if isinstance(bundle, CascadeBundle) else (bundle,)
    return list(dict.fromkeys(c.key for part in parts for c in part.unchecked))


def _unheld(bundle: Bundle) -> str:
    """Say what no golden knows, and what was marked `# CHECK` at the export."""
    marked = marked_keys(bundle)
    still = f"{', '.join(marked)}: still marked # CHECK at the export. " if marked else ""
    return (
        f"{still}{'Goldens' if marked else 'goldens'} hold what the model gives, and a wrong "
        "preprocessing as well as a right one: with labelled pictures, mobilecat evaluate "
        "--data tells (docs/recipes/preprocessing.md)"
    )


def _apart(engines: Engines, results: Sequence[Result], exact: Collection[str]) -> list[str]:
    """Return both verdicts on each lane that rounds: its structure, and what rounding moves.

    exact: the lanes that round nothing. Where the source itself is off, what a lane is off the
    goldens is not its rounding.
    """
    said = []
    boxes = (("boxes", " px"), ("landmarks", " px"))
    units = (*(() if engines.bundle.spec.head.whole_picture else boxes), ("scores", ""))
    off = _source_is_off(results)
    for lane in dict.fromkeys(r.lane for r in results if r.check.against == STRUCTURE):
        mine = [r.check for r in results if r.lane == lane]
        whole = [c for c in mine if c.against == STRUCTURE and c.verdict != "NOT_RUN"]
        bad = [f"{c.stage} {c.name}" for c in whole if c.verdict == "FAIL"]
        untold = bool(off) and any(NO_LIMIT in c.detail for c in mine)
        if not whole or untold or lane in exact:
            continue
        structure = f"not the source's ({', '.join(dict.fromkeys(bad))})" if bad else "the source's"
        moved = [
            f"{name} by {max(values):.3g}{unit}"
            for name, unit in units
            if not off and (values := _off(mine, name))
        ]
        rounding = f"; as it is, it moves {', '.join(moved)} from the goldens" if moved else ""
        said.append(f"{lane}: without its rounding its structure is {structure}{rounding}")
    return said


def _source_is_off(results: Sequence[Result]) -> set[str]:
    """Return the cases whose goldens the source model itself does not meet."""
    return {
        r.case
        for r in results
        if r.lane == SOURCE.name and r.check.verdict == "FAIL" and r.check.against == "golden"
        if r.check.stage != "contract"
    }


def _off(checks: Sequence[Check], name: str) -> list[float]:
    return [
        c.value
        for c in checks
        if c.against == "golden" and c.stage == "detections" and c.name == name and c.value
    ]


def _unseen(results: Sequence[Result]) -> list[str]:
    """Say which candidates of a lane were not held, since no detection can come of them."""
    said: dict[str, list[Result]] = {}
    for r in results:
        if r.check.verdict == "PASS" and r.check.detail.startswith(FAINT):
            said.setdefault(r.lane, []).append(r)
    notes = []
    for lane, found in said.items():
        cases = list(dict.fromkeys(r.case for r in found))
        more = f". The like on {', '.join(cases[1:])}" if cases[1:] else ""
        notes.append(f"{lane}: on {cases[0]}, {found[0].check.detail}{more}")
    return notes


def _borderline(results: Sequence[Result]) -> list[str]:
    """Say each detection that one side alone has, where its score lies at the threshold: it passes,
    and somebody should know of it. Not of pictures on which the source itself is off."""
    off = _source_is_off(results)
    return [
        f"{r.lane}, {r.case}: {BORDERLINE}: {r.check.detail}. That is within the scores' limit "
        f"{r.check.limit:g}, so the case passes"
        for r in results
        if r.check.name == BORDERLINE
        and r.check.verdict == "PASS"
        and r.check.limit is not None
        and r.case not in off
    ]


def _lints(results: Sequence[Result]) -> list[str]:
    """Return what is written otherwise than in the contract, and equal in effect."""
    return [
        f"{r.lane}: {r.check.detail.partition(f'{LINT}: ')[2]}"
        for r in results
        if r.check.name == NMS_AS_WRITTEN and f"{LINT}: " in r.check.detail
    ]


def _calibration_first(lane: str, precision: str, pictures: int, accept: str, else_: str) -> str:
    """Say what to look at before a limit is widened: the pictures that gave the file its ranges.

    accept: how to widen it. else_: another recipe, or "".
    """
    of = "1 calibration picture" if pictures == 1 else f"{pictures} calibration pictures"
    start = f"{_rounding_alone(lane, precision)}, with ranges of {of}"
    better = "photos from the app's camera, twenty or more, as [quantize] calibration"
    recipe = f"; or {else_}" if else_ else ""
    last = f"or, to accept it, {accept}" if accept.startswith("write") else accept
    if pictures < FEW:
        return (
            f"{start}. That is few: name {better}, export and validate again, and widen no limit "
            f"before that{recipe}"
        )
    return (
        f"{start}. Choose one: where those are drawings, or unlike what the app sees, name "
        f"{better}, and export again{recipe}; {last}"
    )


def _rounding_alone(lane: str, precision: str) -> str:
    return (
        f"{lane}: what failed is rounding alone: without its rounding the program gives what the "
        f"source gives, so its network and its head's decode are right, and what is left is what "
        f"{precision} costs here"
    )


def _ways_out(
    engines: Engines,
    results: Sequence[Result],
    rows: Sequence[RandomRow],
    cases: Sequence[Case] = (),
) -> list[str]:
    """Name [tolerances] where a lane is off by no more than rounding may be, or is right else."""
    if any(r.lane == SOURCE.name and r.check.verdict == "FAIL" for r in results):
        return []  # the model is not what was approved: no tolerance is the way out of that
    said = []
    for report in engines.reports:
        lane, record = report.lane, report.lane.artifact
        mine = [r.check for r in results if r.lane == lane.name]
        off = [r for r in results if r.lane == lane.name and r.check.verdict == "FAIL"]
        bad = [c for c in mine if c.verdict == "FAIL"]
        mine_random = (r for r in rows if r.lane == lane and r.verdict == "FAIL")
        drawn = [Check("raw", r.output, "FAIL", r.value, r.limit) for r in mine_random]
        over = [(c.value, c.limit) for c in (*bad, *drawn)]
        whole = [c for c in mine if c.against == STRUCTURE and c.verdict != "NOT_RUN"]
        finite = all(v is None or math.isfinite(v) for v, _ in over)
        if record is None or not over or not finite or any(c in bad for c in whole):
            continue
        folder, key = engines.shaker.folder, f'[tolerances."{record.file}"]'
        calibrated = engines.bundle.calibration if record.ranges else None
        if whole and calibrated is not None:
            pictures, recipe = calibrated.pictures, weights_alone(record)
            way = accept(folder, engines.bundle, record, [*bad, *drawn], cases, off)
            said.append(_calibration_first(lane.name, record.precision, pictures, way, recipe))
        elif whole:
            way = accept(folder, engines.bundle, record, [*bad, *drawn], cases, off)
            start = _rounding_alone(lane.name, record.precision)
            said.append(
                f"{start}. To accept it, {way}" if way.startswith("write") else f"{start}: {way}"
            )
        elif all(v is not None and w and v <= ROUNDING * w for v, w in over):
            said.append(
                f"{lane.name}: off by little. Where that is the network's own rounding, give the "
                f"limit that it needs: {key}"
            )
    return said
