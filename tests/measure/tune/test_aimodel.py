"""An `.aimodel`'s candidates in both lanes: the same rows as the source's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.formats.coreai.dialect import missing
from mobilecat.measure.tune.grid import grid_of
from mobilecat.measure.tune.objective import objective_of
from mobilecat.measure.tune.run import tune
from tests.measure.tune.scenes import SPEC, export_detector, save_pictures

GRID = grid_of("0.2,0.5", "0.5,0.7", "1,10")


@pytest.mark.skipif(missing() is not None, reason=f"NOT_RUN: {missing()}")
@pytest.mark.parametrize("nms", ["graph", "app"])
def test_an_aimodel_is_tuned_as_its_source_is(nms: str, tmp_path: Path) -> None:
    spec = SPEC.replace("[targets.onnx]", f'[targets.coreai]\nnms = "{nms}"')
    folder, _ = export_detector(tmp_path, spec)
    data = save_pictures(tmp_path / "data")
    of_source, *others = (
        tune(folder, data, GRID, objective_of("f1"), cache=tmp_path / "cache", runner=runner)
        for runner in ("source", "coreai", "coreai-apple")
    )
    assert len(of_source.rows) == 8
    for found in others:
        assert found.inferences == 2
        for ours, theirs in zip(found.rows, of_source.rows, strict=True):
            assert ours.setting == theirs.setting
            for key in ("true_positives", "false_positives", "missed", "cut", "candidates"):
                assert getattr(ours, key) == getattr(theirs, key), key
            assert ours.mean_iou == pytest.approx(theirs.mean_iou, abs=1e-6)
