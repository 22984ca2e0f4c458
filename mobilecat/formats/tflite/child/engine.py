"""A .tflite in LiteRT, its tensors by their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import ModelError
from mobilecat.foreign import problem_from_litert
from mobilecat.formats.tflite.run import quiet_stderr
from mobilecat.graph import Array


class LiteFile:
    """A file that is open. shapes: of its inputs, where they are to be others than in the file.

    keep: whether every inner tensor can be read after a run.
    """

    def __init__(self, path: Path, shapes: Mapping[int, Sequence[int]], keep: bool = True) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet_stderr():
                engine: Any = Interpreter(
                    model_path=str(path), num_threads=2, experimental_preserve_all_tensors=keep
                )
                own = {d["index"]: tuple(d["shape"]) for d in engine.get_input_details()}
                for index, shape in shapes.items():
                    if index in own and own[index] != tuple(shape):
                        engine.resize_tensor_input(index, list(shape))
                engine.allocate_tensors()
        except (ValueError, RuntimeError) as e:
            raise ModelError("LiteRT refuses the model", [problem_from_litert(e, str(path))]) from e
        self._engine = engine

    def run(self, feeds: Mapping[int, Array], outputs: Sequence[int]) -> list[Array]:
        """Return the tensors `outputs` after a run."""
        for index, value in feeds.items():
            self._engine.set_tensor(index, value)
        self._engine.invoke()
        return [np.array(self._engine.get_tensor(i)) for i in outputs]

    def sizes(self) -> dict[int, tuple[int, ...]]:
        """Return every tensor's shape."""
        details = self._engine.get_tensor_details()
        return {d["index"]: tuple(int(n) for n in d["shape"]) for d in details}
