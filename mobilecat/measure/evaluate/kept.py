"""Detections on disk: one file a picture, in a folder for each lane and way of reading pictures.

A file is whole or not there, so a run that was killed goes on where it was. The folder may be
deleted at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk import write_text
from mobilecat.disk.cache import cache_folder
from mobilecat.lanes import Lane
from mobilecat.measure.kept import drop_the_oldest, key_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.masks import read_masks

_LANES = 64
"""Folders kept; beyond that, those used longest ago go."""


@dataclass(frozen=True)
class Result:
    """What a lane found in one picture. engine: the runner's note. seconds: of its inference."""

    found: Detections
    engine: str
    seconds: float | None = None


class Store:
    """The results of one lane, by the SHA-256 of the picture (and of the boxes it was given).

    since: what was kept before is not believed, in seconds on the clock of that disk.
    """

    def __init__(self, folder: Path, since: float = 0.0) -> None:
        self.folder, self._since = folder, since
        self.problem = ""
        """Why nothing could be written, in words; the run goes on without."""

    def get(self, picture: str) -> Result | None:
        """Return what is kept; None where nothing is, or it is damaged or too old."""
        try:
            if self._since and self._file(picture).stat().st_mtime < self._since:
                return None
            data = json.loads(self._file(picture).read_text("utf-8"))
            return _result(data)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, picture: str, result: Result) -> None:
        """Keep `result`, exactly; a folder that cannot be written is no error."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self._file(picture), json.dumps(_json(result)) + "\n", kept=True)
        except OSError as e:
            self.problem = f"{self.folder} cannot be written: {e.strerror}"

    def _file(self, picture: str) -> Path:
        return self.folder / f"{picture}.json"


def open_stores(
    bundle: Bundle, lanes: Iterable[Lane], folder: Path | None = None, since: float = 0.0
) -> dict[str, Store]:
    """Return a store a lane below `folder`, by default in the user's cache folder; see `Store`."""
    root = folder or cache_folder() / "evaluate"
    stores = {
        lane.name: Store(root / f"{bundle.name}-{_key(bundle, lane)[:20]}", since) for lane in lanes
    }
    if folder is None:
        drop_the_oldest(root, {s.folder for s in stores.values()}, _LANES)
    return stores


def _key(bundle: Bundle, lane: Lane) -> str:
    """Hash what detections follow from: artifact, reading, decoding, NMS, the code and engines."""
    said: dict[str, Any] = {
        "artifact": _without_place(lane),
        "source": bundle.source.model_dump(mode="json", exclude={"path"}),
        "spec": _spec(bundle),
    }
    if isinstance(bundle, CascadeBundle):
        said["cascade"] = bundle.file.model_dump(mode="json", include={"cascade", "crop"})
        parts = [p for p in (bundle.detector, bundle.landmark_model) if p is not None]
        said["parts"] = [
            [_spec(p), p.source.model_dump(mode="json", exclude={"path"})] for p in parts
        ]
    return key_of(lane, said)


def _spec(bundle: Bundle) -> dict[str, Any]:
    spec = bundle.spec
    nms = spec.effective_nms
    return {
        "input": spec.input.model_dump(mode="json") if spec.input else None,
        "head": spec.head.model_dump(mode="json"),
        "nms": nms.model_dump(mode="json") if nms else None,
        "import": spec.import_.model_dump(mode="json"),
    }


def _without_place(lane: Lane) -> dict[str, Any] | None:
    return (
        lane.artifact.model_dump(mode="json", exclude={"file", "lints"}) if lane.artifact else None
    )


def _json(result: Result) -> dict[str, Any]:
    found = result.found
    return {
        "engine": result.engine,
        "seconds": result.seconds,
        "boxes_xyxy": found.boxes_xyxy.tolist(),
        "scores": found.scores.tolist(),
        "class_ids": found.class_ids.tolist(),
        "rows": {k: {"shape": list(v.shape), "values": v.tolist()} for k, v in found.rows.items()},
        "masks": None if found.masks is None else [found.masks.told(i) for i in range(len(found))],
    }


def _result(data: dict[str, Any]) -> Result:
    n = len(data["scores"])
    rows = {
        name: np.array(told["values"], dtype=np.float64).reshape(told["shape"])
        for name, told in data["rows"].items()
    }
    found = Detections(
        np.array(data["boxes_xyxy"], dtype=np.float64).reshape(n, 4),
        np.array(data["scores"], dtype=np.float64),
        np.array(data["class_ids"], dtype=np.int64),
        rows,
        read_masks(data["masks"]) if data["masks"] else None,
    )
    return Result(found, data["engine"], data.get("seconds"))
