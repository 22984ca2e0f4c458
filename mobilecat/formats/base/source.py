"""A model file to compile, and what a reader of its format must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class Network(Protocol):
    """A source model that runs: outputs by name."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...


@dataclass(frozen=True)
class Reference:
    """The original file in its own engine.

    metadata: of the file, or of its import. dtypes: of its inputs, by name. ranked: gives, for the
    same feeds as the network, what each output's rows are sorted by ([…,N], falling), where a TopK
    sorts them; None where that cannot be known. rounds: whether the engine rounds values between
    operators to steps that the file gives, as the file's own numbers would not.
    """

    network: Network
    engine: str
    metadata: Mapping[str, str]
    dtypes: Mapping[str, np.dtype[Any]]
    ranked: Callable[[Mapping[str, Array]], dict[str, Array]] | None = None
    rounds: bool = False
