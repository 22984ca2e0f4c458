"""The .aimodel artifact in Core AI itself: macOS 27, through coreai-core's bindings of it."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.coreai.read.package import missing, read_package
from mobilecat.formats.coreai.run import named
from mobilecat.graph import Array

MINIMUM = 27
ENTRY = "main"


class CoreAINativeRunner:
    note = "Core AI on this Mac, default options"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        from coreai.runtime import AIModel

        read_package(path, strict=True)
        self._function = asyncio.run(AIModel.load(path)).load_function(ENTRY)
        self._record = record

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        from coreai.runtime import NDArray

        record = self._record
        feeds: dict[str, Any] = {
            record.inputs[k]: _picture(v)
            if k == "image" and record.image == "bgra"
            else NDArray(np.asarray(v, order="C"))
            for k, v in inputs.items()
        }
        found: dict[str, Any] = dict(asyncio.run(self._function(feeds)))
        return named({k: np.array(v.numpy()) for k, v in found.items()}, record, {})


def _picture(pixels: Array) -> Any:
    """Return a PIL picture, of which coreai-core makes the pixel buffer that the input takes."""
    from PIL import Image

    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0]).convert("RGBA")


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    if platform.system() != "Darwin":
        raise NotRun(f"Core AI itself runs on macOS {MINIMUM} only; this is {platform.system()}")
    if int(platform.mac_ver()[0].partition(".")[0] or 0) < MINIMUM:
        raise NotRun(f"Core AI came with macOS {MINIMUM}; this is {platform.mac_ver()[0]}")
    if reason := missing():
        raise NotRun(reason)
    return CoreAINativeRunner(path, record)
