"""A file's ops on the units that may take them: parts, what breaks them, what mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from mobilecat.bundle import FILE
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.operations import Operation
from mobilecat.formats.table import FORMATS
from mobilecat.placement.rules import Rule, Rules, Unit, Verdict, read_rules
from mobilecat.shown import Line, Shown, Table

SCHEMA = 1


@dataclass(frozen=True)
class Part:
    """Ops in a row that no refused one interrupts. first: of them, by number."""

    first: int
    ops: int
    macs: int


@dataclass(frozen=True)
class Break:
    """What a unit refuses, for one reason. rule: None where it is in no list of the unit's.

    without: how many parts there were, and which share of the multiply-adds the largest had, if the
    unit took these ops.
    """

    rule: Rule | None
    kinds: dict[str, int]
    without: tuple[int, float]

    @property
    def ops(self) -> int:
        return sum(self.kinds.values())

    @property
    def name(self) -> str:
        return self.rule.name if self.rule is not None else "not listed"


@dataclass(frozen=True)
class OnUnit:
    """A file's ops on one unit. verdicts: of each op, in order, with the rule that says so."""

    unit: Unit
    verdicts: tuple[tuple[Verdict, Rule | None], ...]
    parts: tuple[Part, ...]
    breaks: tuple[Break, ...]
    macs: int

    def count(self, verdict: Verdict) -> int:
        return sum(v == verdict for v, _ in self.verdicts)

    @property
    def largest(self) -> Part:
        """The part with most multiply-adds, then most ops."""
        return max(self.parts, key=lambda p: (p.macs, p.ops), default=Part(0, 0, 0))

    @property
    def share(self) -> float:
        """The largest part's share of all multiply-adds; of ops where there are none."""
        whole = self.macs or len(self.verdicts)
        return (self.largest.macs if self.macs else self.largest.ops) / whole if whole else 0.0


@dataclass(frozen=True)
class FilePlacement:
    file: str
    format: str
    operations: tuple[Operation, ...]
    units: tuple[OnUnit, ...]

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.operations)

    @property
    def bytes(self) -> int:
        return sum(op.bytes for op in self.operations)


@dataclass(frozen=True, repr=False)
class Placement(Shown):
    """What is said of each file; of a bundle, of each artifact that there are rules for."""

    files: tuple[FilePlacement, ...]

    def words(self) -> Iterable[Line | Table]:
        from mobilecat.placement.words import said

        return said(self)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/placement.md describes every key."""
        return {"schema": SCHEMA, "files": [_json(f) for f in self.files]}


def _json(f: FilePlacement) -> dict[str, Any]:
    return {
        "file": f.file,
        "format": f.format,
        "macs": f.macs,
        "bytes": f.bytes,
        "units": [
            {
                "unit": u.unit.name,
                "retired": u.unit.retired,
                **{v: u.count(v) for v in ("taken", "unknown", "refused")},
                "parts": [{"first": p.first, "ops": p.ops, "macs": p.macs} for p in u.parts],
                "breaks": [
                    {
                        "rule": b.name,
                        "ops": b.kinds,
                        "why": b.rule.why if b.rule else "in no list of the unit's",
                        "change": b.rule.change if b.rule else "",
                        "source": b.rule.source if b.rule else u.unit.source,
                        "parts_without": b.without[0],
                        "share_without": round(b.without[1], 4),
                    }
                    for b in u.breaks
                ],
            }
            for u in f.units
        ],
        "operations": [
            {
                "op": op.kind,
                "name": op.name,
                "macs": op.macs,
                "bytes": op.bytes,
                "units": {u.unit.name: u.verdicts[k][0] for u in f.units if u.verdicts},
            }
            for k, op in enumerate(f.operations)
        ],
    }


def placement(path: Path, rules: Path | None = None) -> Placement:
    """Return where the ops of a file, or of each artifact of a bundle, will run; nothing runs.

    Errors: ArtifactError where no rules are for the file; MobileCatError for rules that cannot be
    used.
    """
    table = read_rules(rules)
    files = list(_files(path))
    known = {u.format for u in table.units}
    placed = [
        place(str(p), kind, FORMATS[kind].operations(p), table)
        for p, kind in files
        if kind in known and FORMATS[kind].has("operations")
    ]
    if not placed:
        what = "there are rules for .tflite, .mlpackage and .mlmodel"
        raise ArtifactError("Nothing is known of where this runs", [Problem(what, str(path))])
    return Placement(tuple(placed))


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_dir() and (path / FILE).is_file():
        bundle = open_any(path)
        parts = bundle.parts if isinstance(bundle, CascadeBundle) else {"": bundle}
        for home, part in parts.items():
            for record in part.artifacts:
                yield path / home / record.file, record.kind
        return
    if not path.exists():
        raise ArtifactError("There is no such file", [Problem("not found", str(path))])
    for format in FORMATS.values():
        if path.suffix.lower() in format.suffixes:
            yield path, format.name


def place(file: str, format: str, operations: Sequence[Operation], rules: Rules) -> FilePlacement:
    """Ask the rules of every op, for every unit that takes files of this format."""
    units = tuple(_on(u, operations, rules) for u in rules.units if u.format == format)
    return FilePlacement(file, format, tuple(operations), units)


def _on(unit: Unit, operations: Sequence[Operation], rules: Rules) -> OnUnit:
    macs = sum(op.macs for op in operations)
    if unit.retired:
        return OnUnit(unit, (), (), (), macs)
    verdicts = tuple(rules.of(unit, op) for op in operations)
    refused = [v == "refused" for v, _ in verdicts]
    reasons: dict[str, list[int]] = {}
    for k, (verdict, rule) in enumerate(verdicts):
        if verdict == "refused":
            reasons.setdefault(rule.name if rule else "", []).append(k)
    breaks = []
    for places in reasons.values():
        at = set(places)
        left = [no and k not in at for k, no in enumerate(refused)]
        after = OnUnit(unit, verdicts, _parts(operations, left), (), macs)
        kinds = dict(Counter(operations[k].kind for k in places).most_common())
        without = len(after.parts), after.share
        breaks.append(Break(verdicts[places[0]][1], kinds, without))
    breaks.sort(key=lambda b: (-b.without[1], b.without[0], b.ops))
    return OnUnit(unit, verdicts, _parts(operations, refused), tuple(breaks), macs)


def _parts(operations: Sequence[Operation], refused: Sequence[bool]) -> tuple[Part, ...]:
    found = []
    numbered = list(enumerate(operations))
    for no, group in groupby(numbered, key=lambda x: refused[x[0]]):
        inside = list(group)
        if not no:
            found.append(Part(inside[0][0], len(inside), sum(op.macs for _, op in inside)))
    return tuple(found)
