"""Inference beyond one machine: on Dask's workers, or in shards that are merged afterwards.

What is sent back is what is kept: each result goes into its lane's store as it comes, under the
hash of its picture. So it does not matter who ran what, in which order, or how often: figures are
computed afterwards from the store, and are the same to the last bit.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.errors import MobileCatError, Problem
from mobilecat.lanes import Lane, NotRun, Runner, lanes_of, open_lane
from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.collect import decoded, gives_boxes_away, inputs_of, keys_of
from mobilecat.measure.evaluate.kept import Result, Store

LOCAL = "local"
AT_ONCE = 8
"""Pictures in one task: so many are run again where a worker dies."""
_WAITING = 4
"""Tasks under way for each worker: the next is there when one is done, and no list grows long."""
_SILENT = 100
"""Above every level of logging: a worker that dies is made up for, and no news for a user."""
_SHARD = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


def shard_of(text: str) -> tuple[int, int]:
    """Return (i, n) of `2/5`, the second of five; MobileCatError where it is none."""
    found = _SHARD.fullmatch(text.strip())
    i, n = (int(found[1]), int(found[2])) if found else (1, 0)
    if i > n:
        said = Problem(f"{text!r:.40} is no shard", "--shard", "write 2/5: the second of five")
        raise MobileCatError("Which pictures?", [said])
    return i, n


def shard(pictures: Sequence[Labelled], text: str | None) -> tuple[Labelled, ...]:
    """Return every n-th picture, from the i-th on; all of them for None."""
    if text is None:
        return tuple(pictures)
    i, n = shard_of(text)
    mine = tuple(pictures[i - 1 :: n])
    if not mine:
        said = Problem(f"there are {len(pictures)} pictures", "--shard", "take fewer shards")
        raise MobileCatError("This shard has no picture", [said])
    return mine


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
            what = "holds no result of this bundle's lanes"
            fix = "name the --cache of a shard of the same bundle"
            raise MobileCatError("Nothing to merge", [Problem(what, str(folder), fix)])
        count += found
    return count


@dataclass(frozen=True)
class Task:
    """What a worker is asked: these pictures, by key, on the lanes that still need each."""

    folder: str
    source: str | None
    class_ids: Mapping[int, int]
    pictures: tuple[tuple[str, Labelled, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Answer:
    """results: (lane, key) → what it found. not_run: lane → why. seconds: of the whole task."""

    results: dict[tuple[str, str], Result]
    not_run: dict[str, str]
    seconds: float


_OPEN: dict[tuple[str, str, str], Any] = {}
_OPENING = threading.Lock()


def work(task: Task) -> Answer:
    """Run a task, on a worker. Each process opens a bundle and an engine once."""
    start = time.monotonic()
    folder = Path(task.folder)
    bundle = _opened(task.folder, "", "", lambda: open_any(folder))
    given = task.class_ids if gives_boxes_away(bundle) else None
    source = Path(task.source) if task.source else None
    lanes = {lane.name: lane for lane in [Lane("source"), *lanes_of(bundle)]}
    results: dict[tuple[str, str], Result] = {}
    not_run: dict[str, str] = {}
    for key, picture, wanted in task.pictures:
        tensors, plan = inputs_of(bundle, picture, given)
        for name in wanted:
            if name in not_run:
                continue
            try:
                runner, busy = _runner(folder, bundle, lanes[name], source)
                with busy:
                    begun = time.perf_counter()
                    outputs = runner.infer(tensors)
                    took = time.perf_counter() - begun
            except NotRun as reason:
                not_run[name] = str(reason)
                continue
            found = decoded(outputs, plan, lanes[name], picture)
            results[name, key] = Result(found, runner.note, took)
    return Answer(results, not_run, time.monotonic() - start)


def _runner(
    folder: Path, bundle: Bundle, lane: Lane, source: Path | None
) -> tuple[Runner, threading.Lock]:
    def opened() -> tuple[Runner, threading.Lock]:
        return open_lane(folder, bundle, lane, source), threading.Lock()

    found: tuple[Runner, threading.Lock] = _opened(
        str(folder), str(bundle.seal or bundle.spec_sha256), lane.name, opened
    )
    return found


def _opened(folder: str, seal: str, lane: str, make: Callable[[], Any]) -> Any:
    with _OPENING:
        key = (folder, seal, lane)
        if key not in _OPEN:
            _OPEN[key] = make()
        return _OPEN[key]


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
    home = str(folder.resolve())
    where = str(source.resolve()) if source is not None else None
    return [
        Task(home, where, class_ids, tuple(todo[k : k + AT_ONCE]))
        for k in range(0, len(todo), AT_ONCE)
    ]


def run_on(
    address: str,
    tasks: Sequence[Task],
    stores: Mapping[str, Store],
    workers: int | None,
    progress: Callable[[str], None],
) -> None:
    """Run the tasks on Dask's workers and keep each result as it comes.

    address: `local`, or where a scheduler listens (tcp://…). workers: of a local cluster, by
    default one a core. A worker that dies has its tasks run again by others.
    Errors: MobileCatError where Dask is not installed or nobody answers, or of a task.
    """
    if not tasks:
        return
    distributed = _distributed()
    progress(f"starting {address}")
    try:
        if address == LOCAL:
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=_SILENT,
            )
            client = distributed.Client(cluster)
        else:
            cluster, client = None, distributed.Client(address, timeout=20)
    except (OSError, ValueError, TimeoutError) as e:
        problem = Problem(str(e)[:200] or type(e).__name__, f"--on {address}", "is it running?")
        raise MobileCatError("No Dask scheduler answers", [problem]) from e
    try:
        _keep(distributed, client, tasks, stores, progress)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _keep(
    distributed: Any,
    client: Any,
    tasks: Sequence[Task],
    stores: Mapping[str, Store],
    progress: Callable[[str], None],
) -> None:
    pictures = sum(len(t.pictures) for t in tasks)
    many = _WAITING * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    waiting = list(reversed(tasks))
    first = [client.submit(work, waiting.pop(), pure=False) for _ in range(min(many, len(tasks)))]
    running = distributed.as_completed(first, with_results=True, raise_errors=False)
    start, done = time.monotonic(), 0
    for future, answer in running:
        if not isinstance(answer, Answer):
            running.clear()
            raise _failed(future, answer)
        for (lane, key), result in answer.results.items():
            stores[lane].put(key, result)
        done += len({key for _, key in answer.results}) or AT_ONCE
        done = min(done, pictures)
        left = (time.monotonic() - start) / max(done, 1) * (pictures - done)
        progress(f"{done} of {pictures} pictures, about {left:.0f} s left")
        if waiting:
            running.add(client.submit(work, waiting.pop(), pure=False))
        future.release()


def _failed(future: Any, answer: Any) -> MobileCatError:
    """Return what a user is told of a task that failed on its worker."""
    error = answer[1] if isinstance(answer, tuple) and len(answer) > 1 else future.exception()
    if isinstance(error, MobileCatError):
        return error
    what = f"{type(error).__name__}: {error}"[:300]
    fix = "bundle, pictures and mobilecat must be there for every worker, at the same paths"
    return MobileCatError("A worker failed", [Problem(what, fix=fix)])


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as e:
        fix = 'pip install "mobilecat[distributed]"'
        raise MobileCatError("Dask is not installed", [Problem("--on needs it", fix=fix)]) from e
    return distributed
