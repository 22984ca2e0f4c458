"""Values that grow with the data, on disk: of each only its place is held."""

from __future__ import annotations

import pickle
import tempfile
import threading
from typing import Any

IN_MEMORY = 1 << 20
"""Bytes, from which on the values lie in a file that nobody else sees."""


class Spill:
    """Values of this process, held exactly. Several threads may put and get."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._end = 0
        self._busy = threading.Lock()

    def put(self, value: Any) -> int:
        """Hold a value; return its place."""
        data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        with self._busy:
            at = self._end
            self._file.seek(at)
            self._file.write(data)
            self._end += len(data)
        return at

    def get(self, at: int) -> Any:
        """Return the value at a place."""
        with self._busy:
            self._file.seek(at)
            return pickle.load(self._file)  # our own, of this process
