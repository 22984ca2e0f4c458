"""What every runner does, and which runner executes which artifact."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import Runner

RUNNERS = {
    "source": "the original model in onnxruntime, pre- and post-processing in numpy",
    "onnx": "the .onnx artifact in onnxruntime",
    "tflite": "the .tflite artifact in LiteRT",
    "coreml": "the Core ML artifacts in mobilecat.runtime, on any machine",
    "coreml-native": "the Core ML artifacts in Apple's own runtime, on macOS",
}
_MODULES = {
    "source": "mobilecat.lanes.source",
    "onnx": "mobilecat.formats.onnx.run",
    "tflite": "mobilecat.formats.tflite.run",
    "coreml": "mobilecat.formats.coreml.run",
    "coreml-native": "mobilecat.formats.coreml.native",
}
_KINDS = {"onnx": "onnx", "tflite": "tflite", "coreml": "coreml", "coreml-native": "coreml"}


@dataclass(frozen=True)
class Lane:
    """One runner with one artifact. `source` has none."""

    runner: str
    artifact: ArtifactRecord | None = None

    @property
    def name(self) -> str:
        """`tflite:yunet.tflite`; `source`."""
        return f"{self.runner}:{self.artifact.file}" if self.artifact else self.runner


def lanes_of(bundle: Bundle, runner: str | None = None, artifact: str | None = None) -> list[Lane]:
    """Return the lanes of a bundle, all or those of one runner or artifact file.

    Errors: MobileCatError where the names give none.
    """
    if runner is not None and runner not in RUNNERS:
        raise MobileCatError(
            "No such runner", [Problem(f"{runner!r}", fix=f"one of {', '.join(RUNNERS)}")]
        )
    chosen = list(bundle.artifacts) if artifact is None else [bundle.artifact(artifact)]
    lanes = [Lane("source")] if artifact is None else []
    lanes += [Lane(r, a) for a in chosen for r, kind in _KINDS.items() if a.kind == kind]
    lanes = [lane for lane in lanes if runner in (None, lane.runner)]
    if not lanes:
        raise MobileCatError(
            "Nothing to run",
            [
                Problem(
                    f"the bundle has no artifact for runner {runner!r}",
                    fix=f"it has {', '.join(a.file for a in bundle.artifacts)}",
                )
            ],
        )
    return lanes


def open_lane(folder: Path, bundle: Bundle, lane: Lane, source: Path | None = None) -> Runner:
    """Load what `lane` runs; NotRun with the reason where this machine cannot.

    `source` overrides where the bundle says its source model lies.
    """
    from mobilecat.bundle.cascade import CascadeBundle

    if isinstance(bundle, CascadeBundle):
        from mobilecat.lanes.cascade import open_cascade

        return open_cascade(folder, bundle, lane, source)
    module = import_module(_MODULES[lane.runner])
    if lane.artifact is None:
        return cast(Runner, module.open_source(folder, bundle, source))
    runner = cast(Runner, module.open_artifact(folder / lane.artifact.file, lane.artifact))
    if lane.artifact.contract == "vision":
        from mobilecat.formats.coreml.vision_tensors import VisionAsTensors

        return VisionAsTensors(runner, bundle)
    if lane.artifact.contract == "detection":
        from mobilecat.formats.tflite.detection_tensors import DetectionAsTensors

        return DetectionAsTensors(runner, bundle)
    return runner
