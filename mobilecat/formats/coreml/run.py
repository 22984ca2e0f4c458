"""The Core ML artifacts in our own runtime, on any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array


class CoreMLRunner:
    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        from mobilecat.formats.coreml import runtime

        self._model = runtime.load(path)
        self._record = record
        self.note = f"mobilecat.runtime (not Apple's), {self._model.precision}"

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        found = self._model.predict(coreml_inputs(inputs, record), taps=list(wanted.values()))
        names = {**record.outputs, **wanted}
        return {k: np.asarray(found[v]) for k, v in names.items() if v in found}


def coreml_inputs(inputs: Mapping[str, Array], record: ArtifactRecord) -> dict[str, Any]:
    """Return the inputs as Core ML takes them: a PIL picture, or arrays."""
    if record.image != "pixels":
        return {record.inputs[k]: v for k, v in inputs.items()}
    from PIL import Image

    return {
        record.inputs[k]: Image.fromarray(v[..., 0] if v.shape[-1] == 1 else v)
        for k, v in inputs.items()
    }


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    return CoreMLRunner(path, record)
