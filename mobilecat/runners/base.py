"""What every runner does, and which runner executes which artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.graph import Array

RUNNERS = {
    "source": "the original model in onnxruntime, pre- and post-processing in numpy",
    "onnx": "the .onnx artifact in onnxruntime",
    "tflite": "the .tflite artifact in LiteRT",
    "coreml": "the Core ML artifacts in mobilecat.runtime, on any machine",
    "coreml-native": "the Core ML artifacts in Apple's own runtime, on macOS",
}
_KINDS = {"onnx": "onnx", "tflite": "tflite", "coreml": "coreml", "coreml-native": "coreml"}


class NotRun(Exception):
    """This runner cannot run here. The message says why; reports print it as NOT_RUN."""


class Runner(Protocol):
    """An artifact, loaded.

    note: what a report must say of the engine, e.g. its arithmetic.
    """

    note: str

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        """Return the outputs by the bundle's names, with the inner values `taps` besides.

        One that the artifact does not have is left out; validation misses it.

        inputs: `image` uint8 [H,W,C], RGB or one grey channel; or, for a bundle without picture
        input, the network's own tensors by name.
        """


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
    from mobilecat.cascade.contract import CascadeBundle

    if isinstance(bundle, CascadeBundle):
        from mobilecat.cascade.runner import open_cascade

        return open_cascade(folder, bundle, lane, source)
    module = import_module(f"mobilecat.runners.{lane.runner.replace('-', '_')}")
    if lane.artifact is None:
        return cast(Runner, module.open_source(folder, bundle, source))
    runner = cast(Runner, module.open_artifact(folder / lane.artifact.file, lane.artifact))
    if lane.artifact.contract == "vision":
        from mobilecat.runners.vision import VisionAsTensors

        return VisionAsTensors(runner, bundle)
    if lane.artifact.contract == "detection":
        from mobilecat.runners.detection import DetectionAsTensors

        return DetectionAsTensors(runner, bundle)
    return runner
