"""Work on Dask's workers: each task is run on one of them, and its answer kept as it comes.

It does not matter who ran what, in which order, or how often: what a task gives depends on nothing
but the task, and figures are computed afterwards from what was kept.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from mobilecat.errors import MobileCatError, Problem
from mobilecat.foreign import ENGINE_THREADS

LOCAL = "local"
_WAITING = 4
"""Tasks under way for each worker: the next is there when one is done, and no list grows long."""
_SILENT = 100
"""Above every level of logging: a worker that dies is made up for, and no news for a user."""

_OPEN: dict[tuple[str, ...], Any] = {}
_OPENING = threading.Lock()


def opened(key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    """Return what `make` gives, made once in a process: a bundle, an engine."""
    with _OPENING:
        if key not in _OPEN:
            _OPEN[key] = make()
        return _OPEN[key]


def run_on(
    address: str,
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    keep: Callable[[Any], object],
    workers: int | None,
    progress: Callable[[str], None],
    counts: Callable[[Any], int] = len,
) -> None:
    """Run `work` on each task on Dask's workers, and `keep` each answer as it comes.

    address: `local`, or where a scheduler listens (tcp://…). work: a function of a module, of a
    task that can be pickled. workers: of a local cluster, by default one a core. counts: pictures
    of a task. A worker that dies has its tasks run again by others. Each process's engines take its
    share of the cores: two that take all of them wait for each other in busy loops.
    Errors: MobileCatError where Dask is not installed or nobody answers, or of a task.
    """
    if not tasks:
        return
    distributed = _distributed()
    progress(f"starting {address}")
    try:
        if address == LOCAL:
            count = min(workers or cores(), len(tasks))
            cluster = distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=_SILENT,
            )
            client = distributed.Client(cluster)
            threads = max(1, cores() // count)
        else:
            cluster, client = None, distributed.Client(address, timeout=20)
            threads = 0
    except (OSError, ValueError, TimeoutError) as e:
        problem = Problem(str(e)[:200] or type(e).__name__, f"--on {address}", "is it running?")
        raise MobileCatError("No Dask scheduler answers", [problem]) from e
    try:
        _keep(distributed, client, work, tasks, keep, threads, progress, counts)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def cores() -> int:
    """Return the cores that this process may use, which in a container are not all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limited(work: Callable[[Any], Any], task: Any, threads: int) -> Any:
    """Run a task, on a worker; engines that it opens take so many threads, or its worker's."""
    from distributed import get_worker

    # A user's own setting, on the worker's machine, stays.
    os.environ.setdefault(ENGINE_THREADS, str(threads or get_worker().state.nthreads))
    return work(task)


def _keep(
    distributed: Any,
    client: Any,
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    keep: Callable[[Any], object],
    threads: int,
    progress: Callable[[str], None],
    counts: Callable[[Any], int],
) -> None:
    def submitted(task: Any) -> Any:
        future = client.submit(_limited, work, task, threads, pure=False)
        sizes[future.key] = counts(task)
        return future

    sizes: dict[str, int] = {}
    pictures = sum(map(counts, tasks))
    many = _WAITING * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    waiting = list(reversed(tasks))
    first = [submitted(waiting.pop()) for _ in range(min(many, len(tasks)))]
    running = distributed.as_completed(first, with_results=True, raise_errors=False)
    start, done = time.monotonic(), 0
    for future, answer in running:
        if future.status != "finished":
            running.clear()
            raise _failed(future, answer)
        keep(answer)
        done += sizes.pop(future.key)
        left = (time.monotonic() - start) / done * (pictures - done)
        progress(f"{done} of {pictures} pictures, about {left:.0f} s left")
        if waiting:
            running.add(submitted(waiting.pop()))
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
