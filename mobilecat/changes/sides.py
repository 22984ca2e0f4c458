"""The old and the new: a bundle, a cascade, or one model file, and which artifacts are a pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mobilecat.bundle import FILE, ArtifactRecord, Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.inspection import Inspection
from mobilecat.formats.inspection import inspect_file


@dataclass(frozen=True)
class Side:
    """path: as it was named. bundle: its own, or the one that the file is an artifact of; None for
    a file on its own. folder: the bundle's. file: the one artifact that is meant, None for all.
    """

    path: Path
    folder: Path
    bundle: Bundle | None
    file: str | None = None

    @property
    def artifacts(self) -> tuple[ArtifactRecord, ...]:
        if self.bundle is None:
            return ()
        chosen = self.bundle.artifacts
        return chosen if self.file is None else (self.bundle.artifact(self.file),)

    @property
    def parts(self) -> dict[str, Side]:
        """The bundles that it is made of, by folder: itself as "", or the two of a cascade."""
        if not isinstance(self.bundle, CascadeBundle):
            return {"": self}
        return {
            home: Side(self.path / home, self.folder / home, part)
            for home, part in self.bundle.parts.items()
        }

    @cached_property
    def alone(self) -> Inspection:
        """What the file says; of a file on its own."""
        return inspect_file(self.path)

    @cached_property
    def sha256(self) -> str:
        """Of a file on its own."""
        return sha256_of(self.path)

    def inspected(self, record: ArtifactRecord) -> Inspection:
        """Return what an artifact's file holds."""
        return inspect_file(self.folder / record.file)

    def source_file(self, near: Side | None = None) -> Path | None:
        """Return the model file that was compiled; None where it is not there now.

        A bundle that was copied has lost the way to it: it is also looked for beside the bundle, in
        the folder above, and where `near` has its own. Only the very same bytes are taken.
        """
        if self.bundle is None:
            return None
        said = self.bundle.source
        own = self.folder / said.path
        places = [own]
        if own.name not in ("", ".."):
            places += [self.folder / own.name, self.folder.absolute().parent / own.name]
            if near is not None and near.bundle is not None:
                places.append((near.folder / near.bundle.source.path).parent / own.name)
        there = (p for p in places if p.exists() and sha256_of(p) == said.sha256)
        return next(there, None)

    def source(self, near: Side | None = None) -> Inspection | None:
        """Return what the model file holds that was compiled; None where it is not there now, or
        says nothing of its ops."""
        path = self.source_file(near)
        if path is None:
            return None
        try:
            found = inspect_file(path)
        except MobileCatError:
            return None
        return found if found.ops else None


def open_side(path: Path) -> Side:
    """Return what is at `path`. An artifact that lies in its bundle keeps that bundle's contract.

    Errors: ArtifactError or ModelError where it is missing, damaged or of no known kind.
    """
    if path.is_dir() and (path / FILE).is_file():
        return Side(path, path, open_any(path))
    if path.exists() and (path.parent / FILE).is_file():
        bundle = open_any(path.parent)
        if any(a.file == path.name for a in bundle.artifacts):
            return Side(path, path.parent, bundle, path.name)
    side = Side(path, path.parent, None)
    _ = side.alone
    return side


def require_alike(old: Side, new: Side) -> None:
    """Raise MobileCatError where a bundle is held to a file that says nothing of a contract, or a
    cascade to a bundle."""
    kinds = [_kind(s) for s in (old, new)]
    if kinds[0] != kinds[1]:
        what = f"{old.path} is {kinds[0]}, {new.path} is {kinds[1]}"
        fix = "name two bundles, two cascades, two artifacts of bundles, or two files"
        raise MobileCatError("These cannot be compared", [Problem(what, fix=fix)])


def _kind(side: Side) -> str:
    if side.bundle is None:
        return "a file in no bundle"
    if isinstance(side.bundle, CascadeBundle):
        return "a cascade"
    return "an artifact of a bundle" if side.file else "a bundle"


Pair = tuple[ArtifactRecord | None, ArtifactRecord | None]


def paired(old: Sequence[ArtifactRecord], new: Sequence[ArtifactRecord]) -> list[Pair]:
    """Return which artifact took the place of which; None for what was added or is gone.

    By file name first, then by what they are. One against one is a pair whatever they are.
    """
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    mine, theirs = list(old), list(new)
    pairs: list[Pair] = []
    for key in _KEYS:
        for a in list(mine):
            b = next((b for b in theirs if key(a) == key(b)), None)
            if b is not None:
                pairs.append((a, b))
                mine.remove(a)
                theirs.remove(b)
    order = {a.file: i for i, a in enumerate(old)}
    pairs.sort(key=lambda p: order[p[0].file] if p[0] else 0)
    return [*pairs, *((a, None) for a in mine), *((None, b) for b in theirs)]


_KEYS: tuple[Callable[[ArtifactRecord], object], ...] = (
    lambda r: r.file,
    lambda r: (r.kind, r.format, r.contract, r.precision),
    lambda r: (r.kind, r.format, r.contract),
    lambda r: (r.kind, r.format),
)
