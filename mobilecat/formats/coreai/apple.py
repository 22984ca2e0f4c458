"""Apple's own interpreter (coreai-core) on the shipped bytes, in a child process.

It is the reference, and 100 times slower than onnxruntime: every call costs the same, start-up
included.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.coreai import interpreter
from mobilecat.formats.coreai.read.child import answer_of
from mobilecat.formats.coreai.read.package import INSTALL, missing, read_package
from mobilecat.formats.coreai.run import coreai_inputs, named
from mobilecat.graph import Array

CHILD = "mobilecat.formats.coreai.interpreter"
ENTRY = "main"
SECONDS = 600
"""Of CPU time for one call: a detector takes 3 to 10, since the interpreter knows no blocking."""


class AppleRunner:
    note = "Apple's own interpreter (coreai-core), on the CPU, float32"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        read_package(path, strict=True)
        self._path = path
        self._record = record

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        feeds = coreai_inputs(inputs, record)
        found, inner = run_with_taps(self._path, ENTRY, feeds, list(wanted.values()))
        return named({**found, **inner}, record, wanted)


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    if reason := missing():
        raise NotRun(reason)
    return AppleRunner(path, record)


def run_graphs(
    path: Path,
    jobs: Sequence[tuple[str, Mapping[str, Array]]],
    *,
    seconds: float = SECONDS,
) -> list[dict[str, Array]]:
    """Return the outputs of graphs on their inputs, one job after another, in one process.

    Picture inputs are the uint8 tensor [H,W,C] that `coreai.image_to_tensor` makes of them.
    Errors: ArtifactError with what Apple's code says, or how its process ended.
    """
    return _run(path, jobs, [], seconds)[0]


def run_with_taps(
    path: Path,
    entry: str,
    feeds: Mapping[str, Array],
    taps: Sequence[str] | None,
    *,
    seconds: float = SECONDS,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return a graph's outputs, and what nodes give: those of `taps`, or all for None.

    A node is named by the location of its ops; one of several ops gives what its last one gives.
    """
    found, inner = _run(path, [(entry, feeds)], None if taps is None else list(taps), seconds)
    return found[0], inner


def _run(
    path: Path,
    jobs: Sequence[tuple[str, Mapping[str, Array]]],
    taps: list[str] | None,
    seconds: float,
) -> tuple[list[dict[str, Array]], dict[str, Array]]:
    if reason := missing():
        raise ArtifactError("An .aimodel cannot be run here", [Problem(reason, str(path), INSTALL)])
    package = read_package(path)
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as folder:
        feeds = Path(folder) / "feeds.npz"
        given = {f"{i}:{k}": v for i, (_, x) in enumerate(jobs) for k, v in x.items()}
        interpreter.save(feeds, given)
        # The child works in a folder of its own.
        arguments = [
            str(path.resolve()),
            json.dumps([e for e, _ in jobs]),
            str(feeds),
            json.dumps(taps),
        ]
        room = (2 << 30) + 16 * package.bytes
        with answer_of(CHILD, arguments, subject=path, seconds=seconds, room=room) as out:
            found = interpreter.load(out / "found.npz")
            inner = interpreter.load(out / "taps.npz")
    results: list[dict[str, Array]] = [{} for _ in jobs]
    for key, value in found.items():
        job, _, name = key.partition(":")
        results[int(job)][name] = value
    return results, inner
