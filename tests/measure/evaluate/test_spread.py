"""Inference spread over processes and shards: the same figures to the last bit, nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import PICTURES
from mobilecat.errors import MobileCatError
from mobilecat.measure import shards
from mobilecat.measure.evaluate import spread
from mobilecat.measure.evaluate.kept import Result, Store
from mobilecat.pictures.detections import Detections
from tests.tiny import save_yunet_like, yunet_like_spec

pytest.importorskip("pycocotools", reason="NOT_RUN: no pycocotools")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spread")
    save_yunet_like(folder / "tiny.onnx")
    said = yunet_like_spec(Path("tiny.onnx")).replace('["face"]', '["cat face"]')
    (folder / "spec.toml").write_text(said)
    return Path(mc.export(folder / "spec.toml", folder / "tiny"))


def figures(told: dict[str, Any]) -> Any:
    """What an evaluation found, without how much of it was kept."""
    own = ("inferred", "kept", "inference_seconds")
    return [{k: v for k, v in row.items() if k not in own} for row in told["lanes"]]


def plain(bundle: Path, cache: Path, **options: Any) -> dict[str, Any]:
    return mc.evaluate(bundle, PICTURES, cache=cache, **options).to_json()


def test_shards_merge_to_the_same_figures(bundle: Path, tmp_path: Path) -> None:
    whole = plain(bundle, tmp_path / "whole")
    for i in (3, 1, 2):
        done = mc.evaluate(bundle, PICTURES, cache=tmp_path / f"s{i}", shard=f"{i}/3")
        assert done.pictures == {1: 2, 2: 1, 3: 1}[i]
        assert f"shard {i}/3" in done.notes[0]
    parts = [tmp_path / f"s{i}" for i in (2, 3, 1)]
    merged = mc.evaluate(bundle, PICTURES, cache=tmp_path / "all", merge=parts)
    assert {row.inferred for row in merged.lanes} == {0}, "everything was there"
    assert figures(merged.to_json()) == figures(whole)
    assert not [note for note in merged.notes if "merged shard" in note]
    some = mc.evaluate(bundle, PICTURES, cache=tmp_path / "some", merge=parts[:2])
    assert "2 pictures were in no merged shard, of 4 in all, and ran now" in some.notes
    with pytest.raises(MobileCatError, match="Nothing to merge"):
        mc.evaluate(bundle, PICTURES, cache=tmp_path / "x", merge=[tmp_path])


def test_a_shard_that_lacks_a_lane_is_told_by_lane() -> None:
    assert shards.in_no_shard({"source": 0, "onnx:a.onnx": 0}, 9) == []
    assert shards.in_no_shard({"source": 0, "onnx:a.onnx": 1}, 9) == [
        "1 picture was in no merged shard for onnx:a.onnx, of 9 in all, and ran now"
    ]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/3"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(MobileCatError, match="write 2/5"):
        shards.shard_of(text)


def test_a_shard_without_pictures_is_refused() -> None:
    assert shards.shard_of("2/5") == (2, 5)
    with pytest.raises(MobileCatError, match="no picture"):
        shards.shard((), "1/3")


def test_a_damaged_result_of_a_shard_is_left(tmp_path: Path) -> None:
    store = Store(tmp_path / "all" / "lane")
    there = Store(tmp_path / "part" / "lane")
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    there.put("a", Result(none, "engine"))
    (there.folder / "b.json").write_text("{")
    (there.folder / "c.json").write_text("")  # as a power cut may leave it
    assert spread.merge({"x": store}, [tmp_path / "part"]) == 1
    assert store.get("a") is not None and store.get("b") is None
    assert there.get("c") is None


def test_without_dask_it_is_said_how_to_get_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MobileCatError, match=r"mobilecat\[distributed\]"):
        plain(bundle, tmp_path, on="local")


def test_what_workers_inferred_counts_as_inferred(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Dask: this process is the worker."""

    def here(_: str, work: Any, tasks: Any, keep: Any, *more: Any) -> None:
        for task in tasks:
            keep(work(task))

    monkeypatch.setattr(spread, "run_on", here)
    for i, fresh in enumerate((False, True, False)):
        told = plain(bundle, tmp_path, on="local", fresh=fresh)
        counts = {(row["inferred"], row["kept"]) for row in told["lanes"]}
        assert counts == {(4, 0) if i < 2 else (0, 4)}


def test_three_processes_find_what_one_finds_though_one_is_killed(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="NOT_RUN: no Dask")
    monkeypatch.setattr(spread, "AT_ONCE", 1)
    whole = plain(bundle, tmp_path / "one")
    killed: list[int] = []
    kept = Store.put

    def put(self: Store, picture: str, result: Result) -> None:
        kept(self, picture, result)
        from distributed import get_client

        if not killed:  # the first result is here: one of those at work dies
            pids = get_client().run(os.getpid)
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(Store, "put", put)
    said: list[str] = []
    three = tmp_path / "three"
    spreaded = plain(bundle, three, on="local", threads=3, fresh=True, progress=said.append)
    assert killed and figures(spreaded) == figures(whole)
    assert not [s for s in said if s.startswith("loading")], "all of it came from workers"
    assert {(row["inferred"], row["kept"]) for row in spreaded["lanes"]} == {(4, 0)}
    again = plain(bundle, three, on="local", threads=3)
    assert {(row["inferred"], row["kept"]) for row in again["lanes"]} == {(0, 4)}


def test_nobody_answers(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="NOT_RUN: no Dask")
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    with pytest.raises(MobileCatError, match="No Dask scheduler answers"):
        plain(bundle, tmp_path / "none", on="nowhere://")
