"""One shape of answer for every format: what a file takes, gives and holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Port:
    """An input or output.

    dtype: "" and shape: None where the file does not say; "?" is a dynamic side.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None
    detail: str = ""


@dataclass(frozen=True)
class Inspection:
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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
