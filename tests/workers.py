"""Workers without processes, who finish what they were given last first; tasks are pickled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from mobilecat import spread


class Latest:
    """Dask's as_completed, of workers that finish what they were given last first."""

    def __init__(self, futures: list[Any], **_: Any) -> None:
        self.under_way = list(futures)
        self.most = 0

    def add(self, future: Any) -> None:
        self.under_way.append(future)
        self.most = max(self.most, len(self.under_way))

    def __next__(self) -> tuple[Any, Any]:
        future = self.under_way.pop()
        return future, future.answer

    def clear(self) -> None:
        self.under_way.clear()


class Client:
    """Two workers. fails: the task that does not come back."""

    def __init__(self, fails: Any = None) -> None:
        self.fails, self.asked = fails, 0

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"workers": {"a": 1, "b": 2}}

    def submit(self, limited: Any, work: Any, task: Any, *_: Any, pure: bool) -> Any:
        assert limited is spread._limited and pure is False
        self.asked += 1
        given = pickle.loads(task)
        status, answer = "error", ("TypeError", TypeError("odd"), None)
        if self.fails is None or given != self.fails:
            status, answer = "finished", pickle.dumps(work(given))
        return SimpleNamespace(
            key=f"{self.asked}", answer=answer, status=status, release=lambda: None
        )


def two_workers(client: Client) -> tuple[spread.Workers, list[Latest]]:
    made: list[Latest] = []

    def as_completed(futures: list[Any], **how: Any) -> Latest:
        made.append(Latest(futures, **how))
        return made[-1]

    return spread.Workers(SimpleNamespace(as_completed=as_completed), client, 1), made


def here(patch: pytest.MonkeyPatch, *modules: Any) -> Client:
    """Have `modules` find such workers where they would start Dask's; return who counts tasks."""
    client = Client()

    @contextmanager
    def workers_on(*_: Any) -> Iterator[spread.Workers]:
        yield two_workers(client)[0]

    for module in modules:
        patch.setattr(module, "workers_on", workers_on)
    return client
