"""YOLOv3-tiny, YOLOv5n and YOLOX-nano over cats from every artifact, within 1 px of the source.

Two photos here, portrait and landscape; docs/systems.md has all 66 (tools/cats_table.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mobilecat.formats.coreai.dialect import missing
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import cats_table as tool

PHOTOS = ("00000004_007.jpg", "00000009_004.jpg")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", tool.NAMES)
def test_every_artifact_finds_the_sources_boxes(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    photos = [shared_data / "cats" / p for p in PHOTOS]
    found = tool.measure(name, shared_data, photos, tmp_path / "bundle")
    assert len(found) == (6 if missing() else 7)  # the source, and six artifacts
    source = found["source"]
    assert source.cats >= 1
    for lane, got in found.items():
        assert got.cats == source.cats, lane
        assert got.agreement.unmatched == 0, lane
        assert got.agreement.boxes_px < 0.01, lane  # float32 in another order; 1 px is asked for
