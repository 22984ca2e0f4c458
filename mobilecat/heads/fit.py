"""Find the outputs that a head reads, and say at once all that is missing or does not fit."""

from __future__ import annotations

from collections.abc import Callable

from mobilecat.errors import ModelError, Problem
from mobilecat.heads.base import Network

Shape = tuple[int, ...]


class Fit:
    """Collects problems while a head settles; `require` raises them together."""

    def __init__(self, kind: str, network: Network) -> None:
        self.kind = kind
        self.network = network
        self.problems: list[Problem] = []

    def output(
        self,
        key: str,
        given: str | None,
        wanted: str,
        fits: Callable[[Shape], bool],
        but: str | None = None,
    ) -> str:
        """Return the output that `head.<key>` names, or the only one that fits; "" if none.

        `but` is taken by another key.
        """
        outputs = self.network.outputs
        if given is not None and given not in outputs:
            self.ask(key, f"there is no output {given!r}", f"it has {self._listed()}")
            return ""
        if given is not None and not fits(outputs[given]):
            shape = list(outputs[given])
            self.ask(key, f"output {given!r} is {shape}, expected {wanted}", "name another output")
            return ""
        if given is not None and given == but:
            self.ask(key, f"output {given!r} is read as something else", "name another output")
            return ""
        if given is not None:
            return given
        fitting = [name for name, shape in outputs.items() if fits(shape) and name != but]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            what = f"{len(fitting)} outputs are {wanted}"
            self.ask(key, what, f"set head.{key} to one of {', '.join(map(repr, fitting))}")
        else:
            self.ask(key, f"no output is {wanted}", f"the network has {self._listed()}")
        return ""

    def ask(self, key: str, what: str, fix: str = "") -> None:
        """Add a problem with the spec's key `head.<key>`."""
        self.problems.append(Problem(what, f"head.{key}", fix or f"set head.{key}"))

    def require(self) -> None:
        """Raise ModelError with every problem, if there is any."""
        if self.problems:
            width, height = self.network.size_wh
            raise ModelError(
                f"Head {self.kind!r} cannot be settled for this network at {width}×{height}",
                self.problems,
            )

    def _listed(self) -> str:
        return ", ".join(f"{name!r} {list(shape)}" for name, shape in self.network.outputs.items())


def rows_of(columns: int | None = None, rows: int | None = None) -> Callable[[Shape], bool]:
    """Return a test for [1,N,columns], single inner dimensions allowed: [1,N,1,4]."""

    def fits(shape: Shape) -> bool:
        if len(shape) < 3 or shape[0] != 1 or any(d != 1 for d in shape[2:-1]):
            return False
        return columns in (None, shape[-1]) and rows in (None, shape[1])

    return fits


def flat(shape: Shape) -> int:
    """Return D of [D], [1,D], [1,1,D], …; 0 for any other shape."""
    return shape[-1] if shape and all(d == 1 for d in shape[:-1]) else 0


def units_of(units: str | None) -> str:
    """Return `pixels`, or `0..1 of the input`, as one says it."""
    return "0..1 of the input" if units == "normalised" else f"{units}"


def classes_of(n: int) -> str:
    """Return `1 class`, `2 classes`."""
    return f"{n} class" if n == 1 else f"{n} classes"
