"""A bundle and its engines in a worker's process: each opened once, however many tasks come."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import open_any
from mobilecat.errors import Problem, WorkersError
from mobilecat.formats.base.runner import Runner
from mobilecat.lanes.base import Lane, open_lane
from mobilecat.spread import opened


@dataclass(frozen=True)
class Home:
    """A bundle as a task names it. seal: of the one that is meant, whatever lies there by now.

    source: the source model's file, where it is not the one that the bundle names.
    """

    folder: str
    seal: str
    source: str | None

    @property
    def key(self) -> str:
        return f"{self.folder} {self.seal}"

    @property
    def source_file(self) -> Path | None:
        return Path(self.source) if self.source else None


def home_of(folder: Path, bundle: Bundle, source: Path | None) -> Home:
    """Return how a task names this bundle, by absolute paths."""
    return Home(str(folder.resolve()), _seal(bundle), str(source.resolve()) if source else None)


def bundle_at(home: Home) -> Bundle:
    """Open the bundle; WorkersError where another one is there."""

    def made() -> Bundle:
        found = open_any(Path(home.folder))
        if _seal(found) != home.seal:
            what = "is not the bundle that this run began with"
            fix = "leave it as it is until the run ends; on other machines, copy it anew"
            raise WorkersError("Another bundle", [Problem(what, home.folder, fix)])
        return found

    found: Bundle = opened(home.key, ("bundle",), made)
    return found


def engine_at(home: Home, lane: Lane) -> tuple[Runner, threading.Lock]:
    """Open a lane's engine; one thread at a time may use it, which holds the lock. NotRun."""
    bundle = bundle_at(home)

    def made() -> tuple[Runner, threading.Lock]:
        engine = open_lane(Path(home.folder), bundle, lane, home.source_file)
        return engine, threading.Lock()

    found: tuple[Runner, threading.Lock] = opened(
        home.key, ("lane", lane.name, home.source or ""), made
    )
    return found


def _seal(bundle: Bundle) -> str:
    return str(bundle.seal or bundle.spec_sha256)
