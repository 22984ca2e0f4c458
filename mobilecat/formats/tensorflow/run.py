"""Execute the original TensorFlow or Keras file, not frozen: the reference for its import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.disk.arrays import read_arrays
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import InChild, Progress, absolute
from mobilecat.formats.base.gradients import ask_gradient
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.runner import NotRun
from mobilecat.formats.base.source import Gradient, Reference, Source
from mobilecat.formats.onnx.changed import changed_proto
from mobilecat.formats.tensorflow.read import frozen_onnx, import_tensorflow
from mobilecat.formats.tensorflow.worker import INSTALL, Worker, missing_extra
from mobilecat.graph import Array, dtype_of


class TensorFlowModel(InChild):
    """A source model open in TensorFlow, in a child process that lives until `close`.

    inputs, outputs: names and dims (None for a dynamic one), the names those of the import.
    """

    def __init__(
        self,
        path: Path,
        format: str,
        options: ImportOptions | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        options = options or ImportOptions()
        self._path = path
        self._child = child = Worker(path, progress)
        try:
            answer = child.ask("open", path=absolute(path), format=format, options=options.given())
        except BaseException:
            child.close()
            raise
        self.inputs = {k: _dims(v) for k, v in answer["inputs"].items()}
        self.outputs = {k: _dims(v) for k, v in answer["outputs"].items()}
        self.notes = tuple(answer["notes"])

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name. Errors: ModelError where names or shapes do not fit."""
        if set(feeds) != set(self.inputs):
            raise ModelError(
                f"{self._path.name}: these are not the model's inputs",
                [Problem(f"given {', '.join(feeds)}; it has {', '.join(self.inputs)}")],
            )
        names = list(feeds)  # a tensor's name may hold what a file's cannot
        child = self._child
        given, made = child.folder / "in.npz", child.folder / "out.npz"
        np.savez(given, **{f"x{i}": feeds[n] for i, n in enumerate(names)})  # type: ignore[arg-type]
        answer = child.ask("run", inputs=names, given=str(given), made=str(made))
        arrays = read_arrays(made)
        return {n: arrays[f"y{i}"] for i, n in enumerate(answer["outputs"])}

    def gradient(
        self, feeds: Mapping[str, Array], maps: Sequence[Array], factors: Mapping[str, Array]
    ) -> Gradient:
        """See `base.source.Gradients`."""
        return ask_gradient(self._child, feeds, maps, factors)


def _dims(dims: list[int | None] | None) -> tuple[int | None, ...] | None:
    return None if dims is None else tuple(dims)


def reference(source: Source, shapes: Mapping[str, tuple[int, ...]]) -> Reference:
    """Open the file in TensorFlow itself; only anchors come from its import. NotRun without it."""
    if missing := missing_extra():
        raise NotRun(f"{source.path.name} needs TensorFlow ({missing}, not installed): {INSTALL}")
    frozen = import_tensorflow(source, shapes)
    network = TensorFlowModel(source.path, source.format, source.options)
    dtypes = {v.name or "": dtype_of(v) for v in frozen.graph.inputs}
    return Reference(
        network, "TensorFlow", frozen.metadata_props, dtypes, gradients=network.gradient
    )


def changed(
    source: Source, shapes: Mapping[str, Sequence[int]], change: Callable[[str, Array], Array]
) -> Reference:
    """Open the file's import in onnxruntime with each weight changed by `change(name, values)`."""
    return changed_proto(frozen_onnx(source, {k: tuple(v) for k, v in shapes.items()}), change)
