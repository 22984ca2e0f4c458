"""What grows with the pictures, held so that memory does not: made when asked for, or on disk."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence

from mobilecat.disk.spill import Spill
from mobilecat.measure.datasets.packed import Each
from mobilecat.pictures.detections import Detections


class Found:
    """What a lane found in each picture, by its place. Several threads may put."""

    def __init__(self, pictures: int) -> None:
        self._at = array("q", [-1]) * pictures
        self._results = Spill()
        self._busy = threading.Lock()
        self.seconds = array("d")
        """Of the inferences, as far as they are known."""
        self.engine = ""

    def put(self, i: int, found: Detections, engine: str, seconds: float | None) -> None:
        """Hold what was found in picture i, exactly."""
        at = self._results.put(found)
        with self._busy:
            self._at[i] = at
            self.engine = self.engine or engine
            if seconds is not None:
                self.seconds.append(seconds)

    def get(self, i: int) -> Detections:
        found: Detections = self._results.get(self._at[i])
        return found

    def has(self, i: int) -> bool:
        """Whether anything is held of picture i."""
        return self._at[i] >= 0

    @property
    def each(self) -> Sequence[Detections]:
        """What was found, a picture each, in order."""
        return Each(len(self._at), self.get)
