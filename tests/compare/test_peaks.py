"""The largest along axes is what numpy's own `max` says, whatever the shape."""

import numpy as np
import pytest

from mobilecat.compare.peaks import best_of_rows, peaks

SHAPES = [
    (1, 3, 4),
    (1, 512, 4),
    (1, 513, 4),
    (1, 25, 2048),
    (1, 7, 3000),
    (2, 5, 6, 7),
    (9,),
    (1, 1),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_largest_along_every_choice_of_axes(shape: tuple[int, ...], dtype: str) -> None:
    values = np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)
    for chosen in range(2 ** len(shape)):
        axes = tuple(i for i in range(len(shape)) if chosen >> i & 1)
        found = peaks(values, axes)
        assert found.dtype == values.dtype
        assert np.array_equal(found, values.max(axis=axes, keepdims=True))


@pytest.mark.parametrize("at", [0, 500, 511, 512, 599])
def test_no_number_is_the_largest_wherever_it_stands(at: int) -> None:
    values = np.zeros((1, 600, 4), np.float32)
    values[0, at, 2] = np.nan
    assert np.isnan(peaks(values, (0, 1))).tolist() == [[[False, False, True, False]]]
    assert np.isnan(best_of_rows(values[0])).nonzero()[0].tolist() == [at]


def test_negative_values_and_arrays_that_lie_otherwise() -> None:
    values = -np.arange(1.0, 4097.0, dtype=np.float32).reshape(1, 1024, 4)
    assert peaks(values, (0, 1)).reshape(-1).tolist() == [-1, -2, -3, -4]
    turned = np.asfortranarray(values)
    assert peaks(turned, (0, 1)).reshape(-1).tolist() == [-1, -2, -3, -4]
    assert best_of_rows(values[0])[:2].tolist() == [-1, -5]
