"""Work on Dask's workers: each task is run on one of them, and its answer kept as it comes.

It does not matter who ran what, in which order, or how often: what a task gives depends on nothing
but the task, and figures are computed afterwards from what was kept.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from mobilecat.disk.origin import code_sha256, version_of
from mobilecat.errors import MobileCatError, Problem, WorkersError
from mobilecat.foreign import ENGINE_THREADS

LOCAL = "local"
_WAITING = 4
"""Tasks under way for each worker: the next is there when one is done, and no list grows long."""
_SILENT = 100
"""Above every level of logging: a worker that dies is made up for, and no news for a user."""
_NO_PAGE = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""No dashboard, and any free port for what listens even so: a second run would warn of 8787."""
_HOMES = 2
"""Bundles that a worker keeps open, with their engines: `compress` asks for hundreds, in turn."""
ENGINES = ("mobilecat", "numpy", "pillow", "onnxruntime", "ai-edge-litert", "coremltools",
           "tensorflow")  # fmt: skip
"""Packages that a result depends on."""

_OPEN: dict[str, dict[tuple[str, ...], Any]] = {}
_OPENING = threading.RLock()  # an engine that is made may ask for its bundle


def opened(home: str, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    """Return what `make` gives, made once in a process: a bundle, an engine.

    home: the bundle that it is of. Of few are things kept; those of the one unused longest go.
    """
    with _OPENING:
        mine = _OPEN[home] = _OPEN.pop(home, {})  # to the end: the one used last
        while len(_OPEN) > _HOMES:
            del _OPEN[next(iter(_OPEN))]
        if key not in mine:
            mine[key] = make()
        return mine[key]


class Workers:
    """Dask's workers, as long as they are needed: `workers_on`.

    threads: that an engine may take in each; 0 for what the worker itself has.
    """

    def __init__(self, distributed: Any, client: Any, threads: int) -> None:
        self._distributed, self._client, self._threads = distributed, client, threads

    def answers(
        self,
        work: Callable[[Any], Any],
        tasks: Iterable[Any],
        *,
        in_order: bool = False,
        waiting: int = _WAITING,
    ) -> Iterator[tuple[int, Any]]:
        """Run `work` on each task; give (place of the task, answer) as answers come, or in order.

        work: a function of a module. tasks: what can be pickled; they are asked for as workers need
        them, so that they may be a stream. waiting: tasks under way for each worker, those included
        whose answer waits for an earlier one. A worker that dies has its tasks run again by others.
        Errors: MobileCatError of a task, WorkersError for a worker with another mobilecat or
        engine; the other tasks are then dropped.
        """
        running = self._distributed.as_completed([], with_results=True, raise_errors=False)
        coming = enumerate(tasks)
        places: dict[str, int] = {}
        held: dict[int, Any] = {}
        due = out = 0

        def refill() -> int:
            more = 0
            while out + more < many and (task := next(coming, None)) is not None:
                future = self._client.submit(
                    _limited, work, pickle.dumps(task[1]), self._threads, versions(), pure=False
                )
                places[future.key] = task[0]
                running.add(future)
                more += 1
            return more

        many = waiting * max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        out += refill()
        while out:
            future, answer = next(running)
            if future.status != "finished":
                running.clear()
                raise _failed(future, answer)
            place, answer = places.pop(future.key), pickle.loads(answer)
            future.release()
            if not in_order:
                out -= 1
                out += refill()
                yield place, answer
                continue
            held[place] = answer
            while due in held:  # what waits for an earlier one counts: no list grows long
                out -= 1
                out += refill()
                yield due, held.pop(due)
                due += 1

    def run(
        self,
        work: Callable[[Any], Any],
        tasks: Sequence[Any],
        keep: Callable[[Any], object],
        progress: Callable[[str], None],
        counts: Callable[[Any], int] = len,
        what: str = "pictures",
    ) -> None:
        """Run `work` on each task, and `keep` each answer as it comes.

        counts: how many pictures (`what`) a task has. Errors: as of `answers`.
        """
        total, done = sum(map(counts, tasks)), 0
        start = time.monotonic()
        for place, answer in self.answers(work, tasks):
            keep(answer)
            done += counts(tasks[place])
            left = (time.monotonic() - start) / done * (total - done)
            progress(f"{done} of {total} {what}, about {left:.0f} s left")


@contextmanager
def workers_on(
    address: str, count: int | None, progress: Callable[[str], None]
) -> Iterator[Workers]:
    """Give Dask's workers, for one run or for many.

    address: `local`, or where a scheduler listens (tcp://…). count: workers of a local cluster, by
    default one a core. Each process's engines take its share of the cores: two that take all of
    them wait for each other in busy loops.
    Errors: WorkersError where Dask is not installed or nobody answers.
    """
    distributed = _distributed()
    progress(f"starting {address}")
    try:
        if address == LOCAL:
            count = count or cores()
            cluster = distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                scheduler_kwargs=_NO_PAGE,
                silence_logs=_SILENT,
            )
            client = distributed.Client(cluster)
            threads = max(1, cores() // count)
        else:
            cluster, client = None, distributed.Client(address, timeout=20)
            threads = 0
    except (OSError, ValueError, TimeoutError) as e:
        problem = Problem(str(e)[:200] or type(e).__name__, f"--on {address}", "is it running?")
        raise WorkersError("No Dask scheduler answers", [problem]) from e
    try:
        yield Workers(distributed, client, threads)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def run_on(
    address: str,
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    keep: Callable[[Any], object],
    workers: int | None,
    progress: Callable[[str], None],
    counts: Callable[[Any], int] = len,
) -> None:
    """Run `work` on each task on workers that are there for this alone: `Workers.run`."""
    if not tasks:
        return
    few = min(workers or cores(), len(tasks))
    with workers_on(address, few, progress) as them:
        them.run(work, tasks, keep, progress, counts)


def cores() -> int:
    """Return the cores that this process may use, which in a container are not all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def versions() -> dict[str, str]:
    """Return what a result depends on, here: our code as a hash, each engine's version or ""."""
    return {"mobilecat's code": code_sha256()[:12], **{n: version_of(n) for n in ENGINES}}


def require_same(theirs: Mapping[str, str]) -> None:
    """Refuse to work, on a worker, for a main process of other versions: results would differ."""
    mine = versions()
    others = [n for n in {**mine, **theirs} if mine.get(n) != theirs.get(n)]
    if others:
        fix = "install the same there as here, and start that worker again"
        said = [
            Problem(f"{n}: {mine.get(n) or 'none'} there, {theirs.get(n) or 'none'} here", "--on")
            for n in others
        ]
        last = Problem(said[-1].what, said[-1].where, fix)
        raise WorkersError("A worker would give other results", [*said[:-1], last])


def _limited(
    work: Callable[[Any], Any], task: bytes, threads: int, theirs: Mapping[str, str]
) -> bytes:
    """Run a task, on a worker; engines that it opens take so many threads, or its worker's.

    task, and what is returned: pickled by us, into one piece. Dask would send each small array in
    it as a frame of its own, on every hop.
    """
    from distributed import get_worker

    require_same(theirs)
    # A user's own setting, on the worker's machine, stays.
    os.environ.setdefault(ENGINE_THREADS, str(threads or get_worker().state.nthreads))
    return pickle.dumps(work(pickle.loads(task)))


def _failed(future: Any, answer: Any) -> MobileCatError:
    """Return what a user is told of a task that failed on its worker."""
    error = answer[1] if isinstance(answer, tuple) and len(answer) > 1 else future.exception()
    if isinstance(error, MobileCatError):
        return error
    what = f"{type(error).__name__}: {error}"[:300]
    fix = "bundle, pictures and mobilecat must be there for every worker, at the same paths"
    return WorkersError("A worker failed", [Problem(what, fix=fix)])


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as e:
        fix = 'pip install "mobilecat[distributed]"'
        raise WorkersError("Dask is not installed", [Problem("--on needs it", fix=fix)]) from e
    return distributed
