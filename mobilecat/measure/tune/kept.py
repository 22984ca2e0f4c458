"""Candidates on disk: one file a picture, in a folder for each model and way of fitting pictures.

A file is whole or not there, so a sweep that was stopped goes on where it was. The folder may be
deleted at any time.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.disk.cache import cache_folder
from mobilecat.lanes import Lane
from mobilecat.measure.kept import drop_the_oldest, key_of
from mobilecat.measure.shards import nothing_in
from mobilecat.measure.tune.ranked import Ranked
from mobilecat.rows import ROWS

_FORM = 1
_MODELS = 16
"""Folders kept; beyond that, those used longest ago go."""


class Store:
    """The candidates of one lane of one bundle, by the SHA-256 of the picture's file."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self.folder = folder
        self._fresh = fresh
        self.problem = ""
        """Why nothing could be written, in words; the sweep goes on without."""

    def get(self, picture: str, floor: float) -> Ranked | None:
        """Return what is above `floor`; None where it is not kept, not so far down, or damaged."""
        ranked = None if self._fresh else self.whole(picture)
        return None if ranked is None or ranked.floor > floor else ranked.above(floor)

    def whole(self, picture: str) -> Ranked | None:
        """Return all that is kept of a picture; None where nothing is, or it is damaged."""
        try:
            with np.load(self.folder / f"{picture}.npz", allow_pickle=False) as found:
                return _read(found)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, picture: str, ranked: Ranked) -> None:
        """Keep `ranked`; a folder that cannot be written is no error."""
        temporary = self.folder / f".{picture}.{os.getpid()}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_bytes(ranked))
            temporary.replace(self.folder / f"{picture}.npz")
        except OSError as e:
            self.problem = f"{self.folder} cannot be written: {e.strerror}"
        finally:
            if temporary.is_file():
                temporary.unlink(missing_ok=True)


def merge(store: Store, folders: Sequence[Path]) -> None:
    """Take over what shards left in their caches; what is kept already stays.

    Errors: MobileCatError for a folder with nothing of this lane in it.
    """
    for folder in folders:
        there = Store(folder / store.folder.name)
        files = sorted(there.folder.glob("*.npz")) if there.folder.is_dir() else []
        found = [(f.stem, r) for f in files if (r := there.whole(f.stem)) is not None]
        if not found:
            raise nothing_in(folder)
        for picture, ranked in found:
            if store.get(picture, ranked.floor) is None:
                store.put(picture, ranked)


def open_store(
    bundle: Bundle, lane: Lane, folder: Path | None = None, fresh: bool = False
) -> Store:
    """Return the store of `lane` below `folder`, by default below the user's cache folder.

    fresh: it gives nothing of what it keeps.
    """
    root = folder or cache_folder() / "tune"
    home = root / f"{bundle.name}-{_key(bundle, lane)[:20]}"
    if folder is None:
        drop_the_oldest(root, {home}, _MODELS)
    return Store(home, fresh)


def _key(bundle: Bundle, lane: Lane) -> str:
    """Hash what candidates follow from: the model's bytes, its reading and decoding; of the NMS,
    whether a row is ranked once or with each of its classes, and how many compete."""
    spec, nms = bundle.spec, bundle.spec.effective_nms
    assert spec.input is not None
    pairs = {"pairs": True} if nms is not None and nms.selection == "pairs" else {}
    few = {"candidates": nms.candidates} if nms is not None and nms.candidates else {}
    said = {
        "form": _FORM,
        "model": lane.artifact.sha256 if lane.artifact else bundle.source.sha256,
        "shapes": {k: list(v) for k, v in sorted(bundle.source.shapes.items())},
        "import": spec.import_.model_dump(mode="json"),
        "input": spec.input.model_dump(mode="json"),
        "head": spec.head.model_dump(mode="json"),
        **pairs,
        **few,
    }
    return key_of(lane, said)


def _bytes(ranked: Ranked) -> bytes:
    arrays = {
        "floor": np.array(ranked.floor),
        "decoded": np.array(ranked.decoded, np.int64),
        "boxes": ranked.boxes_xyxy,
        "scores": ranked.scores,
        "class_ids": ranked.class_ids,
    }
    arrays |= ranked.rows
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _read(found: np.lib.npyio.NpzFile) -> Ranked:
    return Ranked(
        float(found["floor"]),
        int(found["decoded"]),
        found["boxes"],
        found["scores"],
        found["class_ids"],
        {name: found[name] for name in ROWS if name in found.files},
    )
