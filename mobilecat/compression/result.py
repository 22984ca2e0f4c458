"""What a compression found, as a value: rows a target, what was chosen, what it rests on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilecat.compression.recipes import stored_as
from mobilecat.compression.search import Sensitive
from mobilecat.compression.spec_file import Held
from mobilecat.pictures.chart import Chart, write_chart
from mobilecat.shown import Drawn, Line, Shown, Table

SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """One recipe of one target, measured. keys: of its table in the spec.

    share: of the float32 file's bytes. loss, spread: points lost on the pictures that chose, and
    their standard error; held_loss, held_spread: on those that were held out, or None. time: of one
    run here, as a share of the float32 file's; None for what is not timed here. frontier: no other
    is smaller and loses less.
    """

    file: str
    recipe: str
    keys: Mapping[str, Any]
    bytes: int
    sha256: str
    share: float
    loss: float
    spread: float
    held_loss: float | None
    held_spread: float | None
    time: float | None
    fits: bool
    frontier: bool
    chosen: bool
    meant_for: str = ""
    """Hardware for which it is made, where this CPU's time says nothing."""
    needs: str = ""
    """The oldest system that loads it, such as `iOS16`; "" where the format names none."""
    decided: str = ""
    """Of the chosen one: what decided between it and files of alike worth, in words."""


@dataclass(frozen=True, repr=False)
class Compressed(Shown):
    """measure: what the budget counts, such as `mAP`; 100 points are all of it.

    pictures, held_pictures: that chose, that were held out. objects: in those that chose. least:
    what one of them at one IoU threshold moves. sensitive: layers, those first that move detections
    most when they alone are rounded. unfit: targets of which nothing keeps to the budget, with the
    row that loses least. measured: candidates that ran now, the rest were kept. diff: of the spec.
    """

    spec: Path
    measure: str
    budget: float
    goal: str
    pictures: int
    held_pictures: int
    objects: int
    least: float
    rows: tuple[Row, ...]
    sensitive: tuple[Sensitive, ...]
    unfit: Mapping[str, Row | None]
    measured: int
    seconds: float
    notes: tuple[str, ...]
    written: bool
    diff: str = ""
    name: str = ""
    """The spec's."""
    kept: Path | None = None
    """Where the spec lies as it was before this wrote into it."""
    own: float | None = None
    """What the source itself gives of the measure, in points, on the pictures that chose."""
    held: Mapping[str, Held] = field(default_factory=dict)
    """What the spec says of the `map_loss` of each chosen file."""

    @property
    def exit_code(self) -> int:
        return 1 if self.unfit or not self.rows else 0

    @property
    def chosen(self) -> tuple[Row, ...]:
        return tuple(r for r in self.rows if r.chosen)

    def words(self) -> Iterable[Line | Table]:
        from mobilecat.compression.words import said

        return said(self)

    @property
    def chart(self) -> Chart:
        """Points lost over bytes, of float32's."""
        from mobilecat.compression.plot import chart_of

        return chart_of(self)

    def drawings(self) -> Iterator[Drawn]:
        if self.rows:
            yield self.chart.drawn

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write `chart` as an SVG."""
        write_chart(self.chart, Path(path))

    def _stored(self) -> dict[tuple[str, str], str]:
        """Return how the chosen recipe of each file stores its layers, by file and node."""
        keys = {r.file: r.keys for r in self.chosen}
        stored = {}
        asked = {(s.file, s.what) for s in self.sensitive}
        told = {(s.file, s.node, s.what) for s in self.sensitive}
        for file, node in {(s.file, s.node) for s in self.sensitive if s.file in keys}:
            said = stored_as(keys[file], node)
            small = (file, said) in asked and (file, node, said) not in told
            stored[file, node] = "float" if small else said
        return stored

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/compress.md describes every key."""
        stored = self._stored()
        return {
            "schema": SCHEMA,
            "exit_code": self.exit_code,
            "spec": str(self.spec),
            "name": self.name,
            "measure": self.measure,
            "budget": self.budget,
            "for": self.goal,
            "pictures": {"choosing": self.pictures, "held_out": self.held_pictures},
            "objects": self.objects,
            "least": self.least,
            "source": self.own,
            "rows": [_row(r) for r in self.rows],
            "sensitive": [
                {
                    "file": s.file,
                    "node": s.node,
                    "recipe": s.what,
                    "error": s.error,
                    "chosen": stored.get((s.file, s.node)),
                }
                for s in self.sensitive
            ],
            "unfit": {file: None if r is None else _row(r) for file, r in self.unfit.items()},
            "measured": self.measured,
            "seconds": self.seconds,
            "written": self.written,
            "diff": self.diff,
            "kept": None if self.kept is None else str(self.kept),
            "notes": list(self.notes),
        }


def _row(row: Row) -> dict[str, Any]:
    return {
        "file": row.file,
        "recipe": row.recipe,
        "keys": {k: list(v) if isinstance(v, tuple) else v for k, v in row.keys.items()},
        "bytes": row.bytes,
        "sha256": row.sha256,
        "of_float32": row.share,
        "loss": row.loss,
        "spread": row.spread,
        "held_out": None
        if row.held_loss is None
        else {"loss": row.held_loss, "spread": row.held_spread},
        "time_of_float32": row.time,
        "fits": row.fits,
        "frontier": row.frontier,
        "chosen": row.chosen,
        "meant_for": row.meant_for,
        "needs": row.needs,
        "decided": row.decided,
    }
