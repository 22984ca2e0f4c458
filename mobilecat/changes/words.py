"""What a comparison says: the first line, the facts, a row an artifact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mobilecat.changes.facts import Change
from mobilecat.changes.pictures import STILL_PX, STILL_SCORE, PictureChange
from mobilecat.shown import Column, Line, Table

if TYPE_CHECKING:
    from mobilecat.changes.behaviour import LaneChange
    from mobilecat.changes.whole import Difference


def headline(d: Difference) -> str:
    """Return the first line: what is different, then what it does."""
    about = _what(d.facts)
    did = _did(d)
    return f"{about} {did}".strip()


def _what(facts: Sequence[Change]) -> str:
    if not facts:
        return "Nothing changed."
    shown = [c for c in facts if c.kind not in _FOLLOW] or list(facts)
    if any(c.kind == "precision" for c in shown):  # a new int8 file brings its calibration
        shown = [c for c in shown if c.kind != "calibration"]
    lead = shown[0].kind
    first = [c for c in shown if c.kind == lead]
    text = _lead(first)
    others = list(dict.fromkeys(_PLAIN[c.kind] for c in shown if c.kind != lead))
    if others:
        text += f"; also {' and '.join(others) if len(others) < 3 else _listed(others)}"
    return f"{text[0].upper()}{text[1:]}."


_FOLLOW = ("ops", "bytes", "size", "compiler", "tolerances")
"""What another network, precision or threshold brings with it, told below the first line."""
_PLAIN = {
    "network": "another network", "preprocessing": "another preprocessing", "head": "another head",
    "suppression": "another suppression", "cascade": "another crop", "labels": "other labels",
    "contract": "other inputs or outputs", "precision": "another precision",
    "calibration": "another calibration",
    "files": "other files", "ops": "other ops", "bytes": "other bytes", "size": "another size",
    "tolerances": "other tolerances", "compiler": "other versions",
}  # fmt: skip


def _lead(first: Sequence[Change]) -> str:
    """Name the changes of the kind that matters most; several keys are counted."""
    one = first[0]
    more = f", and {len(first) - 1} more" if len(first) > 1 else ""
    if one.kind == "network":
        return f"{one}{more}"
    key = one.what
    word = _PLAIN[one.kind]
    if one.kind == "suppression" and key.endswith("threshold"):
        word = "another threshold"
    if one.kind == "head" and "anchor" in key:
        word = "other anchors" if len(first) > 1 else "another anchor"
    if one.kind == "precision":
        return f"{word}: {_precision(first)}"
    if one.kind in ("bytes", "compiler", "tolerances", "ops", "size"):
        return f"{_STAYED}: {word}, {one}{more}"
    return f"{word}: {one}{more}"


_STAYED = "the same network and contract"


def _precision(first: Sequence[Change]) -> str:
    """Say old → new once where every file changed alike."""
    if len({(c.old, c.new) for c in first}) == 1:
        files = ", ".join(c.what for c in first[:3]) + (" …" if len(first) > 3 else "")
        return f"{first[0].old} → {first[0].new} ({files})"
    return ", ".join(map(str, first[:3])) + (" …" if len(first) > 3 else "")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}"


def _did(d: Difference) -> str:
    if d.given is None:
        return ""
    r = d.worst
    n = len(d.given.pictures)
    on = f"On {n} picture{'s' * (n != 1)}"
    if r is None:
        return f"{on}, nothing ran."
    alike = {_figures(x) for x in d.lanes if not x.not_run}
    where = f" ({r.name}, the artifact that changed most)" if len(alike) > 1 else ""
    found = f"{r.found[0]} detection{'s' * (r.found[0] != 1)}"
    if not (r.lost or r.gained):
        far = _far(r)
        if far <= STILL_PX and r.score <= STILL_SCORE:
            exact = far == 0 and r.score == 0
            close = "exactly" if exact else f"within {STILL_PX:g} px and {STILL_SCORE:g} of score"
            return f"{on}, {found}: all as before, {close}.{_accuracy(r)}"
        return f"{on}, {found}: none lost or gained, {_moves(r)}{where}.{_accuracy(r)}"
    kept = r.found[0] - r.lost
    still = _far(r) <= STILL_PX and r.score <= STILL_SCORE
    rest = f"; the {kept} that stay{' did not move' if still else f' {_moves(r)}'}" if kept else ""
    return f"{on}, of {found} {r.lost} lost, {r.gained} gained{rest}{where}.{_accuracy(r)}"


def _far(r: LaneChange) -> float:
    return max(r.moved[1], r.points[1] if r.points else 0.0)


def _figures(r: LaneChange) -> tuple[int, int, str, str]:
    return r.lost, r.gained, _px(_far(r)), f"{r.score:.2g}"


def _moves(r: LaneChange) -> str:
    said = []
    if r.moved[1] > STILL_PX:
        said.append(f"moved by up to {_px(r.moved[1])} px (median {_px(r.moved[0])})")
    if r.points and r.points[1] > STILL_PX:
        landmarks = f"landmarks by up to {_px(r.points[1])} px"
        said.append(landmarks if said else f"boxes stay, {landmarks}")
    if r.score > STILL_SCORE:
        scores = f"scores by up to {r.score:.2g}"
        said.append(scores if said else f"boxes stay, {scores}")
    return ", ".join(said)


def _accuracy(r: LaneChange) -> str:
    said = []
    if r.map_change is not None:
        said.append(f"mAP {r.map_change:+.2f} points")
    if r.nme is not None:
        said.append(f"landmark error {r.nme[0]:.4f} → {r.nme[1]:.4f}")
    return f" {', '.join(said)}." if said else ""


def _px(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def said(d: Difference) -> Iterator[Line | Table]:
    """Give the first line, what is beyond a limit, the facts, and a row an artifact."""
    yield Line(d.headline, "bold red" if d.shortfalls else "bold")
    yield Line(f"old {d.old.path}, new {d.new.path}", "dim")
    for s in d.shortfalls:
        yield Line(s, "bold red", "FELL_SHORT")
    if d.facts:
        yield facts_table(d.facts)
    yield from (Line(text, "dim") for text in lost_sources(d))
    if d.lanes:
        yield lanes_table(d.lanes)
        yield Line("Moves are in pixels of the pictures, of the corner that moved most.", "dim")
    yield from (Line(f"{r.name}: NOT_RUN, {r.not_run}") for r in d.lanes if r.not_run)
    if d.given is None and d.old.bundle is not None:
        told = "NOT_RUN  on pictures: name some, or --golden or --data"
        yield Line(told, "dim")
    most = d.most_changed(5)
    if len(most) > 1:
        yield Line(f"Changed most, by {MOST}:", "dim")
    for lane, p in most:
        where = f"  ({lane.name})" if len(d.lanes) > 1 else ""
        did = f"{len(p.lost)} lost, {len(p.gained)} gained, {far_of(p)}"
        yield Line(f"  {p.path.name}: {did}{where}", "dim")


MOST = "objects lost and gained, then moves as a share of the picture's longer side"
"""What the pictures that changed most are sorted by (`PictureChange.weight`)."""


def far_of(p: PictureChange) -> str:
    """Say how far what moved most did, in pixels and as the share that pictures are sorted by."""
    share = 100 * p.weight[1]
    return f"moved {_px(p.far_px)} px" + (f", {share:.2f}%" if p.far_px > STILL_PX else "")


def lost_sources(d: Difference) -> Iterator[str]:
    """Say of which bundle the model file is not to be found, where that would tell more."""
    for word, side, other in (("old", d.old, d.new), ("new", d.new, d.old)):
        for home, part in side.parts.items():
            twin = other.parts.get(home)
            if part.bundle is None or twin is None or twin.bundle is None:
                continue
            source = part.bundle.source
            if source.sha256 != twin.bundle.source.sha256 and part.source_file(twin) is None:
                yield (
                    f"{word}: its model file is not at {part.folder / source.path}; networks are "
                    "compared by their artifacts, preprocessing and decode counted in"
                )


def facts_table(facts: Sequence[Change]) -> Table:
    """Return a row a difference."""
    columns = [Column("different", "word"), Column("what", "text"), Column("old", "text"),
               Column("new", "text")]  # fmt: skip
    rows = []
    for c in facts:
        new = c.told if c.told and not c.new else c.new or "none"
        old = "" if c.told and not c.old else c.old or "none"
        rows.append((c.kind, c.what, old, new if not (c.told and c.new) else f"{c.new} ({c.told})"))
    return Table(columns, rows)


def lanes_table(lanes: Sequence[LaneChange]) -> Table:
    """Return a row an artifact that ran."""
    ran = [r for r in lanes if not r.not_run]
    points = any(r.points for r in ran)
    accurate = any(r.map_change is not None for r in ran)
    nme = any(r.nme is not None for r in ran)
    titles = ["old", "new", "lost", "gained", "moved, median", "max px"]
    titles += ["landmarks max px"] if points else []
    titles += ["score"]
    titles += ["mAP"] if accurate else []
    titles += ["NME"] if nme else []
    rows = []
    for r in ran:
        row = [r.name, *map(str, (*r.found, r.lost, r.gained)), *map(_px, r.moved)]
        row += [_px(r.points[1]) if r.points else "–"] if points else []
        row += [f"{r.score:.3f}"]
        row += [_change(r.map_change)] if accurate else []
        row += [f"{r.nme[0]:.4f} → {r.nme[1]:.4f}" if r.nme else "–"] if nme else []
        rows.append(row)
    columns = [Column("artifact in its engine", "text"), *(Column(t) for t in titles)]
    return Table(columns, rows)


def _change(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
