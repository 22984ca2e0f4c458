"""The .onnx artifact in onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.graph import Array
from mobilecat.importers.onnx_file import read_onnx
from mobilecat.runners.base import Runner
from mobilecat.runners.ort import OrtModel


class OnnxRunner:
    note = "onnxruntime, float32"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        self._model = OrtModel(read_onnx(path))
        self._record = record

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        feeds = artifact_inputs(inputs, record)
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        found = self._model.run(feeds, list(wanted.values()))
        return {k: found[v] for k, v in {**record.outputs, **wanted}.items() if v in found}


def artifact_inputs(inputs: Mapping[str, Array], record: ArtifactRecord) -> dict[str, Array]:
    """Return the artifact's inputs by its own names: the picture's bytes [H,W,C] as the [1,H,W,C]
    tensor that it takes, others unchanged."""
    feeds = {record.inputs[k]: v for k, v in inputs.items()}
    if record.image in ("uint8", "float32"):
        feeds[record.inputs["image"]] = inputs["image"][None].astype(record.image)
    return feeds


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    return OnnxRunner(path, record)
