"""Shards, for a batch queue: every n-th picture, and what each shard left in its cache."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.datasets import Labelled

_SHARD = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


def shard_of(text: str) -> tuple[int, int]:
    """Return (i, n) of `2/5`, the second of five; MobileCatError where it is none."""
    found = _SHARD.fullmatch(text.strip())
    i, n = (int(found[1]), int(found[2])) if found else (1, 0)
    if i > n:
        said = Problem(f"{text!r:.40} is no shard", "--shard", "write 2/5: the second of five")
        raise MobileCatError("Which pictures?", [said])
    return i, n


def shard(pictures: Sequence[Labelled], text: str | None) -> Sequence[Labelled]:
    """Return every n-th picture, from the i-th on; all of them for None."""
    if text is None:
        return pictures
    i, n = shard_of(text)
    mine = pictures[i - 1 :: n]
    if not mine:
        said = Problem(f"there are {len(pictures)} pictures", "--shard", "take fewer shards")
        raise MobileCatError("This shard has no picture", [said])
    return mine


def in_no_shard(ran: Mapping[str, int], pictures: int) -> list[str]:
    """Say what shards had left out. ran: lane → how many of the pictures ran after the merge."""
    missing = {lane: n for lane, n in ran.items() if n}
    if not missing:
        return []
    most = max(missing.values())
    told = "1 picture was" if most == 1 else f"{most} pictures were"
    of = "" if len(set(ran.values())) == 1 else f" for {', '.join(missing)}"
    return [f"{told} in no merged shard{of}, of {pictures} in all, and ran now"]


def nothing_in(folder: Path) -> MobileCatError:
    """Return the error for a cache with nothing of this bundle in it."""
    what = "holds no result of this bundle's lanes"
    fix = "name the --cache of a shard of the same bundle"
    return MobileCatError("Nothing to merge", [Problem(what, str(folder), fix)])
