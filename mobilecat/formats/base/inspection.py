"""One shape of answer for every format: what a file takes, gives and holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mobilecat.shown import Line, Shown, Table, human_size

REPORTED = "publicly reported, not measured here"
"""In a lint, before its source: others have seen it, and no device was at hand."""


@dataclass(frozen=True)
class Port:
    """An input or output.

    dtype: "" and shape: None where the file does not say; "?" is a dynamic side.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None
    detail: str = ""

    def __str__(self) -> str:
        scalar = "scalar" if self.shape == () else ""
        shape = "×".join(map(str, self.shape)) if self.shape else scalar
        detail = f"  ({self.detail})" if self.detail else ""
        return f"{self.name}  {shape} {self.dtype}{detail}".rstrip()


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """What a file holds. bytes is its size on disk, parameters the number of weights.

    ops, parameters: empty and 0 for what only TensorFlow reads.
    lints: facts that a user should know, a sentence each.
    """

    file: str
    format: str
    bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    ops: dict[str, int]
    parameters: int
    metadata: dict[str, str] = field(default_factory=dict)
    parts: tuple[Inspection, ...] = ()
    lints: tuple[str, ...] = ()

    def words(self) -> Iterator[Line | Table]:
        yield Line(self.file, "bold")
        weights = f", {self.parameters:,} weights" if self.parameters else ""
        yield Line(f"  {self.format}, {human_size(self.bytes)}{weights}")
        for title, ports in (("in ", self.inputs), ("out", self.outputs)):
            yield from (Line(f"  {title}  {port}") for port in ports)
        if self.ops:
            listed = "  ".join(f"{n}× {op}" for op, n in self.ops.items())
            yield Line(f"  {sum(self.ops.values())} ops  {listed}")
        yield from (Line(f"  {key}: {_cut(value)}", "dim") for key, value in self.metadata.items())
        yield from (Line(f"  ! {lint}", "yellow") for lint in said_once(self.lints))
        for part in self.parts:
            yield Line("")
            yield from part.words()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def said_once(lints: Sequence[str]) -> list[str]:
    """Return lints to be read together: that several are only reported is said once, at the end."""
    told = [lint for lint in lints if REPORTED in lint]
    if len(told) < 2:
        return list(lints)
    own = [lint for lint in lints if REPORTED not in lint]
    bare = [lint.replace(f"{REPORTED}: ", "") for lint in told]
    return [*own, *bare, f"the last {len(told)} are {REPORTED}"]


_LONGEST_VALUE = 400
"""Characters of metadata that are shown: anchors, kept as text, went on for pages."""


def _cut(value: str) -> str:
    if len(value) <= _LONGEST_VALUE:
        return value
    return f"{value[:80]}… ({len(value):,} characters; --json has them all)"
