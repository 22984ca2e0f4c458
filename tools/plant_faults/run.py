"""Plant every fault, validate, and say which were caught at the stage that was foretold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.errors import MobileCatError
from tools.plant_faults.changes import LAYERS
from tools.plant_faults.faults import faults
from tools.plant_faults.kinds import Fault
from tools.plant_faults.workshop import Model, Mutant, stage_of


@dataclass(frozen=True)
class Row:
    """One mutant or harmless change. verdict: caught, other stage, missed, held, alarm, error."""

    name: str
    artifact: str
    expected: str
    found: str
    verdict: str
    detail: str
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.verdict in ("caught", "held")


def plan(
    models: Sequence[Model], chosen: Callable[[Fault, str, str], bool] = lambda *_: True
) -> list[tuple[Fault, Model, str]]:
    by_name = {m.name: m for m in models}
    return [
        (fault, by_name[name], format)
        for fault in faults(LAYERS)
        for name in fault.models
        for format in fault.formats
        if name in by_name and chosen(fault, name, format)
    ]


def try_fault(fault: Fault, model: Model, format: str, folder: Path) -> Row:
    """Plant one fault and validate; "error" where it could not be planted."""
    artifact = f"{model.name}.{format}"
    expected = fault.stage_in(model.name, format)
    mutant = Mutant(model, format, folder)
    try:
        fault.plant(mutant)
    except (MobileCatError, StopIteration) as e:
        return Row(fault.name, artifact, expected, "", "error", str(e)[:200])
    mutant.finish()
    stage, detail = stage_of(mutant)
    if stage in ("held", "short"):
        verdict = "missed"
    else:
        verdict = "caught" if stage == expected else "other stage"
    return Row(fault.name, artifact, expected, stage, verdict, detail)
