"""The parent's side: ask the child for the facts of a `.aimodel`, or for a graph of it as ONNX."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.coreai.read.bytecode import Head, read_head
from mobilecat.formats.coreai.read.child import answer_of
from mobilecat.formats.coreai.read.package import INSTALL, Package, missing, read_package
from mobilecat.graph import Array
from mobilecat.graph.light import is_marked, plain_dtype

if TYPE_CHECKING:
    from mobilecat.formats.coreai.read.translate import Translation

CHILD = "mobilecat.formats.coreai.read"
_SECONDS = 60
_MAX_FACTS = 16 << 20


@dataclass(frozen=True)
class PortFacts:
    """An input or output. dtype: numpy's name, `image`, or MLIR's type where there is neither."""

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None
    detail: str = ""


@dataclass(frozen=True)
class GraphFacts:
    """What a graph takes, gives and consists of. refused: a line for each op that is not read."""

    name: str
    private: bool
    inputs: tuple[PortFacts, ...]
    outputs: tuple[PortFacts, ...]
    ops: Mapping[str, int]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What a program holds. weights: element type → how many numbers, of constants above 16.

    lints: what a user should know, a sentence each. suppression: setting of the NMS → its values.
    """

    graphs: tuple[GraphFacts, ...]
    weights: Mapping[str, int]
    head: Head
    lints: tuple[str, ...]
    suppression: Mapping[str, tuple[float, ...]]

    @property
    def public(self) -> tuple[GraphFacts, ...]:
        """The graphs that an app can call."""
        return tuple(g for g in self.graphs if not g.private)


@dataclass(frozen=True)
class Decoded:
    """A graph as ONNX. taps: node name → ONNX value; checks: outputs that must be true.

    arrays: large constants, which lie beside the model (`mobilecat.graph.light`).
    """

    entry: str
    model: onnx.ModelProto
    taps: Mapping[str, str]
    checks: tuple[str, ...]
    arrays: Mapping[str, Array]


def facts_of(package: Package) -> Facts:
    """Return what the program of `package` holds; nothing is run.

    Errors: ArtifactError where it is damaged, or coreai-core is missing.
    """
    head = read_head(package.program)
    with _answer(package, "") as out:
        return _facts(_json(out / "facts.json"), head)


def decode(path: Path, entry: str | None = None, *, strict: bool = False) -> Decoded:
    """Return graph `entry` of the `.aimodel` at `path`: by default `main`, or the only one.

    strict: hold it to its own hash.
    Errors: ArtifactError (damaged), UnsupportedError (lists every op that is not read).
    """
    package = read_package(path, strict=strict)
    read_head(package.program)  # most damage shows here, before a process is begun for it
    key = package.sha256, entry or "*"
    if (kept := _kept.get(key)) is None:
        kept = _asked(package, entry or "*")
        _keep(key, kept)
    found = kept.decoded
    inside = {
        t.name: _array(t, package.program, kept.places[t.name])
        for t in found.model.graph.initializer
        if t.name in kept.places
    }
    return replace(found, model=_copy(found.model), arrays={**found.arrays, **inside})


def remember(sha256: str, found: Translation, place_of: Callable[[Array], int | None]) -> None:
    """Keep what the program of this SHA-256, which this process wrote just now, was decoded to.

    Whoever opens it next needs no child process for it, and reads the whole file for its hash.
    place_of: where in the program a constant's numbers begin, None where they lie elsewhere.
    """
    told = {name: place_of(array) for name, array in found.arrays.items()}
    places = {name: at for name, at in told.items() if at is not None}
    own = {name: array for name, array in found.arrays.items() if name not in places}
    decoded = Decoded("main", _copy(found.model), found.taps, found.checks, own)
    _keep((sha256, "*"), _Kept(decoded, places))


@dataclass(frozen=True)
class _Kept:
    """What a program was decoded to. places: large constants that lie in it, where they begin; the
    arrays of `decoded` are the others."""

    decoded: Decoded
    places: Mapping[str, int]


def _asked(package: Package, entry: str) -> _Kept:
    with _answer(package, entry) as out:
        about = _json(out / "graph.json")
        model = onnx.load(str(out / "graph.onnx"), load_external_data=False)
        own, places = {}, {}
        for tensor in (t for t in model.graph.initializer if is_marked(t)):
            beside, at = about["beside"][tensor.name]
            if beside:
                own[tensor.name] = _array(tensor, out / "weights.bin", int(at))
            else:
                places[tensor.name] = int(at)
    taps = {str(k): str(v) for k, v in about["taps"].items()}
    checks = tuple(str(c) for c in about["checks"])
    return _Kept(Decoded(str(about["entry"]), model, taps, checks, own), places)


def _array(tensor: onnx.TensorProto, file: Path, at: int) -> Array:
    """Return a large constant, read from the program itself where it lies there as it is."""
    dtype = plain_dtype(tensor.data_type)
    count = math.prod(tensor.dims)
    if dtype is None or not 0 <= at <= file.stat().st_size - count * dtype.itemsize:
        raise ArtifactError("This Core AI model is damaged", [Problem(tensor.name, str(file))])
    return np.fromfile(file, dtype, count, offset=at).reshape(tuple(tensor.dims))


_MOST_KEPT = 4
_MOST_BYTES_KEPT = 16 << 20
_kept: dict[tuple[str, str], _Kept] = {}
"""What the last programs were decoded to, by content and entry, the weights in them apart.

A verb opens the same artifact several times, and a process each is most of the time that takes.
"""
_keeping = threading.Lock()


def _keep(key: tuple[str, str], kept: _Kept) -> None:
    found = kept.decoded
    size = found.model.ByteSize() + sum(a.nbytes for a in found.arrays.values())
    if size > _MOST_BYTES_KEPT:
        return
    with _keeping:
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = kept


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)  # who runs it adds the outputs that they want
    return copied


@contextmanager
def _answer(package: Package, entry: str) -> Iterator[Path]:
    if reason := missing():
        raise ArtifactError(
            "An .aimodel cannot be read here", [Problem(reason, str(package.source), INSTALL)]
        )
    room = (1 << 30) + 16 * package.bytes  # what Apple's parser and threads map, and then some
    # The child works in a folder of its own.
    arguments = [str(package.program.resolve()), str(package.source.resolve()), entry]
    with answer_of(
        CHILD, arguments, subject=package.source, seconds=_SECONDS + package.bytes / 4e6, room=room
    ) as out:
        yield out


def _json(file: Path) -> dict[str, Any]:
    if file.stat().st_size > _MAX_FACTS:
        raise ArtifactError("This Core AI model is damaged or too large", [Problem(file.name)])
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def _facts(found: Mapping[str, Any], head: Head) -> Facts:
    graphs = tuple(
        GraphFacts(
            g["name"],
            g["private"],
            tuple(_port(p) for p in g["inputs"]),
            tuple(_port(p) for p in g["outputs"]),
            dict(g["ops"]),
            tuple(g["refused"]),
        )
        for g in found["graphs"]
    )
    told = {str(k): tuple(float(x) for x in v) for k, v in found["suppression"].items()}
    return Facts(graphs, found["weights"], head, tuple(found["lints"]), told)


def _port(p: Mapping[str, Any]) -> PortFacts:
    shape = None if p["shape"] is None else tuple(p["shape"])
    return PortFacts(p["name"], p["dtype"], shape, p["detail"])
