"""What grows with the pictures, held so that memory does not: made when asked for, or on disk."""

from __future__ import annotations

import pickle
import tempfile
import threading
from array import array
from collections.abc import Sequence

from mobilecat.measure.datasets.packed import Each
from mobilecat.pictures.detections import Detections

IN_MEMORY = 1 << 20
"""Bytes of a lane's results, from which on they lie in a file that nobody else sees."""


class Found:
    """What a lane found in each picture, by its place. Several threads may put."""

    def __init__(self, pictures: int) -> None:
        self._at = array("q", [-1]) * pictures
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._end = 0
        self._busy = threading.Lock()
        self.seconds = array("d")
        """Of the inferences, as far as they are known."""
        self.engine = ""

    def put(self, i: int, found: Detections, engine: str, seconds: float | None) -> None:
        """Hold what was found in picture i, exactly."""
        data = pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
        with self._busy:
            self._file.seek(self._end)
            self._file.write(data)
            self._at[i] = self._end
            self._end += len(data)
            self.engine = self.engine or engine
            if seconds is not None:
                self.seconds.append(seconds)

    def get(self, i: int) -> Detections:
        with self._busy:
            self._file.seek(self._at[i])
            found: Detections = pickle.load(self._file)  # our own, of this process
        return found

    @property
    def missing(self) -> set[int]:
        """The places of pictures that nothing is held of."""
        return {i for i, at in enumerate(self._at) if at < 0}

    @property
    def each(self) -> Sequence[Detections]:
        """What was found, a picture each, in order."""
        return Each(len(self._at), self.get)
