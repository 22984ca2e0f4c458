"""LiteRT that stops on the way says so in one message, as one that refuses a file does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError
from mobilecat.formats.tflite import run


def test_an_engine_that_stops_is_told_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    record: ArtifactRecord = SimpleNamespace(precision="float32", outputs={}, taps={})  # type: ignore[assignment]

    def runner(**_: Any) -> None:
        raise RuntimeError("gather index out of boundsNode number 7 (GATHER) failed to invoke.")

    engine = SimpleNamespace(get_signature_runner=lambda: runner)
    monkeypatch.setattr(run, "artifact_inputs", lambda inputs, record: {})
    lane = run.TfliteRunner(Path("m.tflite"), record)
    monkeypatch.setattr(lane, "_engine", lambda _: engine)
    with pytest.raises(ArtifactError, match="LiteRT stopped while running") as told:
        lane.infer({})
    (problem,) = told.value.problems
    assert "gather index out of bounds" in problem.what
    assert problem.where == "m.tflite: operator 7, GATHER"
