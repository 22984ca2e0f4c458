"""Inference beyond one machine: on Dask's workers, or in shards that are merged afterwards.

What is sent back is what is kept: each result goes into its lane's store as it comes, under the
hash of its picture. So it does not matter who ran what, in which order, or how often: figures are
computed afterwards from the store, and are the same to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.lanes import Lane, NotRun, lanes_of
from mobilecat.lanes.worker import Home, bundle_at, engine_at, home_of
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import decoded, gives_boxes_away, inputs_of, keys_of
from mobilecat.measure.evaluate.kept import Result, Store
from mobilecat.measure.shards import nothing_in
from mobilecat.spread import Workers, run_on

AT_ONCE = 8
"""Pictures in one task: so many are run again where a worker dies."""


def merge(stores: Mapping[str, Store], folders: Sequence[Path]) -> int:
    """Take over what shards left in their caches; return how many results. What is there stays.

    Errors: MobileCatError for a folder with nothing of these lanes in it.
    """
    count = 0
    for folder in folders:
        found = 0
        for store in stores.values():
            there = Store(folder / store.folder.name)
            for file in sorted(there.folder.glob("*.json")) if there.folder.is_dir() else ():
                result = there.get(file.stem)
                if result is None:
                    continue
                found += 1
                if store.get(file.stem) is None:
                    store.put(file.stem, result)
        if not found:
            raise nothing_in(folder)
        count += found
    return count


@dataclass(frozen=True)
class Task:
    """What a worker is asked: these pictures, by key, on the lanes that still need each."""

    home: Home
    class_ids: Mapping[int, int]
    pictures: tuple[tuple[str, Labelled, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Answer:
    """results: (lane, key) → what it found. not_run: lane → why."""

    results: dict[tuple[str, str], Result]
    not_run: dict[str, str]


def work(task: Task) -> Answer:
    """Run a task, on a worker. Each process opens a bundle and an engine once."""
    bundle = bundle_at(task.home)
    given = task.class_ids if gives_boxes_away(bundle) else None
    lanes = {lane.name: lane for lane in [Lane("source"), *lanes_of(bundle)]}
    results: dict[tuple[str, str], Result] = {}
    not_run: dict[str, str] = {}
    for key, picture, wanted in task.pictures:
        tensors, plan = inputs_of(bundle, picture, given)
        for name in wanted:
            if name in not_run:
                continue
            try:
                runner, busy = engine_at(task.home, lanes[name])
                with busy:
                    begun = time.perf_counter()
                    outputs = runner.infer(tensors)
                    took = time.perf_counter() - begun
            except NotRun as reason:
                not_run[name] = str(reason)
                continue
            found = decoded(outputs, plan, lanes[name], picture)
            results[name, key] = Result(found, runner.note, took)
    return Answer(results, not_run)


def tasks_of(
    folder: Path,
    bundle: Bundle,
    lanes: Sequence[Lane],
    pictures: Sequence[Labelled],
    stores: Mapping[str, Store],
    class_ids: Mapping[int, int],
    source: Path | None,
    fresh: bool,
    progress: Callable[[str], None],
) -> list[Task]:
    """Return what is still to be run, a few pictures a task."""
    keys = keys_of(pictures, gives_boxes_away(bundle), class_ids, progress)
    todo = []
    for key, picture in zip(keys, pictures, strict=True):
        missing = tuple(n.name for n in lanes if fresh or stores[n.name].get(key) is None)
        if missing:
            todo.append((key, picture, missing))
    home = home_of(folder, bundle, source)
    return [
        Task(home, class_ids, tuple(todo[k : k + AT_ONCE])) for k in range(0, len(todo), AT_ONCE)
    ]


def collect_on(
    address: str,
    tasks: Sequence[Task],
    stores: Mapping[str, Store],
    workers: int | None,
    progress: Callable[[str], None],
) -> dict[str, set[str]]:
    """Run the tasks on Dask's workers (`spread.run_on`), and keep each result.

    Return lane → the keys that it was run on.
    """
    ran: dict[str, set[str]] = {}

    def keep(answer: Answer) -> None:
        _keeping(stores)(answer)
        for lane, key in answer.results:
            ran.setdefault(lane, set()).add(key)

    run_on(address, work, tasks, keep, workers, progress, lambda task: len(task.pictures))
    return ran


def run_tasks(
    workers: Callable[[], Workers],
    tasks: Sequence[Task],
    stores: Mapping[str, Store],
    progress: Callable[[str], None],
) -> int:
    """Do the same on workers that are there already; return how many inferences came back."""
    if not tasks:
        return 0
    kept = 0

    def keep(answer: Answer) -> None:
        nonlocal kept
        _keeping(stores)(answer)
        kept += len(answer.results)

    workers().run(work, tasks, keep, progress, lambda task: len(task.pictures))
    return kept


def _keeping(stores: Mapping[str, Store]) -> Callable[[Answer], None]:
    def keep(answer: Answer) -> None:
        for (lane, key), result in answer.results.items():
            stores[lane].put(key, result)

    return keep
