"""All mutants of one model, in a process of their own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.plant_faults.harmless import plan_harmless, try_harmless
from tools.plant_faults.layers import plan_layers, try_layer
from tools.plant_faults.run import Row, plan, try_fault
from tools.plant_faults.workshop import make_models, writable

KINDS = ("fault", "harmless", "bisect")


def all_of(word: str, verbose: bool, data: Path, name: str) -> dict[str, list[Row]]:
    """Return the rows of one model by kind; those with `word` in their name. Prints what fails."""
    root = Path(tempfile.mkdtemp(prefix="planted-"))
    try:
        with writable():
            return _rows(word, verbose, data, root, name)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _rows(word: str, verbose: bool, data: Path, root: Path, name: str) -> dict[str, list[Row]]:
    models = make_models(data, root, (name,))
    mutants = [p for p in plan(models) if word in p[0].name]
    calm = [p for p in plan_harmless(models) if word in p[0].name]
    layers = [p for p in plan_layers(models) if word in p[0].name]
    jobs = [
        *(("fault", lambda p=p: try_fault(*p, root / "mutant")) for p in mutants),
        *(("harmless", lambda p=p: try_harmless(*p, root / "mutant")) for p in calm),
        *(("bisect", lambda p=p: try_layer(*p, root / "mutant")) for p in layers),
    ]
    done: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for i, (kind, job) in enumerate(jobs):
        row = job()
        done[kind].append(row)
        if verbose or not row.ok:
            said = f"expected {row.expected}, found {row.found}; {row.detail[:160]}"
            place = f"{name} {i + 1}/{len(jobs)} {kind} {row.artifact}"
            print(f"{place}: {row.name}: {row.verdict}; {said}", flush=True)
        elif i % 20 == 0:
            print(f"{name} {i + 1}/{len(jobs)}", flush=True)
    return done
