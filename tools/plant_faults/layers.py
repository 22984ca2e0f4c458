"""Does `bisect` name the layer whose weights were changed?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mobilecat.bisection.walk import bisect
from tools.plant_faults.changes import LAYERS
from tools.plant_faults.faults import weight_faults
from tools.plant_faults.kinds import Fault
from tools.plant_faults.run import Row
from tools.plant_faults.workshop import RUNNER, Model, Mutant


def plan_layers(models: Sequence[Model]) -> list[tuple[Fault, Model, str]]:
    """Return weight mutants, every kind and depth, every format in turn."""
    by_name = {m.name: m for m in models}
    chosen = []
    for i, fault in enumerate(weight_faults(LAYERS)):
        model = by_name.get(fault.models[0])
        if model is not None:
            chosen.append((fault, model, fault.formats[i % len(fault.formats)]))
    return chosen


def try_layer(fault: Fault, model: Model, format: str, folder: Path) -> Row:
    mutant = Mutant(model, format, folder)
    fault.plant(mutant)
    mutant.finish()
    picture = next((model.golden / model.name).glob("*/*.png"))
    found = bisect(folder, RUNNER[format], picture, artifact=mutant.file, source=model.source)
    first = found.first
    nodes = first.nodes if first else ()
    named = any(f"'{fault.layer}'" in n for n in nodes)
    alone = named and sum(n.startswith(("Conv ", "MatMul ")) for n in nodes) == 1
    detail = (
        f"own {first.own:.1e}, limit {found.limit:g}; {len(found.layers)} layers" if first else ""
    )
    seen = ", ".join(nodes) if nodes else "no layer"
    return Row(fault.name, mutant.file, fault.layer, seen, "caught" if alone else "missed", detail)
