"""Candidates from Dask's workers, into the store that a sweep reads: the same, whoever ran what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.disk import sha256_of
from mobilecat.lanes.worker import Home, bundle_at, home_of
from mobilecat.measure.tune.candidates import Engine, lane_to_tune
from mobilecat.measure.tune.kept import Store
from mobilecat.measure.tune.ranked import Ranked
from mobilecat.spread import opened, run_on

AT_ONCE = 8
"""Pictures in one task: so many are run again where a worker dies."""


@dataclass(frozen=True)
class Task:
    """What a worker is asked: the candidates above `floor` of these pictures, by key."""

    home: Home
    runner: str | None
    artifact: str | None
    floor: float
    pictures: tuple[tuple[str, str], ...]


def work(task: Task) -> list[tuple[str, Ranked]]:
    """Run a task, on a worker. Each process opens the bundle and its engine once."""
    bundle = bundle_at(task.home)
    key = ("tune", *(str(x) for x in (task.runner, task.artifact, task.home.source)))
    engine, busy = opened(task.home.key, key, lambda: (_engine(task, bundle), threading.Lock()))
    with busy:
        return [(name, engine.ranked(Path(path), task.floor)) for name, path in task.pictures]


def _engine(task: Task, bundle: Bundle) -> Engine:
    lane = lane_to_tune(bundle, task.runner, task.artifact)
    return Engine(Path(task.home.folder), bundle, lane, task.home.source_file)


def fill_on(
    address: str,
    folder: Path,
    bundle: Bundle,
    lane: tuple[str | None, str | None],
    source: Path | None,
    paths: Sequence[Path],
    floor: float,
    store: Store,
    progress: Callable[[str], None],
) -> int:
    """Put into the store what it lacks of these pictures; return how many were inferred.

    address: `local`, or a scheduler's. folder: of the bundle. lane: the runner and the artifact
    that were asked for. Errors: as of `spread.run_on`.
    """
    progress(f"hashing {len(paths)} pictures")
    keys = {sha256_of(path): str(path.resolve()) for path in paths}
    todo = [(key, path) for key, path in keys.items() if store.get(key, floor) is None]
    home = home_of(folder, bundle, source)
    tasks = [
        Task(home, *lane, floor, tuple(todo[k : k + AT_ONCE])) for k in range(0, len(todo), AT_ONCE)
    ]

    def keep(answer: list[tuple[str, Ranked]]) -> None:
        for key, ranked in answer:
            store.put(key, ranked)

    run_on(address, work, tasks, keep, None, progress, lambda task: len(task.pictures))
    return len(todo)
