"""Labelled pictures of a large set: on disk, and a value for the one that is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np

from mobilecat.disk.spill import Spill
from mobilecat.measure.datasets.labelled import Floats, Labelled, Outline

T = TypeVar("T")


class Each(Sequence[T], Generic[T]):
    """n things, each made when it is asked for, and not kept."""

    def __init__(self, n: int, make: Callable[[int], T]) -> None:
        self._n, self._make = n, make

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return [self._make(i) for i in range(*at.indices(self._n))]
        if not -self._n <= at < self._n:
            raise IndexError(at)
        return self._make(at % self._n)


class Packed(Sequence[Labelled]):
    """Pictures with their objects, held exactly, and on disk where they are many. A slice of them
    holds no picture anew."""

    def __init__(self) -> None:
        self._places, self._held = array("q"), Spill()

    def append(self, picture: Labelled) -> None:
        """Hold one more picture."""
        self._places.append(self._held.put(_flat(picture)))

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Labelled: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Labelled]: ...
    def __getitem__(self, at: int | slice) -> Labelled | Sequence[Labelled]:
        if isinstance(at, slice):
            return chosen(self, range(*at.indices(len(self))))
        return _labelled(*self._held.get(self._places[at]))


def chosen(pictures: Sequence[Labelled], places: Sequence[int]) -> Sequence[Labelled]:
    """Return those at `places`, in that order; none is held anew."""
    return Each(len(places), lambda i: pictures[places[i]])


_TYPES = (np.float64, np.int64, np.float64, np.bool_, np.bool_)
"""Of boxes, class ids, areas, and what is to be ignored, what stands for many."""
_Flat = tuple[str, tuple[int, int], list[bytes], tuple[int, bytes] | None, bytes | None, Any]


def _flat(p: Labelled) -> _Flat:
    """Return a picture in few parts: as arrays its numbers take three times as much."""
    arrays = [p.boxes_xyxy, p.class_ids, p.areas, p.ignore, p.crowd]
    marks = None if p.landmarks_xy is None else (p.landmarks_xy.shape[1], p.landmarks_xy.tobytes())
    angles = None if p.angles is None else p.angles.tobytes()
    return str(p.path), p.size_wh, [a.tobytes() for a in arrays], marks, angles, p.outlines


def _labelled(
    path: str,
    size_wh: tuple[int, int],
    arrays: list[bytes],
    marks: tuple[int, bytes] | None,
    angles: bytes | None,
    outlines: tuple[Outline | None, ...],
) -> Labelled:
    numbers: list[Any] = [
        np.frombuffer(data, dtype).copy() for data, dtype in zip(arrays, _TYPES, strict=True)
    ]
    boxes, ids, areas, ignore, crowd = numbers
    points = None if marks is None else _floats(marks[1]).reshape(len(ids), marks[0], 2)
    turned = None if angles is None else _floats(angles)
    boxes = boxes.reshape(-1, 4)
    return Labelled(Path(path), size_wh, boxes, ids, areas, ignore, crowd, points, turned, outlines)


def _floats(data: bytes) -> Floats:
    return np.frombuffer(data, np.float64).copy()
