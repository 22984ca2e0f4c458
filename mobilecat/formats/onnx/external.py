"""Weights that an ONNX file keeps in files beside it: read as what the file says, and no further.

https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath

import onnx
from onnx import TensorProto

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.onnx.unread import Place
from mobilecat.graph.light import LARGE, mark, plain_dtype

_NUMBER = re.compile(r"[0-9]{1,15}")
_MOST_TIMES = 4
"""How often the bytes of the files may be read: weights that share their place, and little else."""


def load_external_data(
    proto: onnx.ModelProto, path: Path, places: dict[str, Place] | None = None
) -> None:
    """Read every tensor that lies elsewhere, those inside graphs and functions too.

    places: where given, large initializers are marked instead, and their places added, by name.
    Errors: ModelError listing every tensor whose file is missing, lies outside of the model's
    folder (by its name or by a link), is too short, or is not what the tensor's shape takes.
    """
    outside = [t for t in _tensors(proto) if _is_outside(t)]
    own = sum(map(_is_outside, proto.graph.initializer))  # they come first
    names = Counter(t.name for t in proto.graph.initializer)
    problems = []
    total, sizes = 0, dict[Path, int]()
    for number, tensor in enumerate(outside):
        where = f"initializer {tensor.name!r}"
        try:
            file, offset, length = _place(tensor, path)
            sizes[file] = file.stat().st_size
            total += length
            if total > _MOST_TIMES * sum(sizes.values()):
                raise _Refused("the same bytes are read over and over", "export the model again")
            alone = number < own and bool(tensor.name) and names[tensor.name] == 1
            if places is not None and alone and _is_large(tensor, length):
                places[tensor.name] = Place(file, offset, length)
                mark(tensor)
                continue
            with file.open("rb") as opened:
                opened.seek(offset)
                tensor.raw_data = opened.read(length)
        except _Refused as e:
            problems.append(Problem(e.what, where, e.fix))
        except OSError as e:
            problems.append(Problem(f"external data cannot be read: {e.strerror}", where))
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    if problems:
        raise ModelError(f"{path.name}: external data cannot be read", problems)


class _Refused(Exception):
    def __init__(self, what: str, fix: str = "") -> None:
        self.what, self.fix = what, fix


def _place(tensor: TensorProto, path: Path) -> tuple[Path, int, int]:
    """Return file, offset and length of a tensor's bytes."""
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")
    parts = Path(location)
    windows = PureWindowsPath(location)
    climbs = ".." in parts.parts or ".." in windows.parts
    if climbs or parts.is_absolute() or windows.drive or windows.root or "\0" in location:
        raise _Refused(f"external data outside the model's folder: {location!r}")
    home = path.parent.resolve()
    file = (home / location).resolve()
    if not file.is_relative_to(home):
        raise _Refused(f"external data outside the model's folder, by a link: {location!r}")
    if not location or not file.is_file():
        raise _Refused(f"external data file {location!r} is missing", f"put it beside {path.name}")
    size = file.stat().st_size
    given = [entries.get("offset", "0"), entries.get("length", "")]
    if not _NUMBER.fullmatch(given[0]) or (given[1] and not _NUMBER.fullmatch(given[1])):
        raise _Refused(f"offset {given[0]!r:.40} and length {given[1]!r:.40} are no whole numbers")
    offset = int(given[0])
    length = int(given[1]) if given[1] else size - offset
    if length < 0 or offset + length > size:
        raise _Refused(f"external data file {location!r} is too short", "copy it again")
    expected = _bytes(tensor)
    if expected is not None and length != expected:
        raise _Refused(f"{length:,} bytes of external data for {list(tensor.dims)[:8]}, which "
                       f"takes {expected:,}", "export the model again")  # fmt: skip
    return file, offset, length


def _is_outside(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or bool(tensor.external_data)


def _is_large(tensor: TensorProto, length: int) -> bool:
    return length >= LARGE and plain_dtype(tensor.data_type) is not None


def _bytes(tensor: TensorProto) -> int | None:
    """Return the bytes of a tensor's shape; None for types that are no whole bytes."""
    try:
        itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        return None
    packed = ("INT4", "UINT4", "INT2", "UINT2", "FLOAT4E2M1")
    if TensorProto.DataType.Name(tensor.data_type) in packed:
        return None
    if any(side < 0 for side in tensor.dims):
        raise _Refused(f"has no shape: {list(tensor.dims)[:8]}")
    taken: int = math.prod(tensor.dims) * int(itemsize)
    return taken


def _tensors(proto: onnx.ModelProto) -> Iterator[TensorProto]:
    yield from _of_graph(proto.graph)
    for function in proto.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Sequence[onnx.NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for a in node.attribute:
            yield from ([a.t] if a.HasField("t") else [])
            yield from a.tensors
            for sparse in (*([a.sparse_tensor] if a.HasField("sparse_tensor") else []),
                           *a.sparse_tensors):  # fmt: skip
                yield from (sparse.values, sparse.indices)
            for inner in (*([a.g] if a.HasField("g") else []), *a.graphs):
                yield from _of_graph(inner)
