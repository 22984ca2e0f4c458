"""What every lane gave, kept on disk: judged again under other tolerances, without any model.

    RESULTS/
        saved.json           which bundle; per lane its engine, and one run an input
        onnx@yunet.onnx/     0.npz, 1.npz …: the tensors of one run each

A run belongs to the SHA-256 of the very tensors that the lane was fed. Where a picture, its fit or
a seed has changed since, there is no such run, and the lane is NOT_RUN on it.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from mobilecat.bundle import Bundle
from mobilecat.disk import new_folder, read_text, sha256_of
from mobilecat.disk.arrays import read_arrays
from mobilecat.errors import ArtifactError, MobileCatError, Problem, reason
from mobilecat.golden.store import lane_file
from mobilecat.graph import Array
from mobilecat.judge.observe import Opener
from mobilecat.judge.result import now
from mobilecat.lanes import Lane, NotRun, Runner, open_lane
from mobilecat.value import FilePath

FILE = "saved.json"


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(Value):
    """Why a lane was not loaded, or gave nothing."""

    verdict: Literal["NOT_RUN", "FAIL"]
    detail: str


class Run(Value):
    """tensors: name → key in `file`. taps: those that are inner values, given only when asked."""

    inputs_sha256: str
    file: FilePath | Literal[""] = ""
    sha256: str = ""
    tensors: dict[str, str] = {}
    taps: tuple[str, ...] = ()
    refused: Refusal | None = None


class LaneResults(Value):
    lane: str
    artifact_sha256: str | None
    engine: str = ""
    refused: Refusal | None = None
    runs: tuple[Run, ...] = ()


class ResultsFile(Value):
    """saved.json."""

    schema_version: Literal[1] = 1
    bundle: str
    source_sha256: str
    spec_sha256: str
    versions: dict[str, str]
    platform: str
    at: str
    lanes: tuple[LaneResults, ...]


def inputs_digest(inputs: Mapping[str, Array]) -> str:
    """Return the SHA-256 of named tensors: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(inputs):
        tensor = np.ascontiguousarray(inputs[name])
        digest.update(f"{name}\0{tensor.dtype.str}\0{list(inputs[name].shape)}\0".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


@dataclass
class Recorder:
    """An opener of lanes that writes down what they give."""

    folder: Path
    opener: Opener
    bundle: Bundle | None = None
    lanes: dict[str, LaneResults] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds a picture, by lane: of this run, and never kept."""

    def __call__(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
        self.bundle = bundle
        record = LaneResults(lane=lane.name, artifact_sha256=_artifact(lane))
        try:
            engine = self.opener(folder, bundle, lane, source)
        except Exception as e:
            self.lanes[lane.name] = record.model_copy(update={"refused": refusal_of(e)})
            raise
        self.lanes[lane.name] = record.model_copy(update={"engine": engine.note})
        return _Recording(self, lane, engine)

    def add(self, lane: str, run: Run) -> None:
        record = self.lanes[lane]
        self.lanes[lane] = record.model_copy(update={"runs": (*record.runs, run)})

    @property
    def saved(self) -> Saved:
        """Return what is written so far, for reading."""
        return Saved(self.folder, self.results())

    def results(self) -> ResultsFile:
        assert self.bundle is not None, "nothing has been opened"
        return ResultsFile(
            bundle=self.bundle.name,
            source_sha256=self.bundle.source.sha256,
            spec_sha256=self.bundle.spec_sha256,
            versions=self.bundle.versions,
            platform=platform.platform(),
            at=now(),
            lanes=tuple(self.lanes.values()),
        )


class _Recording:
    def __init__(self, recorder: Recorder, lane: Lane, engine: Runner) -> None:
        self._to, self._lane, self.inner = recorder, lane, engine
        self.note = engine.note

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        name, digest = self._lane.name, inputs_digest(inputs)
        count = len(self._to.lanes[name].runs)
        start = perf_counter()
        try:
            given = self.inner.infer(inputs, taps)
        except Exception as e:
            self._to.add(name, Run(inputs_sha256=digest, refused=refusal_of(e)))
            raise
        self._to.times.setdefault(name, []).append((perf_counter() - start) * 1e3)
        keys = {n: str(k) for k, n in enumerate(given)}
        file = f"{lane_file(name)}/{count}.npz"
        path = self._to.folder / file
        path.parent.mkdir(exist_ok=True)
        arrays: dict[str, Array] = {keys[n]: np.asarray(v) for n, v in given.items()}
        np.savez(path, **arrays)  # type: ignore[arg-type]  # numpy's stub takes these for options
        run = Run(
            inputs_sha256=digest,
            file=file,
            sha256=sha256_of(path),
            tensors=keys,
            taps=tuple(n for n in given if n in taps),
        )
        self._to.add(name, run)
        return given


def refusal_of(error: Exception) -> Refusal:
    """Return what a report says of `error`: what cannot run here did NOT_RUN, the rest failed."""
    if isinstance(error, NotRun):
        return Refusal(verdict="NOT_RUN", detail=str(error))
    if isinstance(error, ImportError):
        return Refusal(verdict="NOT_RUN", detail=f"a package is missing: {error}")
    if isinstance(error, MobileCatError):
        detail = "; ".join([error.summary, *(p.what for p in error.problems)])
        return Refusal(verdict="FAIL", detail=detail)
    text = " ".join(str(error).split())[:300]
    return Refusal(verdict="FAIL", detail=f"{type(error).__name__}: {text}")


@contextmanager
def recording(target: Path | None, opener: Opener = open_lane) -> Iterator[Recorder]:
    """Give a recorder; at the end its results take the place of `target`, in one step.

    target: None for a temporary folder. MobileCatError where it is a folder of other things.
    """
    if target is None:
        with tempfile.TemporaryDirectory(prefix="mobilecat-") as temporary:
            yield Recorder(Path(temporary), opener)
        return
    if target.exists() and not (target / FILE).is_file():
        empty = target.is_dir() and not any(target.iterdir())
        if not empty:
            raise MobileCatError(
                "Results are not saved over other files",
                [Problem(f"exists and has no {FILE}", str(target), "name a new folder")],
            )
    with new_folder(target) as fresh:
        recorder = Recorder(fresh, opener)
        yield recorder
        text = recorder.results().model_dump_json(indent=1)
        (fresh / FILE).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Saved:
    """Results that were read back: an opener whose lanes answer from disk."""

    folder: Path
    results: ResultsFile

    def __call__(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
        record = self.lane(lane.name)
        if record is None:
            raise NotRun(f"{self.folder} has no results of {lane.name}")
        if record.refused is not None:
            _refuse(record.refused)
        if record.artifact_sha256 != _artifact(lane):
            raise ArtifactError(
                "These results are another artifact's",
                [Problem(f"{lane.name} had another SHA-256 when they were saved")],
            )
        if lane.artifact is None and self.results.source_sha256 != bundle.source.sha256:
            raise ArtifactError("These results are another source model's")
        return _Replay(self, record)

    def lane(self, name: str) -> LaneResults | None:
        return next((x for x in self.results.lanes if x.lane == name), None)

    def given(self, lane: str, inputs: Mapping[str, Array]) -> dict[str, Array] | None:
        """Return all that `lane` gave for `inputs`; None where it gave nothing."""
        record = self.lane(lane)
        if record is None or (run := _run_for(record, inputs)) is None or run.refused:
            return None
        return self.read(run)

    def read(self, run: Run) -> dict[str, Array]:
        """Return a run's tensors; ArtifactError where its file is not the one that was saved."""
        path = (self.folder / run.file).resolve()
        inside = path.is_relative_to(self.folder.resolve())
        if not inside or not path.is_file() or sha256_of(path) != run.sha256:
            raise ArtifactError(
                "Saved results cannot be trusted",
                [Problem("is missing, or is not the file that was saved", str(path))],
            )
        try:
            stored = read_arrays(path)
            return {name: stored[key] for name, key in run.tensors.items()}
        except (OSError, ValueError, KeyError) as e:
            raise ArtifactError("Saved results cannot be read", [Problem(str(e), str(path))]) from e


class _Replay:
    def __init__(self, saved: Saved, record: LaneResults) -> None:
        self._saved, self._record = saved, record
        about = saved.results
        self.note = f"{record.engine} (saved {about.at} on {about.platform})"

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        run = _run_for(self._record, inputs)
        if run is None:
            raise NotRun(f"{self._record.lane} has no saved result for this very input")
        if run.refused is not None:
            _refuse(run.refused)
        given = self._saved.read(run)
        return {n: v for n, v in given.items() if n not in run.taps or n in taps}


def _run_for(record: LaneResults, inputs: Mapping[str, Array]) -> Run | None:
    digest = inputs_digest(inputs)
    return next((r for r in record.runs if r.inputs_sha256 == digest), None)


def _refuse(refused: Refusal) -> None:
    if refused.verdict == "NOT_RUN":
        raise NotRun(refused.detail)
    raise ArtifactError(refused.detail)


def _artifact(lane: Lane) -> str | None:
    return lane.artifact.sha256 if lane.artifact else None


def open_saved(folder: Path) -> Saved:
    """Read RESULTS/saved.json. Errors: ArtifactError where there is none, or it is damaged."""
    path = folder / FILE
    try:
        return Saved(folder, ResultsFile.model_validate_json(read_text(path)))
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ArtifactError("Saved results are damaged", [Problem(what, str(path))]) from e
    except (OSError, ValueError) as e:
        fix = "save some: mobilecat validate … --save DIR"
        raise ArtifactError(
            "There are no saved results", [Problem(reason(e), str(path), fix)]
        ) from e
