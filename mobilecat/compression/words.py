"""A compression in words: the table, what it rests on, what was chosen, what to do next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from mobilecat.compression.choice import ALIKE_SIZES, ALIKE_TIMES
from mobilecat.compression.needs import newer_needed, raised, system
from mobilecat.compression.recipes import AS_IT_IS
from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.spec_file import BEFORE, Held
from mobilecat.shown import Column, Line, Table, exact_size

_SLOW = 1.5
"""Times as long: what is worth a word."""
_SHOWN = 5
"""Layers named: those that move detections most."""


def said(found: Compressed) -> Iterator[Line | Table]:
    """Give the table, what it rests on, the choice, and the command that bakes it."""
    if found.own is not None:
        yield Line(
            f"the model itself: {found.measure} {found.own:.2f} on {found.pictures} pictures"
        )
    for file in dict.fromkeys(row.file for row in found.rows):
        yield Line(file)
        yield _table(found, [row for row in found.rows if row.file == file])
    yield Line(rests_on(found), "dim")
    yield from (Line(note, "dim", "note") for note in found.notes)
    if found.sensitive:
        named = [f"{s.node} ({s.what}, {s.error:.3f})" for s in found.sensitive[:_SHOWN]]
        yield Line(f"moves detections most when rounded alone: {', '.join(named)}", "dim")
    for row in found.chosen:
        yield Line(_choice(found, row), "bold green")
        if (why := _why_not_first(found, row)) is not None:
            yield Line(f"  {why}")
        if (other := _quicker(found, row)) is not None:
            yield Line(
                f"  it takes {row.time:.1f} times as long as float32 here; {other.recipe} fits "
                f"too: {other.bytes / row.bytes:.2f} times as large, {other.time:.2f} of float32's "
                f"time{_to_write(row, other)}",
                "yellow",
            )
        if (older := newer_needed(found, row)) is not None:
            yield Line(f"  {older}", "yellow")
        if (sure := _within_with_its_spread(found, row)) is not None:
            gains = "what it gains may be chance, and " if row.loss < 0 else ""
            yield Line(
                f"  {gains}its loss may be {max(0.0, row.loss) + row.spread:.2f}, with its ±; with "
                f"{found.pictures} pictures the smallest that keeps to {found.budget:g} with its ± "
                f"added is {_named(sure)}: {exact_size(sure.bytes)}"
                f"{_keys_to_write(row, sure) or ', whose keys --json has'}",
                "yellow",
            )
        if row.meant_for:
            yield Line(f"  it is made for {row.meant_for}; elsewhere it is slower", "yellow")
        if row.held_loss is not None and row.held_loss > found.budget:
            yield Line(
                f"  on the pictures held out it loses more than the budget, {row.held_loss:.2f}: "
                "take more labelled pictures, or a smaller budget",
                "yellow",
            )
    for file, near in found.unfit.items():
        yield Line(_unfit(found, file, near), "bold red")
    if found.exit_code and not found.rows:
        return
    if found.diff:
        yield Line(found.diff)
        if found.written:
            yield Line(f"wrote {found.spec}; bake it: mobilecat export {found.spec}")
            if found.kept is not None:
                yield Line(_taken_back(found.spec, found.kept))
            yield from _to_hold(found)
        else:
            yield Line(f"{found.spec} was not touched; without --dry-run this is written")
    elif found.chosen:
        yield Line(f"{found.spec} says so already: mobilecat export {found.spec}")


def _taken_back(spec: Path, kept: Path) -> str:
    back = shlex.join(["mv", str(kept), str(spec)])
    more = ""
    if kept.suffix != BEFORE:
        older = shlex.quote(f"{spec}{BEFORE}")
        more = f". Older texts lie beside it; rm {older}* removes all of them"
    return (
        f"as it was it is kept as {kept}{more}; to take it back (what you write into the spec from "
        f"now on, such as tolerances, goes too): {back}"
    )


def _to_hold(found: Compressed) -> Iterator[Line]:
    """Give the lines of a spec that hold each chosen file to the budget from now on."""
    if found.measure == "NME" or not found.chosen:
        return
    said = [(row.file, found.held.get(row.file, Held())) for row in found.chosen]
    for file, held in said:
        if held.loss is not None:
            yield Line(_held(found, file, held), "dim")
    if all(held.loss is not None for _, held in said):
        return
    yield Line("to hold it to that from now on, write into the spec before you export:", "dim")
    for file, held in said:
        wanted = f"map_loss = {found.budget:g}"
        if held.loss is not None:
            continue
        if held.line is None:
            yield Line(f'  [tolerances."{file}"]', "dim")
            yield Line(f"  {wanted}", "dim")
        elif held.header:
            there = f'below line {held.line}, which is [tolerances."{file}"] already'
            yield Line(f"  {wanted}    # {there}", "dim")
        else:
            yield Line(f"  {wanted}    # into the tolerances of {file} on line {held.line}", "dim")
    yield Line("  and validate with --data, which measures it", "dim")


def _held(found: Compressed, file: str, held: Held) -> str:
    """Say that the spec limits what a file may lose already, and whether that is the budget."""
    there = f"line {held.line} of {found.spec} holds {file} to map_loss = {held.loss:g} already"
    if held.loss is None or held.loss <= found.budget:
        return f"{there}: validate with --data measures it"
    return f"{there}, more than the budget: write {found.budget:g} there to hold it to that"


def _table(found: Compressed, of: Sequence[Row]) -> Table:
    """Return the recipes of one file, whose name stands above: in 80 columns there is no room."""
    held = any(r.held_loss is not None for r in found.rows)
    timed = any(r.time is not None for r in of)
    columns = [Column("recipe", "text"), Column("size")]
    columns += [Column("of float32"), Column(f"{found.measure} lost")]
    columns += [Column("held out")] if held else []
    columns += [Column("time")] if timed else []
    newer = raised(found.rows)
    columns += [Column("needs", "word")] if newer else []
    columns += [Column("", "word")]
    rows = []
    for r in of:
        cells = [r.recipe, exact_size(r.bytes), f"{r.share:.3f}", _points(r.loss, r.spread)]
        if held:
            none = r.held_loss is None or r.held_spread is None
            cells.append("–" if none else _points(r.held_loss or 0, r.held_spread or 0))
        if timed:
            cells.append("–" if r.time is None else f"{r.time:.2f}")
        if newer:
            cells.append(system(r.needs) if r in newer else "")
        mark = [w for w, yes in (("chosen", r.chosen), ("frontier", r.frontier)) if yes]
        rows.append([*cells, mark[0] if mark else ""])
    strong = [i for i, r in enumerate(of) if r.chosen]
    return Table(columns, rows, strong)


def _points(loss: float, spread: float) -> str:
    return f"{round(loss, 2) + 0.0:.2f} ± {spread:.2f}"


def rests_on(found: Compressed) -> str:
    objects = "1 object" if found.objects == 1 else f"{found.objects} objects"
    text = (
        f"{found.measure} lost is in points of 100, of {found.pictures} pictures with {objects}: "
        f"one object at one IoU threshold is {found.least:.2f} points, one object "
        f"{10 * found.least:.1f}; ± is the jackknife's standard error"
    )
    if found.measure == "NME":
        text = (
            f"NME is in hundredths of the unit that evaluate names, of {found.pictures} pictures "
            f"with {objects}: one object that is off by a tenth of that more is "
            f"{found.least:.2f} points; ± is the jackknife's standard error"
        )
    if found.measure != "NME" and 0 < found.budget < 10 * found.least:
        text += f". A budget of {found.budget:g} is less than one object: chance can choose"
    if any(r.time is not None for r in found.rows):
        text += (
            ". Times are beside float32's on this machine, with whatever else it did meanwhile: "
            "they tell slow from quick, and no more"
        )
    if found.held_pictures:
        return f"{text}. {found.held_pictures} other pictures chose nothing: held out"
    return f"{text}. Too few to hold any out: the loss is of the very pictures that chose"


def _quicker(found: Compressed, row: Row) -> Row | None:
    """Return what else fits, where the chosen one is much slower than floats and than it.

    Of several, that of the least size times time: by size alone a few kilobytes would decide, by
    time alone what else the machine did.
    """
    if row.time is None or row.time < _SLOW:
        return None
    limit = row.time / _SLOW
    others = [
        r
        for r in found.rows
        if r.file == row.file and r.fits and r.time is not None and r.time < limit
    ]
    return min(others, key=lambda r: (r.time or 0.0) * r.bytes, default=None)


def _within_with_its_spread(found: Compressed, row: Row) -> Row | None:
    """Return the smallest whose loss keeps to the budget with its ± added, where the chosen one's
    does not."""

    def sure(r: Row) -> bool:
        return round(max(0.0, r.loss) + r.spread, 2) <= found.budget

    if sure(row):
        return None
    others = [r for r in found.rows if r.file == row.file and r.fits and sure(r)]
    return min(others, key=lambda r: r.bytes, default=None)


def _to_write(row: Row, other: Row) -> str:
    """Say what to write for speed in place of what was chosen."""
    said = _keys_to_write(row, other)
    return f". If time matters{said}; --for speed puts time first" if said else ""


def _keys_to_write(row: Row, other: Row) -> str:
    """Say what to write in place of what was chosen; "" for what is not said in a few words."""
    keys = [f"{k} = {json.dumps(v)}" for k, v in other.keys.items() if isinstance(v, str | int)]
    gone = [k for k in row.keys if k not in other.keys]
    if not other.keys and gone:
        return f", leave out {' and '.join(gone)}"
    if not keys or len(keys) < len(other.keys):
        return ""
    without = f", without {' and '.join(gone)}" if gone else ""
    return f", write {', '.join(keys)}{without}"


def _choice(found: Compressed, row: Row) -> str:
    what = "fastest" if _for_speed(found, row) else "smallest"
    what = f"best of the {what}" if _first(found, row) is not None else what
    return (
        f"{row.file}: {row.recipe} is the {what} within {found.budget:g} points: "
        f"{exact_size(row.bytes)}, {row.share:.3f} of float32, loses "
        f"{_points(row.loss, row.spread)}"
    )


def _first(found: Compressed, row: Row) -> Row | None:
    """Return what fits and is smaller, or faster, than what was chosen; None where nothing is."""

    speed = _for_speed(found, row)

    def measure(r: Row) -> float:
        return (1.0 if r.time is None else r.time) if speed else float(r.bytes)

    fit = [r for r in found.rows if r.file == row.file and r.fits]
    first = min(fit, key=measure, default=row)
    return first if measure(first) < measure(row) else None


def _why_not_first(found: Compressed, row: Row) -> str | None:
    """Say why the very smallest, or the very fastest, that fits was not chosen, and what decided
    between files that are alike; None where there is nothing to say."""
    first = _first(found, row)
    if first is None:
        return row.decided or None
    if _for_speed(found, row):
        more = f"{_named(first)} takes {first.time or 1.0:.2f} of float32's time"
        alike = f"times less than {ALIKE_TIMES - 1:.0%} apart are alike here"
        order = "of such files, the smallest is taken, and of about equal ones the one that loses"
        why = f"{more}, this one {row.time or 1.0:.2f}; {alike}: {order} least"
    else:
        more = f"{_named(first)} is {1 - first.bytes / row.bytes:.1%} smaller"
        alike = f"sizes less than {ALIKE_SIZES - 1:.0%} apart are alike: of such files, the"
        order = "fastest is taken, and of about equal ones the one that loses least"
        if not row.file.endswith(".tflite"):
            order = "one that loses least is taken"
        why = f"{more}; {alike} {order}"
    return f"{why}. {row.decided[:1].upper()}{row.decided[1:]}" if row.decided else why


def _for_speed(found: Compressed, row: Row) -> bool:
    """Return whether time chose: what is not timed here is chosen for its size."""
    timed = any(r.time is not None for r in found.rows if r.file == row.file)
    return found.goal == "speed" and timed


def _named(row: Row) -> str:
    return "the recipe of the spec" if row.recipe == AS_IT_IS else row.recipe


def _unfit(found: Compressed, file: str, near: Row | None) -> str:
    if near is None:
        return f"{file}: nothing ran"
    return (
        f"{file}: nothing keeps to {found.budget:g} points; the nearest is {near.recipe}, which "
        f"loses {_points(near.loss, near.spread)}"
    )
