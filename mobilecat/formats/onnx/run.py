"""The .onnx artifact in onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.runner import Runner, artifact_inputs
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import arrays_of, read_light
from mobilecat.graph import Array


class OnnxRunner:
    note = "onnxruntime, float32"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        proto, places = read_light(path)
        self._model = OrtModel(proto, arrays=arrays_of(proto, places, path))
        self._record = record

    def load(self) -> None:
        self._model.load()

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        feeds = artifact_inputs(inputs, record)
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        found = self._model.run(feeds, list(wanted.values()))
        return {k: found[v] for k, v in {**record.outputs, **wanted}.items() if v in found}


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    runner = OnnxRunner(path, record)
    runner.load()
    return runner
