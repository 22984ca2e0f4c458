"""Models in a row: each stage reads the pipeline's inputs and what earlier stages made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed

if TYPE_CHECKING:
    from mobilecat.formats.coreml.runtime.model import CoreMLModel

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Stage:
    name: str
    model: CoreMLModel


class PipelineEngine:
    """Runs the stages one by one; every value passes the boundary that a stage declares.

    Taps are looked up in all stages; "<stage>/<variable>" names one stage's.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)

    @property
    def ops(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for s in self.stages:
            total += s.model.ops
        return total

    @property
    def precision(self) -> str:
        found = {s.model.precision for s in self.stages}
        return next((p for p in ("float16-exact", "float16-fast") if p in found), "float32")

    def new_state(self) -> dict[str, Array]:
        return {n: v for s in self.stages for n, v in s.model.new_state().items()}

    def run(
        self,
        values: Mapping[str, Any],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]:
        known: dict[str, Any] = {n: _unbound(v) for n, v in values.items()}
        tapped: dict[str, Any] = {}
        for stage in self.stages:
            fed = {f.name: known[f.name] for f in stage.model.inputs if f.name in known}
            absent = [f.name for f in stage.model.inputs if f.name not in known and not f.optional]
            if absent:
                raise malformed(f"nothing makes the input {', '.join(absent)}", stage.name)
            wanted = [t.removeprefix(f"{stage.name}/") for t in taps if _belongs(t, stage)]
            cut = {
                n.removeprefix(f"{stage.name}/"): v for n, v in given.items() if _belongs(n, stage)
            }
            made = stage.model.predict(fed, taps=wanted, state=state, given=cut)
            tapped.update(
                {t: made[w] for t in taps for w in wanted if t in (w, f"{stage.name}/{w}")}
            )
            known.update(made)
        return {**known, **tapped}


def _unbound(value: Any) -> Any:
    """Undo `bind_inputs` for a picture: the stage that takes it binds it again."""
    if isinstance(value, np.ndarray) and value.ndim == 4 and value.dtype in (np.uint8, np.float16):
        return value[0]
    return value


def _belongs(tap: str, stage: Stage) -> bool:
    prefix, _, _ = tap.partition("/")
    return prefix == stage.name or tap in {f.name for f in stage.model.outputs}
