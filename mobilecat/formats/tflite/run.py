"""The .tflite artifact in LiteRT."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError, ModelError
from mobilecat.foreign import problem_from_litert
from mobilecat.formats.base.runner import Runner, artifact_inputs
from mobilecat.formats.tflite.read.file import Tensor
from mobilecat.graph import Array


class TfliteRunner:
    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        self.note = f"LiteRT on the CPU (XNNPACK), {record.precision}"
        self._path = path
        self._record = record
        self._engines: dict[bool, Any] = {}

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        engine = self._engine(bool(taps))
        runner = engine.get_signature_runner()
        feeds = artifact_inputs(inputs, record)
        found = runner(**feeds)
        results = {k: found[v] for k, v in record.outputs.items() if v in found}
        if taps:
            index = {d["name"]: d["index"] for d in engine.get_tensor_details()}
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
                        num_threads=2,
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

    It comes from C++, so the descriptor itself is turned away; LiteRT raises what it refuses.
    """
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


class LiteNetwork:
    """A file as a source: whole numbers that stand for real ones are given as those.

    content: the file's bytes where a part of it is run. Tensors are found by their numbers.
    """

    def __init__(
        self,
        path: Path,
        content: bytes | None,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        names: Mapping[int, str],
    ) -> None:
        self._inputs, self._outputs, self._names = inputs, outputs, names
        self._engine = _opened(path, content, {t.index: t.shape for t in inputs}, keep=True)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        for t in self._inputs:
            self._engine.set_tensor(t.index, _fed(t, feeds[self._names[t.index]]))
        self._engine.invoke()
        return {self._names[t.index]: self._given(t) for t in self._outputs}

    def _given(self, tensor: Tensor) -> Array:
        found = np.array(self._engine.get_tensor(tensor.index))
        return tensor.real(found) if tensor.quantised else found


def _fed(tensor: Tensor, value: Array) -> Array:
    """Return what a tensor is fed with: real numbers as the whole ones that stand for them."""
    if value.dtype == tensor.dtype or not tensor.quantised:
        return np.asarray(value, tensor.dtype, order="C")
    assert tensor.scale is not None and tensor.zero is not None
    ends = np.iinfo(tensor.dtype)
    steps = np.round(value / tensor.scale[0]) + tensor.zero[0]
    return np.asarray(np.clip(steps, ends.min, ends.max), tensor.dtype, order="C")


def sizes_in_litert(path: Path, shapes: Mapping[int, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Return every tensor's shape where inputs have other shapes than in the file.

    Errors: ModelError where the network does not hold together with those.
    """
    engine = _opened(path, None, shapes, keep=False)
    return {d["index"]: tuple(int(n) for n in d["shape"]) for d in engine.get_tensor_details()}


def _opened(
    path: Path, content: bytes | None, shapes: Mapping[int, Sequence[int]], keep: bool
) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    given: dict[str, Any] = {"model_path": str(path)} if content is None else {}
    given |= {} if content is None else {"model_content": content}
    try:
        with quiet_stderr():
            engine = Interpreter(**given, num_threads=2, experimental_preserve_all_tensors=keep)
            own = {d["index"]: tuple(d["shape"]) for d in engine.get_input_details()}
            for index, shape in shapes.items():
                if index in own and own[index] != tuple(shape):
                    engine.resize_tensor_input(index, list(shape))
            engine.allocate_tensors()
    except (ValueError, RuntimeError) as e:
        problem = problem_from_litert(e, str(path))
        raise ModelError("LiteRT refuses the model", [problem]) from e
    return engine


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    runner = TfliteRunner(path, record)
    runner._engine(False)
    return runner
