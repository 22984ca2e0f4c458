"""Values without dimensions, in a format that has none: there they have one, of size 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobilecat.bundle import Bundle
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array


def with_scalars(runner: Runner, bundle: Bundle) -> Runner:
    """Return the runner, taking and giving scalars as the bundle's contract has them."""
    given = {t.name for t in bundle.inputs if t.shape == ()}
    inner = (*bundle.outputs, *bundle.raw_outputs, *bundle.candidates)
    made = {t.name for t in inner if t.shape == ()}
    return _WithScalars(runner, given, made) if given or made else runner


class _WithScalars:
    def __init__(self, runner: Runner, given: set[str], made: set[str]) -> None:
        self.note = runner.note
        self._runner = runner
        self._given = given
        self._made = made

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        taken = {
            k: v.reshape(1) if k in self._given and not v.ndim else v for k, v in inputs.items()
        }
        found = self._runner.infer(taken, taps)
        return {
            k: v.reshape(()) if k in self._made and v.shape == (1,) else v for k, v in found.items()
        }
