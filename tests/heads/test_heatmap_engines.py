"""Heat maps against OpenCV, and the four decodes against where a hill's top was put."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mobilecat.heads import reference_decode
from mobilecat.heads.heatmap import gaussian
from mobilecat.spec.heads import HeatmapHead
from tests.heads.families.points import hills


@pytest.mark.parametrize("side", [3, 5, 7, 9, 11, 17])
def test_the_blurs_weights_are_opencvs(side: int) -> None:
    np.testing.assert_allclose(gaussian(side), cv2.getGaussianKernel(side, 0)[:, 0], atol=1e-9)


def test_dark_is_what_its_authors_code_gives_with_opencv() -> None:
    """Their `gaussian_blur` and `taylor`, written after the paper, around OpenCV's own blur."""
    rng = np.random.default_rng(2)
    tops = rng.uniform((3, 3), (44, 60), (20, 2))
    maps = hills([tuple(t) for t in tops], 64, 48, 2.0) * rng.uniform(0.3, 1.0, (1, 20, 1, 1))  # type: ignore[misc]
    maps += rng.uniform(0, 0.02, maps.shape)
    got = reference_decode(HeatmapHead(kind="heatmap", method="dark"), {"m": maps}, (192, 256))
    points = got.rows["landmarks"].reshape(20, 2)
    for one, point, top in zip(maps[0], points, tops, strict=True):
        framed = cv2.GaussianBlur(np.pad(one, 5), (11, 11), 0)[5:-5, 5:-5]
        logs = np.log(np.maximum(framed * one.max() / framed.max(), 1e-10))
        y, x = np.unravel_index(one.argmax(), one.shape)
        place = np.array([x, y], float)
        if 1 < x < 46 and 1 < y < 62:
            gx, gy = (logs[y, x + 1] - logs[y, x - 1]) / 2, (logs[y + 1, x] - logs[y - 1, x]) / 2
            hxx = (logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2]) / 4
            hyy = (logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x]) / 4
            hxy = logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1]
            hessian = np.array([[hxx, hxy / 4], [hxy / 4, hyy]])
            place += -np.linalg.inv(hessian) @ np.array([gx, gy])
        np.testing.assert_allclose(point, place * 4, atol=1e-6)
        assert np.hypot(*(place - top)) < 0.5


def test_finer_decodes_come_nearer_to_where_the_top_was_put() -> None:
    rng = np.random.default_rng(3)
    tops = rng.uniform((8, 8), (40, 56), (50, 2))
    maps = hills([tuple(t) for t in tops], 64, 48, 2.0)  # type: ignore[misc]
    off = {}
    for method, more in (
        ("argmax", {}),
        ("quarter", {}),
        ("dark", {}),
        ("soft-argmax", {"beta": 30.0}),
    ):
        head = HeatmapHead(kind="heatmap", method=method, **more)  # type: ignore[arg-type]
        found = reference_decode(head, {"m": maps}, (192, 256)).rows["landmarks"].reshape(50, 2)
        off[method] = float(np.linalg.norm(found / 4 - tops, axis=1).mean())
    assert off["dark"] < 0.02 < off["quarter"] < off["argmax"] < 0.5
    assert off["soft-argmax"] < 0.2
