"""Labels that are packed come back as they were, and a part of them holds none anew."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mobilecat.measure.datasets import Labelled
from mobilecat.measure.datasets.labelled import RunLengths
from mobilecat.measure.datasets.packed import Packed


def pictures() -> list[Labelled]:
    """One with everything, one with nothing, one with landmarks and no object, one upright."""
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 50, (3, 2))
    marks = rng.uniform(0, 60, (3, 5, 2))
    marks[1, 2] = np.nan
    whole = Labelled(
        Path("set/naïve \udcff.png"),
        (640, 481),
        np.concatenate([low, low + 9.1], axis=1),
        np.array([2, 0, 7]),
        np.array([82.81, 1 / 3, 4e9]),
        np.array([False, True, True]),
        np.array([False, True, False]),
        marks,
        rng.normal(size=3),
        (((0.0, 0.0, 4.5, 0.0, 4.5, 3.0),), None, RunLengths((5, 2, 9))),
    )
    none = np.zeros(0)
    empty = Labelled(Path("/a/b.jpg"), (3, 1), np.zeros((0, 4)), none.astype(int), none,
                     none.astype(bool), none.astype(bool))  # fmt: skip
    bare = replace(empty, path=Path("c.jpg"), landmarks_xy=np.zeros((0, 5, 2)))
    upright = replace(whole, path=Path("d.jpg"), landmarks_xy=None, angles=None, outlines=())
    return [whole, empty, bare, upright, whole]


def same(one: Labelled, other: Labelled) -> None:
    for name in (f.name for f in fields(Labelled)):
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name
        else:
            assert a == b, name


def test_pictures_come_back_exactly_as_they_were() -> None:
    given, packed = pictures(), Packed()
    for picture in given:
        packed.append(picture)
    assert len(packed) == len(given)
    for one, other in zip(packed, given, strict=True):
        same(one, other)
    same(packed[-2], given[3])
    for one, other in zip(packed[1::2], given[1::2], strict=True):
        same(one, other)
    with pytest.raises(IndexError):
        packed[5]


def test_what_a_reader_of_them_changes_is_its_own() -> None:
    packed = Packed()
    packed.append(pictures()[0])
    packed[0].boxes_xyxy[:] = 0
    same(packed[0], pictures()[0])
