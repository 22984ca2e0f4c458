"""A comparison of two releases, as a value: what is different, and whether that is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mobilecat.changes.behaviour import Given, LaneChange, behave, given_pictures
from mobilecat.changes.facts import Change, facts
from mobilecat.changes.pictures import PictureChange
from mobilecat.changes.sides import Side, open_side, require_alike
from mobilecat.errors import MobileCatError, Problem
from mobilecat.shown import Line, Shown, Table

SCHEMA = 1


@dataclass(frozen=True)
class Limits:
    """What may change before it is too much; None: anything may.

    lost, gained: detections, in all pictures, of any artifact. moved: px of the pictures, of a box
    or landmark. drop: points of mAP. same_contract: whether inputs, outputs, labels and what they
    mean must stay.
    """

    lost: int | None = None
    gained: int | None = None
    moved: float | None = None
    drop: float | None = None
    same_contract: bool = False

    @property
    def of_pictures(self) -> bool:
        """Whether any of them needs pictures."""
        return any(v is not None for v in (self.lost, self.gained, self.moved, self.drop))


@dataclass(frozen=True, repr=False)
class Difference(Shown):
    """What changed from old to new.

    facts: in what the two say of themselves. lanes: on pictures, None where none were named.
    shortfalls: a sentence for every limit that is not kept.
    """

    old: Side
    new: Side
    facts: tuple[Change, ...]
    given: Given | None
    lanes: tuple[LaneChange, ...]
    limits: Limits
    shortfalls: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shortfalls", tuple(_shortfalls(self)))

    @property
    def exit_code(self) -> int:
        return 1 if self.shortfalls else 0

    @property
    def headline(self) -> str:
        """The first line: what is different, and what that does to the pictures."""
        from mobilecat.changes.words import headline

        return headline(self)

    @property
    def worst(self) -> LaneChange | None:
        """The artifact on which the pictures changed most; None where none ran."""
        return max((r for r in self.lanes if not r.not_run), key=lambda r: r.weight, default=None)

    def most_changed(self, count: int = 20) -> list[tuple[LaneChange, PictureChange]]:
        """Return the pictures that changed most, each with the artifact on which it did."""
        best: dict[Path, tuple[LaneChange, PictureChange]] = {}
        for lane in self.lanes:
            for p in lane.pictures:
                if p.changed and (p.path not in best or _more(p, best[p.path][1])):
                    best[p.path] = (lane, p)
        return sorted(best.values(), key=lambda x: x[1].weight, reverse=True)[:count]

    def words(self) -> Iterable[Line | Table]:
        from mobilecat.changes.words import said

        return said(self)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/diff.md describes every key."""
        return {
            "schema": SCHEMA,
            "exit_code": self.exit_code,
            "headline": self.headline,
            "shortfalls": list(self.shortfalls),
            "limits": asdict(self.limits),
            "old": str(self.old.path),
            "new": str(self.new.path),
            "facts": [asdict(c) for c in self.facts],
            "pictures": len(self.given.pictures) if self.given else 0,
            "lanes": [_lane(r) for r in self.lanes],
        }


def _more(a: PictureChange, b: PictureChange) -> bool:
    """Whether `a` changed more by what anybody would see: engines differ in the last digits."""
    return _seen(a.weight) > _seen(b.weight)


def _seen(weight: tuple[int, float, float]) -> tuple[int, float, float]:
    return weight[0], round(weight[1], 3), round(weight[2], 2)


def _lane(r: LaneChange) -> dict[str, Any]:
    told: dict[str, Any] = {"old": r.old, "new": r.new, "not_run": r.not_run}
    if r.not_run:
        return told
    told |= {
        "detections": list(r.found),
        "lost": r.lost,
        "gained": r.gained,
        "moved_px": {"median": r.moved[0], "max": r.moved[1]},
        "landmarks_px": None if r.points is None else {"median": r.points[0], "max": r.points[1]},
        "score": r.score,
        "map_points": r.map_change,
        "nme": None if r.nme is None else list(r.nme),
    }
    told["pictures"] = [
        {
            "file": str(p.path),
            "lost": len(p.lost),
            "gained": len(p.gained),
            "moved_px": max(p.moved, default=0.0),
            "score": max(map(abs, p.off), default=0.0),
        }
        for p in r.pictures
        if p.changed
    ]
    return told


