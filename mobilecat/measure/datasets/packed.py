"""Labelled pictures of a large set: a few arrays for all, and a value for the one asked for.

As values of their own a picture's labels take ten times what their numbers do.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np

from mobilecat.measure.datasets.labelled import Flags, Floats, Labelled, Outline

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
    """Pictures with their objects, held exactly. A slice of them holds no picture anew."""

    def __init__(self) -> None:
        self._paths, self._path_ends = bytearray(), array("q", [0])
        self._sizes = array("q")
        self._ends = array("q", [0])
        self._boxes, self._areas, self._class_ids = array("d"), array("d"), array("q")
        self._ignore, self._crowd = bytearray(), bytearray()
        self._points, self._landmarks, self._landmark_ends = array("q"), array("d"), array("q", [0])
        self._turned, self._angles = bytearray(), array("d")
        self._outlines: dict[int, tuple[Outline | None, ...]] = {}

    def append(self, picture: Labelled) -> None:
        """Hold one more picture."""
        if picture.outlines:
            self._outlines[len(self)] = picture.outlines
        self._paths += os.fsencode(picture.path)
        self._path_ends.append(len(self._paths))
        self._sizes.extend(picture.size_wh)
        n = len(picture)
        self._ends.append(self._ends[-1] + n)
        self._boxes.frombytes(picture.boxes_xyxy.tobytes())
        self._areas.frombytes(picture.areas.tobytes())
        self._class_ids.frombytes(picture.class_ids.tobytes())
        self._ignore += picture.ignore.tobytes()
        self._crowd += picture.crowd.tobytes()
        marks = picture.landmarks_xy
        self._points.append(-1 if marks is None else marks.shape[1])
        if marks is not None:
            self._landmarks.frombytes(marks.tobytes())
        self._landmark_ends.append(len(self._landmarks))
        self._turned.append(picture.angles is not None)
        angles = np.zeros(n) if picture.angles is None else picture.angles
        self._angles.frombytes(angles.tobytes())

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, at: int) -> Labelled: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Labelled]: ...
    def __getitem__(self, at: int | slice) -> Labelled | Sequence[Labelled]:
        if isinstance(at, slice):
            return chosen(self, range(*at.indices(len(self))))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        i = at % len(self)
        low, high = self._ends[i], self._ends[i + 1]
        return Labelled(
            Path(os.fsdecode(bytes(self._paths[self._path_ends[i] : self._path_ends[i + 1]]))),
            (self._sizes[2 * i], self._sizes[2 * i + 1]),
            _floats(self._boxes[4 * low : 4 * high]).reshape(-1, 4),
            np.array(self._class_ids[low:high], np.int64),
            _floats(self._areas[low:high]),
            _flags(self._ignore[low:high]),
            _flags(self._crowd[low:high]),
            self._marks(i, high - low),
            _floats(self._angles[low:high]) if self._turned[i] else None,
            self._outlines.get(i, ()),
        )

    def _marks(self, i: int, n: int) -> Floats | None:
        if self._points[i] < 0:
            return None
        found = _floats(self._landmarks[self._landmark_ends[i] : self._landmark_ends[i + 1]])
        return found.reshape(n, self._points[i], 2)


def chosen(pictures: Sequence[Labelled], places: Sequence[int]) -> Sequence[Labelled]:
    """Return those at `places`, in that order; none is held anew."""
    return Each(len(places), lambda i: pictures[places[i]])


def _floats(values: array[float]) -> Floats:
    return np.array(values, np.float64)


def _flags(values: bytearray) -> Flags:
    return np.array(values, np.bool_)
