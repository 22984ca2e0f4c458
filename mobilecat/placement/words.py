"""What is said of a placement: a row a unit, what breaks it, what the ops move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.shown import Column, Line, Table, human_size

if TYPE_CHECKING:
    from mobilecat.placement.whole import Break, FilePlacement, OnUnit, Placement

_KINDS = 8


def said(placement: Placement) -> Iterator[Line | Table]:
    for k, file in enumerate(placement.files):
        if k:
            yield Line("")
        yield from _file(file)
    yield Line(
        "From public rules (mobilecat/placement/rules.toml); nothing ran. What a device decides, "
        "the device alone can tell.",
        "dim",
    )


def _file(f: FilePlacement) -> Iterator[Line | Table]:
    shaped = any(op.macs or op.bytes for op in f.operations)
    moved = f", {_macs(f.macs)} multiply-adds, {human_size(f.bytes)} read and written" if shaped \
        else "; a NeuralNetwork has no shapes between its layers"  # fmt: skip
    yield Line(f"{Path(f.file).name}: {len(f.operations)} ops{moved}", "bold")
    ran = [u for u in f.units if not u.unit.retired]
    columns = [Column("unit", "text"), *(Column(t) for t in ("taken", "unknown", "refused",
               "parts", "largest part"))]  # fmt: skip
    yield Table(columns, [_row(u, f) for u in ran])
    for u in f.units:
        if u.unit.retired:
            yield Line(f"{u.unit.title}: {u.unit.retired} ({u.unit.source})", "dim", "NOT_RUN")
            continue
        yield from _breaks(u)
    if shaped:
        yield from _moved(f)


def _row(u: OnUnit, f: FilePlacement) -> list[str]:
    of = "multiply-adds" if f.macs else "ops"
    largest = f"{u.largest.ops} ops, {100 * u.share:.0f}% of {of}"
    counts = [str(u.count(v)) for v in ("taken", "unknown", "refused")]
    return [u.unit.title, *counts, str(len(u.parts)), largest]


def _breaks(u: OnUnit) -> Iterator[Line]:
    if u.unit.parts and len(u.parts) > u.unit.parts:
        yield Line(f"{u.unit.title} takes {u.unit.parts} part by default: the rest runs on the CPU",
                   "yellow")  # fmt: skip
    for k, b in enumerate(u.breaks):
        kinds = ", ".join(f"{n}× {kind}" for kind, n in list(b.kinds.items())[:4])
        more = f" and {len(b.kinds) - 4} more" if len(b.kinds) > 4 else ""
        why = b.rule.why if b.rule is not None else f"in no list of {u.unit.title}'s"
        yield Line(f"  {u.unit.title} refuses {kinds}{more}: {why}")
        if b.rule is not None and b.rule.change:
            lead = "    cheapest change" if k == 0 else "    change"
            yield Line(f"{lead}: {b.rule.change}; then {_then(b)}", "green" if k == 0 else "")
        yield Line(f"    {b.rule.source if b.rule is not None else u.unit.source}", "dim")
    for rule, count in _unknown(u).items():
        yield Line(f"  {u.unit.title}, {count} ops: {rule}", "dim")


def _unknown(u: OnUnit) -> dict[str, int]:
    named = [r.why for v, r in u.verdicts if v == "unknown" and r is not None]
    return dict(Counter(named))


def _then(b: Break) -> str:
    parts, share = b.without
    return f"{parts} part{'s' * (parts != 1)}, the largest with {100 * share:.0f}%"


def _moved(f: FilePlacement) -> Iterator[Line | Table]:
    """What each kind of op computes and moves: which side of a roofline it is on."""
    macs: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    count = Counter(op.kind for op in f.operations)
    for op in f.operations:
        macs[op.kind] += op.macs
        moved[op.kind] += op.bytes
    rows = [
        [kind, str(count[kind]), _macs(macs[kind]), human_size(size),
         f"{2 * macs[kind] / size:.1f}" if size else "–"]
        for kind, size in moved.most_common(_KINDS)
    ]  # fmt: skip
    titles = ("ops", "multiply-adds", "moved", "operations a byte")
    yield Table([Column("kind", "word"), *(Column(t) for t in titles)], rows)
    yield Line(
        "Moved: inputs, weights and outputs of each op, where nothing stays in a cache. Below as "
        "many operations a byte as a chip's operations a second over its bytes a second, an op "
        "waits for memory.",
        "dim",
    )


def _macs(count: int) -> str:
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M" if count else "0"
