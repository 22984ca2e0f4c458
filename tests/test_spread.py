"""Work on workers, held without Dask: order, what is under way, versions, what stays open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat import spread
from mobilecat.bundle.cascade import open_any
from mobilecat.errors import MobileCatError
from mobilecat.lanes import worker
from tests.tiny import save_yunet_like, yunet_like_spec
from tests.workers import Client, two_workers


def test_answers_come_in_the_order_of_the_tasks_where_that_is_asked_for() -> None:
    them, _ = two_workers(Client())
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

    them, made = two_workers(Client())
    for count, _ in enumerate(them.answers(str, stream(), in_order=in_order)):
        assert len(taken) <= count + 1 + 8
    assert len(taken) == 1000 and made[0].most == 8


def test_a_task_that_fails_is_told_in_words() -> None:
    them, _ = two_workers(Client(fails=3))
    with pytest.raises(MobileCatError, match="A worker failed") as told:
        list(them.answers(str, range(9)))
    assert "TypeError: odd" in str(told.value)


def test_progress_counts_pictures() -> None:
    them, _ = two_workers(Client())
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
