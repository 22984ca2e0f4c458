"""Pending goldens as one page: approved and pending on the picture, the numbers, the commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecat.bundle.cascade import open_any
from mobilecat.compare.compare import STAGES
from mobilecat.compare.tolerances import Limits, limits_of
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import Difference, Expected, read_case_file, read_result
from mobilecat.judge.result import differences
from mobilecat.lanes import Lane, lanes_of
from mobilecat.pictures.drawing import data_url
from mobilecat.pictures.reading import read_picture
from mobilecat.report.html import TAGGED
from mobilecat.report.html_cases import PICTURES
from mobilecat.report.html_cells import short_names
from mobilecat.report.html_figure import Figure, differences_of, layer_of, marked, rows_of
from mobilecat.report.html_page import render
from mobilecat.report.html_reel import Reel, reel_of
from mobilecat.review.approve import Pending, base_of
from mobilecat.review.commands import approve_command, clean_command, reject_command
from mobilecat.review.review import contract_words, lines_of, of_another

REELS = 8
"""Clips that one page shows, frame by frame."""
FIRST = 5
"""Names above the pictures; the others are behind a click, so that a picture is near the top."""
_STAGES: tuple[str, ...] = STAGES


@dataclass(frozen=True)
class Waiting:
    """A pending result. lane: as short as it can be told. over: what is beyond a limit, the end
    result first. lines: below the headline, where nothing is over. replaces: what was approved
    before, None for a new case. clean: the command that removes it, where it cannot be approved; ""
    else. variant: the command that approves it for its lane alone, "" where
    it has none.
    """

    pending: Pending
    lane: str
    headline: str
    lines: tuple[str, ...]
    over: tuple[Difference, ...]
    figure: Figure | None
    reel: Reel | None
    approve: str
    variant: str
    reject: str
    replaces: Expected | None
    clean: str = ""


def review_page(folder: Path, golden_dir: Path, found: Sequence[Pending]) -> str:
    """Return the page of pending results, in the order given."""
    bundle = open_any(folder)
    lanes = {lane.name: lane for lane in lanes_of(bundle)}
    short = short_names(list(lanes.values()))
    waiting = []
    for k, p in enumerate(found):
        base = base_of(p.folder, p.lane)
        old = read_result(base) if base is not None else None
        lane = lanes.get(p.found.made.lane, Lane("source"))
        figure = _figure(p, old, limits_of(lane, bundle)) if k < PICTURES else None
        approve = approve_command(folder, golden_dir, p)
        reject = reject_command(folder, golden_dir, p)
        over = sorted(differences(p.checks), key=lambda d: -_STAGES.index(d.stage))
        waiting.append(
            Waiting(
                p,
                short.get(p.lane, p.lane) or "as recorded",
                _told(p)[0] if not over else _headline(over[0]),
                () if over else tuple(_told(p)[1:]),
                tuple(over),
                figure,
                reel_of(p, old, bundle, limits_of(lane, bundle)) if k < REELS else None,
                approve,
                f"{approve} --variant" if p.lane else "",
                reject,
                old,
                clean_command(folder, golden_dir) if p.useless else "",
            )
        )
    drawn = [w.figure for w in waiting if w.figure]
    return render(
        "report_review.html.j2",
        bundle=bundle,
        waiting=waiting,
        first=FIRST,
        of_another=of_another,
        contracts=_contracts(found),
        layers=[(0, "approved"), (1, "pending")] if drawn else [],
        tags=bool(drawn) and max(len(x.boxes) for f in drawn for x in f.layers) <= TAGGED,
    )


def _told(pending: Pending) -> list[str]:
    elsewhere = [of_another(pending), *contract_words(pending)]  # have places of their own
    return [line.strip() for line in lines_of(pending, doubts=False) if line not in elsewhere]


def _contracts(found: Sequence[Pending]) -> list[tuple[str, int]]:
    """Return what has changed since results were approved, and of how many."""
    return list(Counter("; ".join(p.changed) for p in found if p.changed).items())


def _headline(d: Difference) -> str:
    if d.value is None or not d.limit:
        return f"{d.stage}: {d.detail.partition(';')[0] or d.name}"
    return f"{d.stage}: {d.name} off by {d.value:.3g}, limit {d.limit:g}"


def _figure(pending: Pending, old: Expected | None, limits: Limits) -> Figure | None:
    new = pending.found
    if new.found is None or new.plan is None:
        return None
    try:
        picture = read_picture(pending.folder / read_case_file(pending.folder).input.file)
    except MobileCatError:
        return None
    layers = []
    rows = []
    if old is not None and old.found is not None:
        to_model = new.plan.plan.model_from_image
        layers.append(layer_of(0, "approved", old.found, old.labels, old.landmarks))
        names = new.labels, old.labels
        rows = differences_of("pending", old.found, new.found, limits, to_model, *names)
    layer = layer_of(1, "pending", new.found, new.labels, new.landmarks)
    # Beside nothing approved, what is pending is all that there is to read.
    layers.append(replace(marked(layer, rows, slot=0), tagged=old is None))
    title = f"{pending.case} {pending.lane}".strip()
    return Figure(title, picture.size, data_url(picture), tuple(layers), rows_of(rows, ["pending"]))
