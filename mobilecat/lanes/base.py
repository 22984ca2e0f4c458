"""What every runner does, and which runner executes which artifact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.disk.near import nearest
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.formats.table import FORMATS
from mobilecat.lanes.scalars import with_scalars

# The plainest first, as a user is told them.
_ENGINES = {e.runner: (e, f) for f in reversed(FORMATS.values()) for e in f.engines}
RUNNERS = {
    "source": "the original model in onnxruntime, pre- and post-processing in numpy",
    **{runner: engine.says for runner, (engine, _) in _ENGINES.items()},
}


@dataclass(frozen=True, repr=False)
class Lane:
    """One runner with one artifact. `source` has none."""

    runner: str
    artifact: ArtifactRecord | None = None

    def __repr__(self) -> str:
        return f"Lane({self.name!r})"

    @property
    def taps(self) -> bool:
        """Whether the engine gives inner values."""
        return self.artifact is None or _ENGINES[self.runner][0].taps

    @property
    def apples(self) -> bool:
        """Whether the engine is Apple's own, which only a Mac has."""
        return self.artifact is not None and _ENGINES[self.runner][0].apples

    @property
    def slow(self) -> bool:
        """Whether a run takes seconds: then one picture is enough unless somebody asks for all."""
        return self.artifact is not None and _ENGINES[self.runner][0].slow

    @cached_property
    def name(self) -> str:
        """`tflite:yunet.tflite`; `source`."""
        return f"{self.runner}:{self.artifact.file}" if self.artifact else self.runner


def lanes_of(
    bundle: Bundle, runner: str | None = None, artifact: str | None = None, *, slow: bool = True
) -> list[Lane]:
    """Return the lanes of a bundle, all or those of one runner or artifact file.

    slow: with engines that take seconds a picture; one that `runner` names is there in any case.
    Errors: MobileCatError where the names give none.
    """
    if runner is not None and runner not in RUNNERS:
        fix = nearest(runner, RUNNERS) or f"one of {', '.join(RUNNERS)}"
        raise MobileCatError("No such runner", [Problem(f"{runner!r}", fix=fix)])
    chosen = list(bundle.artifacts) if artifact is None else [bundle.artifact(artifact)]
    lanes = [Lane("source")] if artifact is None else []
    lanes += [Lane(r, a) for a in chosen for r, (_, f) in _ENGINES.items() if a.kind == f.name]
    lanes = [lane for lane in lanes if runner in (None, lane.runner)]
    lanes = [lane for lane in lanes if slow or runner or not lane.slow]
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
    if lane.artifact is None:
        from mobilecat.lanes.source import open_source

        return open_source(folder, bundle, source)
    engine, _ = _ENGINES[lane.runner]
    runner: Runner = engine.open(folder / lane.artifact.file, lane.artifact)
    runner = as_tensors(runner, lane.artifact, bundle)
    return runner if engine.scalars else with_scalars(runner, bundle)


def as_tensors(runner: Runner, record: ArtifactRecord, bundle: Bundle) -> Runner:
    """Return a runner that gives the tensor contract, whatever the artifact's own is."""
    read: Runner = runner
    for contract in FORMATS[record.kind].contracts:
        if record.contract == contract.name:
            read = contract.as_tensors(runner, bundle)
    return read
