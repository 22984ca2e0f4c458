"""A palette's entry is the mean of what it stands for: one that is moved a little is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.formats.base.originals import _within
from mobilecat.formats.coreml.compress.pack import palette


def made(
    bits: int, seed: int, dtype: type = np.float16
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of a layer, its palette, and which entry each weight is."""
    rng = np.random.default_rng(seed)
    wide = (rng.standard_t(4, (24, 40)) * 0.05).astype(np.float32)
    found = palette(wide, bits, 0, None, dtype)
    return wide, found.table[0].astype(np.float32), found.index.astype(np.intp)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_k_means_made_is_taken_for_what_it_is(bits: int, dtype: type) -> None:
    for seed in range(8):
        wide, table, entry = made(bits, seed, dtype)
        assert _within(wide, table[entry], entry)


def test_the_largest_entry_a_tenth_smaller_is_noticed_within_what_it_stands_for() -> None:
    """Of 0.8 and 1.0 the entry is 0.9; 0.81 lies between them too, and is not their mean."""
    wide = np.array([0.8, 1.0, 0.1, 0.1], np.float32)
    entry = np.array([1, 1, 0, 0])
    assert _within(wide, np.array([0.1, 0.9])[entry], entry)
    assert not _within(wide, np.array([0.1, 0.81])[entry], entry)
