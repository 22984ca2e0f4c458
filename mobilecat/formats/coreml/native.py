"""The Core ML artifacts in Apple's runtime: macOS only, through coremltools' predict."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.coreml.run import coreml_inputs
from mobilecat.graph import Array


class CoreMLNativeRunner:
    note = "Core ML on this Mac, all compute units"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        import coremltools as ct

        self._model = ct.models.MLModel(str(path))
        self._record = record

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = self._model.predict(coreml_inputs(inputs, self._record))
        names = self._record.outputs
        return {k: np.asarray(found[v]) for k, v in names.items() if v in found}


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    if platform.system() != "Darwin":
        raise NotRun(f"Core ML itself runs on macOS only; this is {platform.system()}")
    return CoreMLNativeRunner(path, record)
