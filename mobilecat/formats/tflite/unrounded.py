"""A .tflite artifact with nothing rounded, in LiteRT; and what its float form is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import mapped
from mobilecat.errors import ArtifactError, Problem
from mobilecat.foreign import engine_threads
from mobilecat.formats.base.runner import Runner, artifact_inputs
from mobilecat.formats.tflite.floats import Restore, as_floats, floats_in
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.run import quiet_stderr
from mobilecat.graph import Array


class UnroundedTflite:
    """The artifact's own operators on floats, its weights what they were rounded from."""

    note = "LiteRT on the CPU (XNNPACK), float32, nothing rounded"

    def __init__(self, path: Path, record: ArtifactRecord, restore: Restore) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._record = record
        model = read_tflite(mapped(path), str(path))
        self._floats = as_floats(model, restore, record.rounding == "fitted")
        try:
            with quiet_stderr():
                self._engine = Interpreter(
                    model_content=self._floats.data,
                    num_threads=engine_threads() or 2,
                    experimental_preserve_all_tensors=True,
                )
                self._engine.allocate_tensors()
        except (ValueError, RuntimeError) as e:
            said = Problem(f"its operators do not run on floats: {e}"[:300], str(path))
            raise ArtifactError("LiteRT refuses the artifact without its rounding", [said]) from e

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record, places = self._record, self._floats.places
        found: dict[str, Any] = self._engine.get_signature_runner()(
            **artifact_inputs(inputs, record)
        )
        results = {k: found[v] for k, v in record.outputs.items() if v in found}
        for tap in taps:
            if (place := places.get(record.taps.get(tap, ""))) is not None:
                results[tap] = self._engine.get_tensor(place)
        return results


def open_unrounded(path: Path, record: ArtifactRecord, restore: Restore) -> Runner:
    return UnroundedTflite(path, record, restore)


def constants_of(path: Path) -> Iterator[tuple[str, Array]]:
    """Yield name and values of each float constant of a float32 artifact, and its preprocessing."""
    yield from floats_in(read_tflite(mapped(path), str(path)))
