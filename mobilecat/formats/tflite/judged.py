"""A .tflite source in LiteRT, in a confined child: a damaged file can end LiteRT, and not us.

Whole numbers that stand for real ones are given as those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.disk import size_of
from mobilecat.disk.arrays import read_arrays
from mobilecat.formats.base.child import Child, InChild, absolute
from mobilecat.formats.tflite.read.file import Tensor
from mobilecat.graph import Array

_ROOM = 8 << 30
_ROOM_A_BYTE = 16


class _Lite(Child):
    def __init__(self, path: Path) -> None:
        room = _ROOM + _ROOM_A_BYTE * size_of(path)
        super().__init__(path, "mobilecat.formats.tflite.child", "LiteRT", room, {})


class LiteNetwork(InChild):
    """A file as a source. content: the bytes of a part of it, where not the whole is run."""

    def __init__(
        self,
        path: Path,
        content: bytes | None,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        names: Mapping[int, str],
    ) -> None:
        self._inputs, self._outputs, self._names = inputs, outputs, names
        self._child = child = _Lite(path)
        shapes = [(t.index, list(t.shape)) for t in inputs]
        opened = absolute(path)
        if content is not None:
            part = child.folder / "part.tflite"
            part.write_bytes(content)
            opened = str(part)
        try:
            child.ask("open", path=opened, shapes=shapes, keep=True)
        except BaseException:
            child.close()
            raise

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        child = self._child
        given, made = child.folder / "in.npz", child.folder / "out.npz"
        fed = {f"x{t.index}": fed_as(t, feeds[self._names[t.index]]) for t in self._inputs}
        np.savez(given, **fed)  # type: ignore[arg-type]
        inputs, outputs = ([t.index for t in ends] for ends in (self._inputs, self._outputs))
        child.ask("run", inputs=inputs, outputs=outputs, given=str(given), made=str(made))
        found = read_arrays(made)
        return {self._names[t.index]: real(t, found[f"y{t.index}"]) for t in self._outputs}


def sizes_in_litert(path: Path, shapes: Mapping[int, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Return every tensor's shape where inputs have other shapes than in the file.

    Errors: ModelError where the network does not hold together with those.
    """
    with _Lite(path) as child:
        listed = [(i, list(shape)) for i, shape in shapes.items()]
        child.ask("open", path=absolute(path), shapes=listed, keep=False)
        return {int(i): tuple(shape) for i, shape in child.ask("sizes")["sizes"]}


def real(tensor: Tensor, found: Array) -> Array:
    """Return what LiteRT gave as what it stands for."""
    return tensor.real(found) if tensor.quantised else found


def fed_as(tensor: Tensor, value: Array) -> Array:
    """Return what a tensor is fed with: real numbers as the whole ones that stand for them."""
    if value.dtype == tensor.dtype or not tensor.quantised:
        return np.asarray(value, tensor.dtype, order="C")
    assert tensor.scale is not None and tensor.zero is not None
    ends = np.iinfo(tensor.dtype)
    steps = np.round(value / tensor.scale[0]) + tensor.zero[0]
    return np.asarray(np.clip(steps, ends.min, ends.max), tensor.dtype, order="C")
