"""Work on workers, held without Dask: order, what is under way, versions, what stays open."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mobilecat as mc
from mobilecat import spread
from mobilecat.bundle.cascade import open_any
from mobilecat.errors import MobileCatError
from mobilecat.lanes import worker
from tests.tiny import save_yunet_like, yunet_like_spec


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
        status = "error" if task == self.fails else "finished"
        answer = ("TypeError", TypeError("odd"), None) if status == "error" else work(task)
        return SimpleNamespace(
            key=f"{self.asked}", answer=answer, status=status, release=lambda: None
        )


def workers(client: Client) -> tuple[spread.Workers, list[Latest]]:
    made: list[Latest] = []

    def as_completed(futures: list[Any], **how: Any) -> Latest:
        made.append(Latest(futures, **how))
        return made[-1]

    return spread.Workers(SimpleNamespace(as_completed=as_completed), client, 1), made


def test_answers_come_in_the_order_of_the_tasks_where_that_is_asked_for() -> None:
    them, _ = workers(Client())
    came = list(them.answers(lambda x: x * x, range(20), in_order=True))
    assert came == [(i, i * i) for i in range(20)]
    as_they_come = list(them.answers(lambda x: x * x, range(20)))
    assert as_they_come != came and sorted(as_they_come) == came


@pytest.mark.parametrize("in_order", [False, True])
def test_no_more_tasks_are_taken_than_are_under_way(in_order: bool) -> None:
    """Four a worker, those included that wait for an earlier one: a long clip is no long list."""
    taken: list[int] = []

    def stream() -> Any:
        for i in range(1000):
            taken.append(i)
            yield i

    them, made = workers(Client())
    for count, _ in enumerate(them.answers(str, stream(), in_order=in_order)):
        assert len(taken) <= count + 1 + 8
    assert len(taken) == 1000 and made[0].most == 8


def test_a_task_that_fails_is_told_in_words() -> None:
    them, _ = workers(Client(fails=3))
    with pytest.raises(MobileCatError, match="A worker failed") as told:
        list(them.answers(str, range(9)))
    assert "TypeError: odd" in str(told.value)


def test_progress_counts_pictures() -> None:
    them, _ = workers(Client())
    kept: list[Any] = []
    said: list[str] = []
    them.run(len, ["ab", "c", "def"], kept.append, said.append)
    assert sorted(kept) == [1, 2, 3] and said[-1].startswith("6 of 6 pictures")


def test_a_worker_of_other_versions_refuses_to_work() -> None:
    spread.require_same(spread.versions())
    theirs = {**spread.versions(), "onnxruntime": "0.1", "tensorflow": "9"}
    with pytest.raises(MobileCatError, match="other results") as told:
        spread.require_same(theirs)
    assert "onnxruntime" in str(told.value) and "0.1 here" in str(told.value)
    assert "numpy" not in str(told.value)


def test_few_bundles_stay_open() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    for home in ("one", "two", "one", "three", "one", "two"):
        spread.opened(home, ("engine",), lambda home=home: make(home))
    assert made == ["one", "two", "three", "two"], "two went when three came; one never"


def test_a_bundle_that_was_exported_anew_is_not_taken_for_the_one_that_is_meant(
    tmp_path: Path,
) -> None:
    save_yunet_like(tmp_path / "tiny.onnx")
    (tmp_path / "spec.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    bundle = Path(mc.export(tmp_path / "spec.toml", tmp_path / "tiny"))
    home = worker.home_of(bundle, open_any(bundle), None)
    assert worker.bundle_at(home) is worker.bundle_at(home), "opened once"
    meant = worker.Home(home.folder, "another", None)
    with pytest.raises(MobileCatError, match="Another bundle"):
        worker.bundle_at(meant)
