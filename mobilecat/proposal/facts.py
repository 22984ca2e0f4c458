"""What a model file says of itself: shapes, metadata, first layer, and values on one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.importing import Source, dims_of, format_of, import_model, open_reference
from mobilecat.graph import Array, shape_of
from mobilecat.graph.anchors import anchors_from_metadata
from mobilecat.graph.declared import literal, names_in
from mobilecat.graph.first_layer import FirstLayer, first_layer
from mobilecat.graph.told import Told, told_in

if TYPE_CHECKING:
    import onnx_ir as ir
    from PIL.Image import Image

Shape = tuple[int, ...]
Progress = Callable[[str], None]
_OURS = {"boxes", "scores", "class_ids", "count"}
"""Outputs of a baked detector (`mobilecat.compile.whole`)."""
USUAL_SIDE = 640
"""Of a network whose file leaves its size open."""


@dataclass(frozen=True)
class Facts:
    """One network.

    picture: name of its picture input, '' where there is none or several could be it.
    size_wh: of that input; assumed_size: whether the file leaves it open.
    whole: the values of a picture input of whole numbers, lowest and highest; None where it takes
    fractions. told: what the file itself says, in a spec's words.
    layer: what the first layer says of the values it was trained on.
    values: what the network gives for one picture in the range that it seems to want, by output.
    """

    path: Path
    network: ir.Model = field(repr=False)
    picture: str
    size_wh: tuple[int, int]
    channels: int
    assumed_size: bool
    outputs: Mapping[str, Shape]
    metadata: Mapping[str, str]
    layer: FirstLayer | None
    values: Mapping[str, Array] = field(repr=False)
    whole: tuple[int, int] | None = None

    @property
    def told(self) -> Told:
        return told_in(self.network.metadata_props)

    @property
    def wants(self) -> tuple[float, float] | None:
        """Return the range of pixel values that the first layer looks trained on, if it says."""
        layer = self.layer if self.whole is None else None
        return layer.wants if layer is not None and (layer.ratio or layer.gain != 1) else None

    @property
    def anchors(self) -> Array | None:
        """Anchors that came with the network."""
        return anchors_from_metadata(self.network.metadata_props)

    def said(self, key: str) -> Any:
        """Return the metadata's value as Python's literal, or as text; None where there is none."""
        return literal(self.metadata, key)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the classes' names of the metadata; none where it has none."""
        return names_in(self.metadata)

    def cells(self, *strides: int) -> int:
        """Return how many cells the grids of these strides have, sides rounded up."""
        width, height = self.size_wh
        return sum(-(-width // s) * -(-height // s) for s in strides)


def read_facts(
    path: Path, sample: Image, size: tuple[int, int] | None, progress: Progress
) -> Facts:
    """Read the file and run it once on `sample`. size: width, height where the file leaves it open.

    Errors: MobileCatError for a file that cannot be read.
    """
    if path.suffix == ".toml":
        fix = f"compile it: mobilecat export {path} -o DIR"
        raise ModelError("This is a spec, not a model", [Problem("a .toml file", str(path), fix)])
    if not path.name.startswith("python:") and not path.exists():
        fix = did_you_mean(path) or "name a model file that is there"
        raise ModelError("There is no such model", [Problem("not found", str(path), fix)])
    progress(f"reading {path.name}")
    dims = dims_of(path, None, progress)
    fitting: dict[str, tuple[int | None, ...]] = {
        n: d for n, d in dims.items() if len(d) == 4 and _channels(d)
    }
    if not fitting and len(dims) == 1 and set(*dims.values()) == {None}:
        fitting = _of_any_shape(path, dims, size)
    name = next(iter(fitting)) if len(fitting) == 1 else ""
    shapes: dict[str, Shape] = {}
    open_size = False
    if name:
        shapes[name], open_size = _settled(fitting[name], size)
    elif any(None in d for d in dims.values()):
        listed = ", ".join(f"{n} {list(d)}" for n, d in dims.items())
        raise ModelError(
            "What is the size of its inputs?",
            [Problem(f"left open: {listed}", str(path), "write a spec with [shapes]")],
        )
    network = import_model(path, shapes, None, progress)
    outputs = {v.name or "": shape_of(v) for v in network.graph.outputs}
    _require_not_baked(path, outputs)
    reference = open_reference(Source(path, format_of(path)), shapes)
    layer = first_layer(network, name) if name else None
    made = Facts(path, network, name, (0, 0), 0, open_size, outputs, {}, layer, {})
    channels, size_wh, values = 0, (0, 0), {}
    if name:
        shape = shapes[name]
        channels = _channels(shape)
        first = shape[1] == channels
        size_wh = (shape[3], shape[2]) if first else (shape[2], shape[1])
        progress("running it on one picture")
        dtype = reference.dtypes[name]
        made = replace(made, whole=_whole(dtype))
        ends = made.whole or _ends(made.told) or made.wants or (0.0, 1.0)
        tensor = _tensor(sample, size_wh, channels, first, ends)
        values = reference.network.run({name: tensor.astype(dtype)})
    metadata = {**reference.metadata, **network.metadata_props}
    return replace(made, size_wh=size_wh, channels=channels, metadata=metadata, values=values)


def _of_any_shape(
    path: Path, dims: Mapping[str, tuple[int | None, ...]], size: tuple[int, int] | None
) -> dict[str, tuple[int | None, ...]]:
    """Return the one input of a file that tells no shape at all, as TorchScript: a picture's."""
    ((name, left),) = dims.items()
    if len(left) != 4:
        return {}
    if size is None:
        what = f"the file tells no shape of its input {name!r}"
        fix = "say the picture's, width first: --size 224x224"
        raise ModelError("What is the size of its input?", [Problem(what, str(path), fix)])
    return {name: (1, 3, None, None)}


def _require_not_baked(path: Path, outputs: Mapping[str, Shape]) -> None:
    """Raise ModelError for what an export of ours gives: detections, where a head is expected."""
    if outputs.keys() >= _OURS:
        what = f"its outputs are {', '.join(sorted(outputs))}: decoded and suppressed already"
        fix = "use its source model: bundle.json beside it names it under source"
        raise ModelError("mobilecat made this file", [Problem(what, str(path), fix)])


def _whole(dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Return what pixels become in a type of whole numbers: bytes as they are, or around zero."""
    if dtype.kind not in "iu":
        return None
    return (-128, 127) if dtype == np.int8 else (0, 255)


def _ends(told: Told) -> tuple[float, float] | None:
    """Return what the file says that pixels become, over all channels."""
    try:
        mean, std = (float(np.mean(told.image[k])) for k in ("mean", "std"))
    except (KeyError, TypeError, ValueError):
        return None
    return (-mean / std, (255 - mean) / std) if std > 0 else None


def _channels(dims: tuple[int | None, ...]) -> int:
    """Return 1 or 3 where one end of [1,…] has as many channels; 0 where neither has."""
    for count in (3, 1):
        if count in (dims[1], dims[3]):
            return count
    return 0


def _settled(dims: tuple[int | None, ...], size: tuple[int, int] | None) -> tuple[Shape, bool]:
    channels = _channels(dims)
    first = dims[1] == channels
    rows, cols = dims[2:] if first else dims[1:3]
    width, height = size or (USUAL_SIDE, USUAL_SIDE)
    sides = (rows or height, cols or width)
    shape = (1, channels, *sides) if first else (1, *sides, channels)
    return shape, rows is None or cols is None


def _tensor(
    picture: Image, size_wh: tuple[int, int], channels: int, first: bool, to: tuple[float, float]
) -> Array:
    small = picture.convert("RGB" if channels == 3 else "L").resize(size_wh)
    x = np.asarray(small, np.float64).reshape(size_wh[1], size_wh[0], channels)
    x = to[0] + x / 255 * (to[1] - to[0])
    return (x.transpose(2, 0, 1) if first else x)[None]
