"""A comparison of two releases as one page: facts, figures, the pictures that changed most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mobilecat.changes.behaviour import LaneChange
from mobilecat.changes.pictures import STILL_PX, STILL_SCORE, PictureChange
from mobilecat.changes.whole import Difference
from mobilecat.changes.words import MOST, facts_table, lanes_table, lost_sources
from mobilecat.errors import MobileCatError
from mobilecat.pictures.drawing import data_url
from mobilecat.pictures.reading import read_picture
from mobilecat.report.html_figure import Figure, Layer, layer_of
from mobilecat.report.html_page import render
from mobilecat.spec import Spec

PICTURES = 20
_SIDE = 900
_MOVED = 0.02
"""Of a picture's longer side: from there on a move is pointed out."""


@dataclass(frozen=True)
class Shown:
    """One picture. said: what changed on it. figures: old and new, None where the picture cannot be
    read any more."""

    name: str
    lane: str
    said: str
    figures: tuple[tuple[str, str, Figure], ...]


def diff_page(d: Difference) -> str:
    """Return the page."""
    shown = [_shown(d, lane, p) for lane, p in d.most_changed(PICTURES)]
    changed = {p.path for r in d.lanes for p in r.pictures if p.changed}
    return render(
        "report_diff.html.j2",
        title=_name(d.old.path.name, d.new.path.name),
        d=d,
        sign="FAIL" if d.shortfalls else "WAIT" if d.facts or changed else "PASS",
        facts=facts_table(d.facts) if d.facts else None,
        lost=list(lost_sources(d)),
        lanes=lanes_table(d.lanes) if d.lanes else None,
        idle=[r for r in d.lanes if r.not_run],
        shown=shown,
        most=MOST,
        changed=len(changed),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _name(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _shown(d: Difference, lane: LaneChange, p: PictureChange) -> Shown:
    said = [f"{len(x)} {word}" for x, word in ((p.lost, "lost"), (p.gained, "gained")) if x]
    if max(p.moved, default=0.0) > STILL_PX:
        said.append(f"moved by up to {max(p.moved):.2f} px")
    if max(p.points, default=0.0) > STILL_PX:
        said.append(f"landmarks by {max(p.points):.2f} px")
    if p.far_px > STILL_PX:
        said[-1] += f" ({100 * p.weight[1]:.2f}%)"
    if max(map(abs, p.off), default=0.0) > STILL_SCORE:
        said.append(f"scores by {max(map(abs, p.off)):.3f}")
    return Shown(p.path.name, lane.name, ", ".join(said), _figures(d, p))


def _figures(d: Difference, p: PictureChange) -> tuple[tuple[str, str, Figure], ...]:
    a, b = d.old.bundle, d.new.bundle
    assert a is not None and b is not None
    try:
        picture = read_picture(p.path)
    except MobileCatError:
        return ()
    href = data_url(picture, _SIDE)
    far = _MOVED * max(p.size_wh)
    moved = [pair for pair, px in zip(p.pairs, p.moved, strict=True) if px > far]
    lost, gained = _count(len(p.old), p.lost, "lost"), _count(len(p.new), p.gained, "gained")
    sides = (
        ("old", p.old, {*p.lost, *(i for i, _ in moved)}, a.spec, lost),
        ("new", p.new, {*p.gained, *(j for _, j in moved)}, b.spec, gained),
    )
    figures = []
    for k, (word, found, over, spec, said) in enumerate(sides):
        labels = _labels(a.spec, b.spec)
        layer = layer_of(k + 1, word, found, labels, spec.landmarks, spec.skeleton)
        figure = Figure(f"{p.path.name}, {word}", p.size_wh, href, (_marked(layer, over),), ())
        figures.append((word, said, figure))
    return tuple(figures)


def _labels(old: Spec, new: Spec) -> tuple[str, ...]:
    """Return the names in the old model's numbering: what only the new one has comes at its place
    after them."""
    names = list(old.labels)
    for j, name in enumerate(new.labels):
        if name not in old.labels and old.labels:
            names += ["?"] * (len(old.labels) + j + 1 - len(names))
            names[len(old.labels) + j] = name
    return tuple(names or new.labels)


def _count(n: int, alone: tuple[int, ...], word: str) -> str:
    more = f", {len(alone)} {word}" if alone else ""
    return f"{n} found{more}"


def _marked(layer: Layer, over: set[int]) -> Layer:
    """Point out what is on one side only, or moved."""
    return replace(layer, boxes=tuple(replace(b, over=b.index in over) for b in layer.boxes))
