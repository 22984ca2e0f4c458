"""The head of a report's page: a card an artifact, what has changed since, size against loss."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.compare.compare import Check, Verdict
from mobilecat.disk import json_from_text, read_text
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.formats.table import FORMATS
from mobilecat.judge.alike import called
from mobilecat.judge.observe import watched
from mobilecat.judge.report import Report
from mobilecat.judge.words import amount
from mobilecat.pictures.chart import COLOURS, Axis, Chart, Dots, round_ticks
from mobilecat.rows import in_pixels
from mobilecat.shown import human_size

TOLD = "told"
"""The id of the page's own data: what the next report compares itself with."""
_DATA = re.compile(rf'<script type="application/json" id="{TOLD}">(.*?)</script>', re.DOTALL)
_LARGEST_PAGE = 1 << 27


@dataclass(frozen=True)
class Card:
    """One artifact.

    engines: each lane's runner and verdict. share: the worst difference as a share of its limit.
    furthest: how far its results are from the goldens, beside what is allowed, in words; "" where
    no golden has boxes or scores.
    milliseconds: the fastest picture of this validation, inner values read out with it; None where
    none ran. loss: points of mAP against the source, where it was measured. allowed: what it may
    lose, where it loses more; then the card fails. changes: against the report that was here
    before.
    """

    file: str
    kind: str
    verdict: Verdict
    needs: str
    size: str
    precision: str
    engines: tuple[tuple[str, Verdict], ...]
    share: float | None
    furthest: str
    milliseconds: float | None
    loss: float | None
    allowed: float | None
    changes: tuple[str, ...]


def cards_of(
    report: Report,
    times: Mapping[str, Sequence[float]],
    losses: Mapping[str, float],
    before: Mapping[str, Any],
    allowed: Mapping[str, float] | None = None,
) -> tuple[Card, ...]:
    """Return a card an artifact. times: milliseconds a picture, by lane. losses: by file. before:
    what the earlier page told of each file. allowed: what each may lose, of those that lose more.
    """
    return tuple(
        _card(report, a, times, losses.get(a.file), before.get(a.file), (allowed or {}).get(a.file))
        for a in report.bundle.artifacts
        if any(r.lane.artifact == a for r in report.lanes)
    )


def _card(
    report: Report,
    artifact: ArtifactRecord,
    times: Mapping[str, Sequence[float]],
    loss: float | None,
    before: Any,
    allowed: float | None,
) -> Card:
    lanes = [r.lane for r in report.lanes if r.lane.artifact == artifact]
    engines = tuple((lane.runner, report.verdict(lane)) for lane in lanes)
    verdicts = [v for _, v in engines]
    verdict: Verdict = "FAIL" if "FAIL" in verdicts else "PASS" if "PASS" in verdicts else "NOT_RUN"
    verdict = "FAIL" if allowed is not None else verdict
    shares = [
        c.value / c.limit
        for lane in lanes
        for c in report.of(lane.name)
        if c.value is not None and c.limit and math.isfinite(c.value)
    ]
    taken = [t for lane in lanes for t in times.get(lane.name, ())]
    share = max(shares, default=None)
    return Card(
        artifact.file,
        FORMATS[artifact.kind].title,
        verdict,
        _needs(report.bundle, artifact),
        human_size(artifact.bytes),
        artifact.precision,
        engines,
        share,
        _furthest(report, [c for lane in lanes for c in report.of(lane.name)]),
        min(taken, default=None),
        loss,
        allowed,
        _changes(artifact, verdict, share, loss, before),
    )


_LONGEST = 120
_UNITS = {"boxes": "px", "landmarks": "px", "scores": ""}


def _furthest(report: Report, checks: Sequence[Check]) -> str:
    """Say how far results are from the goldens: `boxes up to 0.08 px off, 0.5 allowed`."""
    whole = report.bundle.spec.head.whole_picture
    if any(c.verdict == "FAIL" for c in checks):
        return _worst(report, checks)
    for name, unit in _UNITS.items():
        off = [
            (c.value / c.limit, c.value, c.limit)
            for c in checks
            if c.against == "golden" and c.stage == "detections" and c.name == name
            if c.value is not None and c.limit and math.isfinite(c.value)
        ]
        if off and not (whole and name != "scores"):
            _, value, limit = max(off)
            px = f" {unit}" if unit else ""
            return (
                f"{name} {_up_to(value)}{px} off, {limit:g}{px} allowed"
                if value
                else f"{name} as approved"
            )
    return ""


def _worst(report: Report, checks: Sequence[Check]) -> str:
    """Say what failed by most of its limit; where no number says it, what failed first."""
    off = [
        (c.value / c.limit, c.value, c.limit, c)
        for c in checks
        if c.verdict == "FAIL" and c.value is not None and c.limit and math.isfinite(c.value)
    ]
    if not off:
        first = next(c for c in checks if c.verdict == "FAIL")
        said = f"{called(first)}: {first.detail}" if first.detail else called(first)
        return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    _, value, limit, check = max(off, key=lambda x: x[0])
    here = watched(report.bundle)
    kind = here[check.name].kind if check.name in here else check.name
    px = " px" if in_pixels(kind) else ""
    whose = {"raw": f"raw output {check.name}", "candidates": f"{kind} of a candidate"}
    return f"{whose.get(check.stage, kind)} {_up_to(value)}{px} off, {limit:g}{px} allowed"


