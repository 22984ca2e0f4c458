"""Calibration pictures that are alike count once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from mobilecat.compile.whole import _few
from mobilecat.quantize.alike import kinds_of


def scene(path: Path, seed: int, crop: int = 0) -> Path:
    """Write a picture of 8x8 large tiles; crop: so many pixels less at each side of 256."""
    tiles = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    whole = Image.fromarray(tiles).resize((256, 256), Image.Resampling.BICUBIC)
    whole.crop((crop, crop, 256 - crop, 256 - crop)).save(path)
    return path


def test_copies_and_near_crops_are_one_and_others_are_not(tmp_path: Path) -> None:
    same = [scene(tmp_path / f"a{k}.png", 0) for k in range(3)]
    near = [scene(tmp_path / "b.png", 0, crop=1), scene(tmp_path / "c.jpg", 0)]
    others = [scene(tmp_path / f"d{k}.png", 1 + k) for k in range(4)]
    assert kinds_of([*same, *near]) == 1
    assert kinds_of(others) == 4
    assert kinds_of([*same, *near, *others]) == 5


def test_export_says_so(tmp_path: Path) -> None:
    pictures = [scene(tmp_path / f"a{k}.png", 0) for k in range(12)]
    given: Any = SimpleNamespace(pictures=tuple(pictures))
    (said,) = _few(given)
    assert "of 12 calibration pictures 11 look like another of them" in said and "1 count" in said
    others: Any = SimpleNamespace(pictures=[scene(tmp_path / f"o{k}.png", k) for k in range(20)])
    assert _few(others) == ()
    others.pictures.append(pictures[0])
    (said,) = _few(others)
    assert (
        said.startswith("warning: of 21 calibration pictures 1 look") and "20 or more" not in said
    )
    (said,) = _few(SimpleNamespace(pictures=others.pictures[:12]))  # type: ignore[arg-type]
    assert said.startswith("warning: calibrated on 12 pictures, and ranges want 20 or more")
