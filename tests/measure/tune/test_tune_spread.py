"""A sweep whose candidates come from processes: the same table, though one of them is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.demo import PICTURES
from mobilecat.errors import MobileCatError
from mobilecat.measure.tune import spread
from mobilecat.measure.tune.kept import Store
from mobilecat.measure.tune.ranked import Ranked
from tests.tiny import save_yunet_like, yunet_like_spec


def rows(found: Any) -> Any:
    """The table without what a clock says."""
    told = found.to_json()
    table = [{k: v for k, v in row.items() if k != "nms_ms"} for row in told["rows"]]
    return table, told["best"], told["inferences"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    save_yunet_like(folder / "tiny.onnx")
    said = yunet_like_spec(Path("tiny.onnx")).replace('["face"]', '["cat face"]')
    (folder / "spec.toml").write_text(said)
    return Path(mc.export(folder / "spec.toml", folder / "tiny"))


LISTS: dict[str, Any] = {"scores": [0.01, 0.5], "ious": [0.45], "max_detections": [300]}


def test_shards_merge_to_the_same_table(bundle: Path, tmp_path: Path) -> None:
    one = mc.tune(bundle, PICTURES, cache=tmp_path / "one", **LISTS)
    for i in (2, 1):
        part = mc.tune(bundle, PICTURES, cache=tmp_path / f"s{i}", shard=f"{i}/2", **LISTS)
        assert part.inferences == 2 and f"shard {i}/2" in part.notes[0]
    folders = [tmp_path / "s1", tmp_path / "s2"]
    (next(folders[0].glob("*")) / "damaged.npz").write_bytes(b"PK")
    merged = mc.tune(bundle, PICTURES, cache=tmp_path / "all", merge=folders, **LISTS)
    assert merged.inferences == 0 and rows(merged)[:2] == rows(one)[:2]
    half = mc.tune(bundle, PICTURES, cache=tmp_path / "half", merge=folders[1:], **LISTS)
    said = "2 pictures were in no merged shard, of 4 in all, and ran now"
    assert said in half.notes and said not in merged.notes
    with pytest.raises(MobileCatError, match="Nothing to merge"):
        mc.tune(bundle, PICTURES, cache=tmp_path / "x", merge=[tmp_path], **LISTS)
    with pytest.raises(MobileCatError, match="--write"):
        mc.tune(bundle, PICTURES, shard="1/2", write=bundle.parent / "spec.toml", **LISTS)


def test_two_processes_sweep_as_one_though_one_is_killed(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="NOT_RUN: no Dask")
    one = mc.tune(bundle, PICTURES, cache=tmp_path / "one", **LISTS)
    monkeypatch.setattr(spread, "AT_ONCE", 1)
    killed: list[int] = []
    kept = Store.put

    def put(self: Store, picture: str, ranked: Ranked) -> None:
        kept(self, picture, ranked)
        from distributed import get_client

        if not killed:  # the first result is here: one of those at work dies
            killed.append(next(iter(get_client().run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(Store, "put", put)
    two = mc.tune(bundle, PICTURES, cache=tmp_path / "two", on="local", **LISTS)
    assert killed and rows(two) == rows(one) and two.inferences == 4
    again = mc.tune(bundle, PICTURES, cache=tmp_path / "two", on="local", **LISTS)
    assert rows(again)[:2] == rows(one)[:2] and again.inferences == 0
