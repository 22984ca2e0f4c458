"""The Core ML artifacts in our own runtime, on any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.foreign import engine_threads
from mobilecat.formats.base.runner import NO_PLACE, NotRun, Runner
from mobilecat.formats.coreml.runtime.interface import Feature
from mobilecat.formats.coreml.runtime.model import Precision
from mobilecat.formats.coreml.runtime.values import Restore
from mobilecat.graph import Array


class CoreMLRunner:
    """restore: what float16 weights were rounded from; the program then runs without rounding."""

    def __init__(self, path: Path, record: ArtifactRecord, restore: Restore | None = None) -> None:
        from mobilecat.formats.coreml import runtime

        self._model = runtime.load(
            path,
            precision="float32" if restore else _arithmetic(record),
            restore=restore,
            threads=engine_threads(),
        )
        self._record = record
        self.note = f"mobilecat.runtime (not Apple's), {self._model.precision}"

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        found = self._model.predict(coreml_inputs(inputs, record), taps=list(wanted.values()))
        names = {**record.outputs, **wanted}
        return {k: np.asarray(found[v]) for k, v in names.items() if v in found}


def _arithmetic(record: ArtifactRecord) -> Precision | None:
    """Return how a float16 program is computed.

    By default in float32 on its float16 weights, which no overflow can be seen in: where values
    came near the end of float16 at export, every result is rounded to it, as a phone would.
    """
    return "float16-exact" if record.peak is not None else None


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


def open_unrounded(path: Path, record: ArtifactRecord, restore: Restore) -> Runner:
    """Load a float16 artifact with its weights as they were before they were rounded."""
    return CoreMLRunner(path, record, restore)


class CutCoreML:
    """The end of an artifact, fed at inner values, in float32 without rounding."""

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        from mobilecat.formats.coreml import runtime

        self._model = runtime.load(path, precision="float32", threads=engine_threads())
        self._record = record
        self.note = "mobilecat.runtime (not Apple's), float32, fed at inner values"

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        given = {record.taps[n]: v for n, v in inputs.items()}
        wanted = {t: record.taps[t] for t in taps if t in record.taps and t not in inputs}
        blank = {f.name: _blank(f) for f in self._model.inputs if not f.optional}
        found = self._model.predict(blank, taps=list(wanted.values()), given=given)
        names = {**record.outputs, **wanted}
        return {k: np.asarray(found[v]) for k, v in names.items() if v in found}


def _blank(feature: Feature) -> Any:
    """Return what fills an input that nothing reads."""
    if feature.kind != "image":
        return np.zeros(feature.shape, np.float32)
    from PIL import Image

    return Image.new("L" if feature.color.startswith("GRAY") else "RGB", feature.size_wh)


def open_cut(path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> Runner:
    if not set(given) <= set(record.taps):
        raise NotRun(NO_PLACE)
    return CutCoreML(path, record)
