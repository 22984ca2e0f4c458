"""Engines that one verb opened, for the next one: a bundle that is open lends them.

A lane has one engine at most, which goes when its file, the contract, or the source model is
another: what was opened is believed only as long as all its bytes are the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.disk import sha256_of
from mobilecat.foreign import engine_threads
from mobilecat.lanes import open_lane

if TYPE_CHECKING:
    from mobilecat.bundle import Bundle
    from mobilecat.judge.observe import Opener
    from mobilecat.lanes import Lane, Runner


class Lent:
    """An opener of lanes that opens each once, and again where something about it has changed."""

    opener = staticmethod(open_lane)

    def __init__(self) -> None:
        self._held: dict[str, tuple[tuple[object, ...], Runner]] = {}
        self._busy = threading.Lock()

    def __call__(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
        from mobilecat.bundle.cascade import CascadeBundle

        if isinstance(bundle, CascadeBundle):
            return open_lane(folder, bundle, lane, source)
        file = source or folder / bundle.source.path
        if lane.artifact is not None:
            file = folder / lane.artifact.file
        if not file.exists():
            return open_lane(folder, bundle, lane, source)  # which says what is missing
        about = (file.absolute(), sha256_of(file), bundle.model_dump_json(), engine_threads())
        known = self._held.get(lane.name)
        if known is None or known[0] != about:
            self._held.pop(lane.name, None)  # before the next one takes its memory
            self._held[lane.name] = known = about, open_lane(folder, bundle, lane, source)
        return known[1]

    @contextmanager
    def lending(self) -> Iterator[Opener]:
        """Give this opener, to one verb at a time: an engine takes one picture at a time. Where
        another is at work already, engines of its own are opened."""
        mine = self._busy.acquire(blocking=False)
        try:
            yield self if mine else open_lane
        finally:
            if mine:
                self._busy.release()


@contextmanager
def opener_of(bundle: object) -> Iterator[Opener]:
    """Give what opens a bundle's lanes for a verb: of one that is open, what it has already."""
    lent = getattr(bundle, "lent", None)
    if isinstance(lent, Lent):
        with lent.lending() as opener:
            yield opener
    else:
        yield open_lane
