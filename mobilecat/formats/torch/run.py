"""Execute the original PyTorch file in torch: the reference for its import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mobilecat.disk.arrays import read_arrays
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import InChild, absolute
from mobilecat.formats.base.gradients import ask_gradient
from mobilecat.formats.base.runner import NotRun
from mobilecat.formats.base.source import Gradient, Reference, Source
from mobilecat.formats.onnx.changed import changed_proto
from mobilecat.formats.onnx.read import with_shapes
from mobilecat.formats.onnx.source import opened
from mobilecat.formats.torch.read import cut_onnx, whole_onnx
from mobilecat.formats.torch.worker import INSTALL, Worker, missing_extra
from mobilecat.graph import Array


class TorchModel(InChild):
    """A source model open in PyTorch, in a child process that lives until `close`."""

    def __init__(self, source: Source, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._path = source.path
        self._child = child = Worker(source.path)
        try:
            given = {k: list(v) for k, v in shapes.items()}
            answer = child.ask(
                "open", path=absolute(source.path), format=source.format, shapes=given
            )
        except BaseException:
            child.close()
            raise
        self.inputs = tuple(answer["inputs"])
        self.has_gradients = bool(answer["gradients"])

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name. Errors: ModelError where names or shapes do not fit."""
        if set(feeds) != set(self.inputs):
            raise ModelError(
                f"{self._path.name}: these are not the model's inputs",
                [Problem(f"given {', '.join(feeds)}; it has {', '.join(self.inputs)}")],
            )
        child = self._child
        given, made = child.folder / "in.npz", child.folder / "out.npz"
        np.savez(given, **{f"x{i}": feeds[n] for i, n in enumerate(self.inputs)})  # type: ignore[arg-type]
        answer = child.ask("run", given=str(given), made=str(made))
        arrays = read_arrays(made)
        return {n: arrays[f"y{i}"] for i, n in enumerate(answer["outputs"])}

    def gradient(
        self, feeds: Mapping[str, Array], maps: Sequence[Array], factors: Mapping[str, Array]
    ) -> Gradient:
        """See `base.source.Gradients`."""
        return ask_gradient(self._child, feeds, maps, factors)


def reference(source: Source, shapes: Mapping[str, tuple[int, ...]]) -> Reference:
    """Open the file in torch itself; cut at inner values, its translation in onnxruntime.

    NotRun without torch.
    """
    if missing := missing_extra():
        raise NotRun(f"{source.path.name} needs PyTorch ({missing}, not installed): {INSTALL}")
    if source.options.given():
        return opened(with_shapes(cut_onnx(source, shapes), shapes, source.path))
    translated = opened(with_shapes(whole_onnx(source, shapes), shapes, source.path))
    network = TorchModel(source, shapes)
    return Reference(
        network,
        "PyTorch",
        translated.metadata,
        translated.dtypes,
        translated.ranked,
        gradients=network.gradient if network.has_gradients else None,
    )


def changed(
    source: Source, shapes: Mapping[str, Sequence[int]], change: Callable[[str, Array], Array]
) -> Reference:
    """Open the file's import in onnxruntime with each weight changed by `change(name, values)`."""
    fixed = {k: tuple(v) for k, v in shapes.items()}
    return changed_proto(with_shapes(cut_onnx(source, fixed), fixed, source.path), change)
