"""What was measured, on disk: a candidate's record, a layer's errors, each a file of its own.

What a picture showed lies beside it, in `measure`'s own store, by the artifact's hash and the
picture's; a fresh run believes none of that either. So a run that is killed loses the candidate
that it was at, and a second run of the same spec measures nothing. The folder may be deleted at any
time.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mobilecat.disk import write_text
from mobilecat.disk.cache import cache_folder
from mobilecat.disk.origin import code_sha256
from mobilecat.measure.kept import NOT_PASSED


class Kept:
    """JSON values by the hash of what they follow from.

    fresh: believe none that were there before. A fresh run that is stopped goes on where it was, as
    fresh, when the same work is asked for again without it. of: what names that work.
    """

    def __init__(self, folder: Path | None = None, fresh: bool = False, of: str = "") -> None:
        self.root = folder or cache_folder() / "compress"
        self.problem = ""
        """Why nothing could be written, in words; the work goes on without."""
        name = hashlib.sha256(of.encode()).hexdigest()[:32]
        self._mark = self.root / "fresh" / f"{name}.json"
        self.since = self._begin_anew() if fresh else self._begun()
        """What was written before is not believed: seconds, on the clock of that disk."""

    def _begin_anew(self) -> float:
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._mark, "{}\n")
        except OSError as e:
            self.problem = f"{self._mark.parent} cannot be written: {e.strerror}"
            return math.inf
        return self._begun()

    def _begun(self) -> float:
        try:
            return self._mark.stat().st_mtime
        except OSError:
            return 0.0

    def finished(self) -> None:
        """The work is done: what a fresh run has written is believed, and so is what it has not."""
        with suppress(OSError):
            self._mark.unlink(missing_ok=True)

    @property
    def results(self) -> Path:
        """Where detections lie, a folder a lane."""
        return self.root / "results"

    def get(self, kind: str, said: Mapping[str, Any]) -> Any:
        """Return what was kept; None where nothing was, or it is damaged."""
        file = self._file(kind, said)
        try:
            if file.stat().st_mtime < self.since:
                return None
            return json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def put(self, kind: str, said: Mapping[str, Any], value: Any) -> None:
        """Keep `value`; a folder that cannot be written is no error."""
        file = self._file(kind, said)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, json.dumps(value) + "\n")
        except OSError as e:
            self.problem = f"{file.parent} cannot be written: {e.strerror}"

    def _file(self, kind: str, said: Mapping[str, Any]) -> Path:
        whole = json.dumps({"code": code_sha256(_NOT_PASSED), **said}, sort_keys=True, default=str)
        return self.root / kind / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.json"


_NOT_PASSED = tuple(room for room in NOT_PASSED if room not in ("compile", "compression"))
"""Rooms that a recipe's file and its accuracy do not pass through: those that write it count."""
