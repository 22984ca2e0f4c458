"""Window means by hand: what ceil_mode adds beyond the declared padding never counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.formats.coreml import runtime
from tests.formats.coreml.runtime.builders import program

X = np.array([1.0, 2.0, 4.0, 8.0, 16.0], np.float32)
# Windows of 2, every 2: [1 2] [4 8] [16 .]; with one row of padding in front: [0 1] [2 4] [8 16].
CASES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "floor": ({}, [1.5, 6.0]),
    "ceil: the last window has one value": ({"ceil_mode": True}, [1.5, 6.0, 16.0]),
    "padding counts": ({"pad": 1}, [0.5, 3.0, 12.0]),
    "padding does not count": ({"pad": 1, "exclude": True}, [1.0, 3.0, 12.0]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("axis", [2, 3])
def test_means(name: str, axis: int, tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb

    how, expected = CASES[name]
    pad = [0, 0, 0, 0]
    pad[2 * (axis - 2)] = how.get("pad", 0)
    sides = [1, 1]
    sides[axis - 2] = 2
    path = program(
        tmp_path / "p.mlpackage",
        lambda x: mb.avg_pool(
            x=x, kernel_sizes=sides, strides=sides, pad_type="custom", pad=pad,
            exclude_padding_from_average=how.get("exclude", False),
            ceil_mode=how.get("ceil_mode", False), name="y",
        ),
        {"x": (1, 1, *(5 if a == axis - 2 else 1 for a in range(2)))},
    )  # fmt: skip
    x = X.reshape(1, 1, *(5 if a == axis - 2 else 1 for a in range(2)))
    found = runtime.load(path).predict({"x": x})
    np.testing.assert_allclose(found["y"].reshape(-1), expected)
