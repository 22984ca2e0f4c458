"""A source is given pixels that are no bytes where `diagnose` tries another range on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.lanes import Lane, open_lane
from mobilecat.lanes.source import source_in
from tests.tiny import save_yunet_like, yunet_like_spec


def test_pixels_that_are_no_bytes_reach_the_network_as_the_spec_says(tmp_path: Path) -> None:
    save_yunet_like(tmp_path / "tiny.onnx")
    said = yunet_like_spec(Path("tiny.onnx"))
    said = said.replace('"BGR"', '"BGR"\nrange = [-1, 1]\nmean = [0.0, 0.5, 1.0]\nstd = [1, 2, 4]')
    (tmp_path / "spec.toml").write_text(said)
    mc.export(tmp_path / "spec.toml", tmp_path / "tiny")
    bundle = open_bundle(tmp_path / "tiny")
    engine = open_lane(tmp_path / "tiny", bundle, Lane("source"), None)
    runner = source_in(engine)
    assert runner is not None and bundle.spec.input is not None

    rgb = np.zeros((64, 96, 3))
    rgb[..., :] = 0.0, 127.5, 382.5  # −1, 0, 2 of the range; handed over as BGR: 2, 0, −1
    seen = runner._tensor(rgb, bundle.spec.input)
    assert seen.shape == (1, 3, 64, 96) and seen.dtype == np.float32
    np.testing.assert_array_equal(seen[0, :, 5, 7], [2.0, -0.25, -0.5])

    whole = np.random.default_rng(0).integers(0, 256, (64, 96, 3))
    given = whole.astype(np.uint8), whole.astype(np.float32)
    of_bytes, of_floats = (runner._tensor(x, bundle.spec.input) for x in given)
    assert of_bytes.tobytes() == of_floats.tobytes()
    found = engine.infer({"image": given[1] / 255})
    assert found["boxes"].shape == engine.infer({"image": given[0]})["boxes"].shape
