"""The TF1 SSDLite graph: every artifact against the graph's own post-processing in TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mobilecat.formats.coreai.dialect import missing
from tests.conftest import ROOT
from tests.formats.importing.tensorflow import needs_tensorflow

sys.path.insert(0, str(ROOT / "tools"))


@pytest.fixture(scope="module")
def measured(shared_data: Path, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    import ssdlite_check as tool

    pictures = tool.ten_pictures(shared_data)
    assert len(set(pictures)) == 10
    return tool.compare(shared_data, pictures, tmp_path_factory.mktemp("ssd") / "bundle")


@needs_tensorflow
def test_every_artifact_gives_the_graphs_own_boxes(measured) -> None:  # type: ignore[no-untyped-def]
    nms, results = measured
    assert (round(nms.iou, 6), nms.rows) == (0.6, 100)
    assert len(results) == (5 if missing() else 6)
    for name, found in results.items():
        assert found.boxes >= 20, name
        assert found.unmatched == 0, name
        # 0.5 px of 300 is asked for; float32 in another order moves a side by about 0.0001.
        assert found.px < 0.01, name
        assert found.score < 1e-4, name
