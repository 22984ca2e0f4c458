"""How far rounding moves a network: several ways to round, and masks. Values by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import open_bundle
from mobilecat.judge.moved_masks import masks_moved
from mobilecat.judge.observe import Observed
from mobilecat.judge.rounding import DRAWS, change_of, farthest, moves_of
from mobilecat.lanes import Lane
from tests.judge.fake import healthy, write_bundle


def observed(**tensors: object) -> Observed:
    arrays = {k: np.asarray(v, np.float32) for k, v in tensors.items()}
    return Observed(Lane("source"), arrays, (), None)


def test_each_way_to_round_is_as_fine_and_another() -> None:
    """float16 has 10 bits behind the point: a weight moves by 2^-11 of itself at most."""
    weights = np.random.default_rng(0).uniform(0.5, 2, 2000).astype(np.float32)
    ways = [change_of("float16", draw)("w", weights) for draw in range(DRAWS)]
    for k, way in enumerate(ways):
        moved = np.abs(way / weights - 1)
        assert 2**-13 < moved.max() <= 2**-11 * 1.001
        assert all((way != other).mean() > 0.5 for other in ways[:k])
    assert np.array_equal(ways[0], weights.astype(np.float16).astype(np.float32))


def test_the_farthest_of_several_value_by_value() -> None:
    reference = observed(x=[0, 10, 5], gone=[1])
    one, two = observed(x=[1, 10, 2], gone=[1]), observed(x=[-3, 10.5, 6])
    found = farthest(reference, [one, two])
    assert found is not None and found.tensors["x"].tolist() == [-3, 10.5, 2]
    assert found.draws == (one, two)
    assert farthest(reference, [one]) is one and farthest(reference, []) is None


def test_detections_move_as_far_as_in_the_way_that_moves_them_most(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path).bundle)
    reference = Observed(Lane("source"), healthy(), (), None)

    def moved(name: str, by: float) -> Observed:
        tensors = healthy()
        tensors[name] = tensors[name].copy()
        tensors[name].flat[0] += by
        return replace(reference, tensors=tensors)

    ways = [moved("decode/boxes", 3.0), moved("decode/landmarks", 2.0), moved("reg", 0.5)]
    both = farthest(reference, ways)
    assert both is not None
    moves = moves_of(bundle, reference, both)
    assert moves["decode/boxes"] == pytest.approx(3.0)
    assert moves["detections/boxes"] == pytest.approx(3.0 * 2**0.5)
    assert moves["decode/landmarks"] == pytest.approx(2.0)
    assert moves["reg"] == pytest.approx(0.5 / np.abs(healthy()["reg"]).max())


def test_a_mask_moves_by_the_pixels_that_rounding_turns(tmp_path: Path) -> None:
    """8 sure pixels of 16: one goes, one comes: 1 − 7/9; one that is near to 0.5 does not count."""
    bundle = open_bundle(write_bundle(tmp_path).bundle)
    mask = np.repeat([0.9, 0.1], 8)

    def with_mask(values: np.ndarray) -> Observed:
        masks = np.zeros((1, 5, 4, 4))
        masks[0, 0] = values.reshape(4, 4)
        count = {"count": np.array([1], np.int32)}
        tensors = healthy() | {"masks": masks.astype(np.float32)} | count
        return Observed(Lane("source"), tensors, (), None)

    turned = mask.copy()
    turned[[0, 8]] = 0.2, 0.8
    assert masks_moved(bundle, with_mask(mask), with_mask(turned), 0.01) == pytest.approx(2 / 9)
    turned[8] = 0.505
    assert masks_moved(bundle, with_mask(mask), with_mask(turned), 0.01) == pytest.approx(1 / 9)
    plain = Observed(Lane("source"), healthy(), (), None)
    assert masks_moved(bundle, plain, plain, 0.01) is None
