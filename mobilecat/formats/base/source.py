"""A model file to compile, and what a reader of its format must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mobilecat.formats.base.options import ImportOptions
from mobilecat.graph import Array


@dataclass(frozen=True)
class Source:
    """A model file. format: which kind, as `importing.format_of` says; options: chosen in it."""

    path: Path
    format: str
    options: ImportOptions = field(default=ImportOptions())


@dataclass(frozen=True, eq=False)
class Gradient:
    """How outputs of a network depend on one inner value.

    place: which of the maps that were asked for it is. name: what the source calls it.
    values, slopes: the value, and the gradient of Σ factor · output there, both (C,H,W).
    """

    place: int
    name: str
    values: Array
    slopes: Array


Gradients = Callable[[Mapping[str, Array], Sequence[Array], Mapping[str, Array]], Gradient]
"""(feeds, maps (C,H,W), factors of outputs by name) → the gradient at the first of the maps that
the network computes too, found by its values, whatever it is called there. Errors: ModelError
where it computes none of them, or its engine knows no gradient."""


class Network(Protocol):
    """A source model that runs: outputs by name."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...


@dataclass(frozen=True)
class Reference:
    """The original file in its own engine.

    metadata: of the file, or of its import. dtypes: of its inputs, by name. ranked: gives, for the
    same feeds as the network, what each output's rows are sorted by ([…,N], falling), where a TopK
    sorts them; None where that cannot be known. rounds: whether the engine rounds values between
    operators to steps that the file gives, as the file's own numbers would not. gradients: of
    engines that can.
    """

    network: Network
    engine: str
    metadata: Mapping[str, str]
    dtypes: Mapping[str, np.dtype[Any]]
    ranked: Callable[[Mapping[str, Array]], dict[str, Array]] | None = None
    rounds: bool = False
    gradients: Gradients | None = None