def _up_to(value: float) -> str:
    return "less than 0.001" if value < 1e-3 else f"up to {amount(value)}"


def _needs(bundle: Bundle, artifact: ArtifactRecord) -> str:
    """Return the oldest system that loads it, where its target says so."""
    target = bundle.target_of(artifact)
    system = getattr(target, "deployment_target", None)
    return f"{system[:3]} {system[3:]} or newer" if isinstance(system, str) else ""


def _changes(
    artifact: ArtifactRecord,
    verdict: Verdict,
    share: float | None,
    loss: float | None,
    before: Any,
) -> tuple[str, ...]:
    if not isinstance(before, Mapping):
        return ()
    said = []
    if before.get("verdict") in ("PASS", "FAIL", "NOT_RUN") and before["verdict"] != verdict:
        words = {"PASS": "passed", "FAIL": "failed", "NOT_RUN": "did not run"}
        said.append(f"{words[before['verdict']]} before")
    size = _number(before.get("bytes"))
    if size and abs(artifact.bytes - size) >= max(1, size / 1000):
        said.append(f"{artifact.bytes / size - 1:+.1%} in size")
    was = _number(before.get("share"))
    if share is not None and was is not None and max(share, was) >= 0.01:
        other = share > 1.5 * was or was > 1.5 * share
        way = "farther from" if share > was else "nearer to"
        said += [f"results are {way} the source's than before"] if other else []
    lost = _number(before.get("loss"))
    if loss is not None and lost is not None and abs(loss - lost) >= 0.005:
        said.append(f"lost {lost:.2f} points before")
    return tuple(said)


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def told_of(report: Report, cards: Sequence[Card]) -> str:
    """Return what the page keeps for the next one, as JSON that may stand in HTML."""
    sizes = {a.file: a.bytes for a in report.bundle.artifacts}
    told = {
        "bundle": report.bundle.name,
        "artifacts": {
            c.file: {
                "verdict": c.verdict,
                "bytes": sizes[c.file],
                "share": c.share,
                "loss": c.loss,
            }
            for c in cards
        },
    }
    return json.dumps(told).replace("<", "\\u003c")


def told_before(page: Path, bundle: str) -> Mapping[str, Any]:
    """Return what an earlier page at this place told of each file; nothing where there is none, or
    it is of something else."""
    try:
        if page.stat().st_size > _LARGEST_PAGE:
            return {}
        found = _DATA.search(read_text(page))
        told = json_from_text(found[1]) if found else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict) or told.get("bundle") != bundle:
        return {}
    artifacts = told.get("artifacts")
    return artifacts if isinstance(artifacts, dict) else {}


def losses_of(evaluation: Path, bundle: Bundle) -> dict[str, float]:
    """Return points of mAP lost, by file, of what `mobilecat evaluate --json` wrote.

    Errors: MobileCatError where it is no such file, or of another bundle.
    """
    fix = "write it: mobilecat evaluate DIR --data DATA --json FILE.json"
    try:
        told = json_from_text(read_text(evaluation))
        lanes, name = told["lanes"], told["bundle"]["name"]
        found = {
            str(row["artifact"]): float(row["loss_points"]["map"])
            for row in lanes
            if row.get("artifact") and (row.get("loss_points") or {}).get("map") is not None
        }
    except OSError as e:
        raise _no_evaluation(evaluation, reason(e), fix) from e
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise _no_evaluation(evaluation, "is not what `evaluate --json` writes", fix) from e
    if name != bundle.name:
        what = f"is of the bundle {str(name)!r:.80}, not {bundle.name!r}"
        raise _no_evaluation(evaluation, what, fix)
    return found


def _no_evaluation(path: Path, what: str, fix: str) -> MobileCatError:
    return MobileCatError("The evaluation cannot be used", [Problem(what, str(path), fix)])


def size_chart(bundle: Bundle, cards: Sequence[Card]) -> Chart | None:
    """Return loss over size, a dot an artifact; None where fewer than two losses are known."""
    known = [c for c in cards if c.loss is not None]
    if len(known) < 2:
        return None
    sizes = {a.file: a.bytes / 1e6 for a in bundle.artifacts}
    widest, sizes_said = round_ticks(max(sizes[c.file] for c in known) * 1.05)
    worst, losses_said = round_ticks(max(0.5, *(c.loss or 0 for c in known)) * 1.05)
    x, y = Axis("MB", sizes_said), Axis("points of mAP lost", losses_said)
    dots = tuple(
        Dots(
            ((sizes[c.file] / widest, max(0.0, c.loss or 0.0) / worst),),
            COLOURS[1:][i % len(COLOURS[1:])],
            f"{c.file}, {c.precision}",
            9,
        )
        for i, c in enumerate(known)
    )
    return Chart(f"{bundle.name}: size against loss", x, y, dots)
