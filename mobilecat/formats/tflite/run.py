"""The .tflite artifact in LiteRT."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError
from mobilecat.foreign import engine_threads, problem_from_litert
from mobilecat.formats.base.runner import Runner, artifact_inputs
from mobilecat.graph import Array


class TfliteRunner:
    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        self.note = f"LiteRT on the CPU (XNNPACK), {record.precision}"
        self._path = path
        self._record = record
        self._engines: dict[bool, Any] = {}
        self._threads = engine_threads() or 2
        self._index: dict[str, int] = {}

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        engine = self._engine(bool(taps))
        runner = engine.get_signature_runner()
        feeds = artifact_inputs(inputs, record)
        try:
            found = runner(**feeds)
        except (ValueError, RuntimeError) as e:
            problem = problem_from_litert(e, str(self._path))
            raise ArtifactError("LiteRT stopped while running the artifact", [problem]) from e
        results = {k: found[v] for k, v in record.outputs.items() if v in found}
        if taps:
            if not self._index:
                self._index = {d["name"]: d["index"] for d in engine.get_tensor_details()}
            index = self._index
            results.update(
                (tap, engine.get_tensor(index[record.taps[tap]]))
                for tap in taps
                if record.taps.get(tap) in index
            )
        return results

    def _engine(self, keep_all: bool) -> Any:
        # Inner tensors can be read only where nothing reuses their memory.
        if keep_all not in self._engines:
            from ai_edge_litert.interpreter import Interpreter

            try:
                with quiet_stderr():
                    engine = Interpreter(
                        model_path=str(self._path),
                        num_threads=self._threads,
                        experimental_preserve_all_tensors=keep_all,
                    )
                    engine.allocate_tensors()
            except (ValueError, RuntimeError) as e:
                raise ArtifactError(
                    "LiteRT refuses the artifact", [problem_from_litert(e, str(self._path))]
                ) from e
            self._engines[keep_all] = engine
        return self._engines[keep_all]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep LiteRT's own greeting ("Created TensorFlow Lite XNNPACK delegate") off the terminal.

    It comes from C++, so the descriptor itself is turned away, by one at a time; LiteRT raises what
    it refuses.
    """
    with _TURNED_AWAY:
        yield from _without_stderr()


_TURNED_AWAY = threading.RLock()


def _without_stderr() -> Iterator[None]:
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping inner tensors costs memory: it is meant
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    runner = TfliteRunner(path, record)
    runner._engine(False)
    return runner