_CONTRACT = ("preprocessing", "cascade", "labels", "contract")


def _shortfalls(d: Difference) -> Iterator[str]:
    limits = d.limits
    if limits.same_contract:
        for c in d.facts:
            if c.kind in _CONTRACT:
                yield f"the contract must stay, and {c}"
    if not limits.of_pictures:
        return
    for r in d.lanes:
        if r.not_run:
            yield f"{r.name} did not run: {r.not_run}"
            continue
        if limits.lost is not None and r.lost > limits.lost:
            yield f"{r.name} loses {_count(r.lost)}, {limits.lost} may be lost"
        if limits.gained is not None and r.gained > limits.gained:
            yield f"{r.name} gains {_count(r.gained)}, {limits.gained} may be gained"
        far = max(r.moved[1], r.points[1] if r.points else 0.0)
        if limits.moved is not None and far > limits.moved:
            yield f"{r.name} moves by {far:.3g} px, {limits.moved:g} px is the limit"
        if limits.drop is not None:
            change = r.map_change
            if change is None:
                yield f"{r.name}: no mAP was measured, so that its loss is not known"
            elif -change > limits.drop:
                yield f"{r.name} loses {-change:.2f} points of mAP, {limits.drop:g} may be lost"


def _count(n: int) -> str:
    return f"{n} detection{'s' * (n != 1)}"


def diff(
    old: Path,
    new: Path,
    *,
    pictures: Sequence[Path] = (),
    golden: Path | None = None,
    data: Path | None = None,
    limits: Limits = Limits(),
    runner: str | None = None,
    class_map: Mapping[str, str] | None = None,
    limit: int | None = None,
    cache: Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Difference:
    """Compare two bundles, cascades, artifacts of bundles, or files on their own.

    pictures, golden, data: what they are run on, one of the three or none. limit: so many pictures.
    Errors: MobileCatError for what cannot be read or compared, and for limits of pictures without.
    """
    sides = open_side(old), open_side(new)
    require_alike(*sides)
    given = _given(*sides, pictures, golden, data, limit)
    if given is None and limits.of_pictures:
        fix = "name pictures, --golden or --data"
        said = Problem("a limit of what is found needs pictures", fix=fix)
        raise MobileCatError("There is nothing to hold to the limits", [said])
    if limits.drop is not None and (given is None or given.data is None):
        said = Problem("--max-drop needs labelled pictures", fix="name them with --data")
        raise MobileCatError("There is nothing to hold to the limits", [said])
    progress("reading both")
    found = facts(*sides)
    lanes: Sequence[LaneChange] = ()
    if given is not None:
        lanes = behave(
            *sides,
            given,
            runner=runner,
            class_map=class_map,
            cache=cache,
            fresh=fresh,
            threads=threads,
            progress=progress,
        )
        if all(r.not_run for r in lanes):
            raise MobileCatError("Nothing ran", [Problem(r.not_run, r.name) for r in lanes])
    return Difference(*sides, found, given, tuple(lanes), limits)


def _given(
    old: Side,
    new: Side,
    pictures: Sequence[Path],
    golden: Path | None,
    data: Path | None,
    limit: int | None,
) -> Given | None:
    if old.bundle is not None and new.bundle is not None:
        return given_pictures(old.bundle, new.bundle, pictures, golden, data, limit)
    if pictures or golden or data:
        what = "a file in no bundle: nothing says what its outputs mean"
        fix = "name bundles, or artifacts inside of them"
        raise MobileCatError("These cannot be compared on pictures", [Problem(what, fix=fix)])
    return None
