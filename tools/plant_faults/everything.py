"""All mutants of one model, in a process of their own."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tools.plant_faults.harmless import plan_harmless, try_harmless
from tools.plant_faults.kept import Kept, code_hash
from tools.plant_faults.layers import plan_layers, try_layer
from tools.plant_faults.run import Row, plan, try_fault
from tools.plant_faults.workshop import Model, make_models, writable

KINDS = ("fault", "harmless", "bisect")


Job = tuple[str, str, Callable[[], Row]]


def all_of(word: str, verbose: bool, data: Path, keep: Path | None, name: str) -> list[list[Row]]:
    """Return the rows of one model, a list a kind; those with `word` in their name.

    Prints what fails. keep: a folder of rows that are done already.
    """
    root = Path(tempfile.mkdtemp(prefix="planted-"))
    kept = Kept(keep / f"{name}.jsonl", code_hash()) if keep else Kept(None)
    try:
        with writable():
            return _rows(word, verbose, data, root, name, kept)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _rows(
    word: str, verbose: bool, data: Path, root: Path, name: str, kept: Kept
) -> list[list[Row]]:
    jobs = [job for job in _jobs(make_models(data, root, (name,)), root) if word in job[1]]
    done: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for i, (kind, of, work) in enumerate(jobs):
        row = kept.get(f"{kind} {of}")
        if row is None:
            began = time.perf_counter()
            row = work()
            row = replace(row, seconds=round(time.perf_counter() - began, 2))
            kept.add(f"{kind} {of}", row)
        done[kind].append(row)
        if verbose or not row.ok:
            said = f"expected {row.expected}, found {row.found}; {row.detail[:160]}"
            place = f"{name} {i + 1}/{len(jobs)} {kind} {row.artifact}"
            print(f"{place}: {row.name}: {row.verdict}; {said}", flush=True)
        elif i % 20 == 0:
            print(f"{name} {i + 1}/{len(jobs)}", flush=True)
    return [done[kind] for kind in KINDS]


def _jobs(models: Sequence[Model], root: Path) -> list[Job]:
    """Return (kind, what in which artifact, the work) of each mutant."""
    folder = root / "mutant"

    def job(kind: str, work: Callable[..., Row], p: tuple[Any, Model, str]) -> Job:
        change, model, format = p
        return kind, f"{change.name} {model.name}.{format}", partial(work, *p, folder)

    return [
        *(job("fault", try_fault, p) for p in plan(models)),
        *(job("harmless", try_harmless, p) for p in plan_harmless(models)),
        *(job("bisect", try_layer, p) for p in plan_layers(models)),
    ]
