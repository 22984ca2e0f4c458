"""A sweep whose candidates come from processes: the same table, though one of them is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.demo import PICTURES
from mobilecat.measure.tune import spread
from mobilecat.measure.tune.kept import Store
from mobilecat.measure.tune.ranked import Ranked
from tests.tiny import save_yunet_like, yunet_like_spec


def rows(found: Any) -> Any:
    """The table without what a clock says."""
    told = found.to_json()
    table = [{k: v for k, v in row.items() if k != "nms_ms"} for row in told["rows"]]
    return table, told["best"], told["inferences"]


def test_two_processes_sweep_as_one_though_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="NOT_RUN: no Dask")
    save_yunet_like(tmp_path / "tiny.onnx")
    said = yunet_like_spec(Path("tiny.onnx")).replace('["face"]', '["cat face"]')
    (tmp_path / "spec.toml").write_text(said)
    bundle = mc.export(tmp_path / "spec.toml", tmp_path / "tiny")
    lists: dict[str, Any] = {"scores": [0.01, 0.5], "ious": [0.45], "max_detections": [300]}
    one = mc.tune(bundle, PICTURES, cache=tmp_path / "one", **lists)
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
    two = mc.tune(bundle, PICTURES, cache=tmp_path / "two", on="local", **lists)
    assert killed and rows(two) == rows(one) and two.inferences == 4
    again = mc.tune(bundle, PICTURES, cache=tmp_path / "two", on="local", **lists)
    assert rows(again)[:2] == rows(one)[:2] and again.inferences == 0
