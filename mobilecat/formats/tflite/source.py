"""A .tflite file to compile: its graph as ONNX, and the untouched file in LiteRT as the judge."""

from __future__ import annotations

import difflib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.notes import NOTES_KEY, text_from_notes
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.onnx.changed import Change, changed_proto
from mobilecat.formats.onnx.input_shapes import Shapes, settle
from mobilecat.formats.onnx.own_nms import with_nms
from mobilecat.formats.onnx.read import import_proto
from mobilecat.formats.tflite.judged import LiteNetwork, sizes_in_litert
from mobilecat.formats.tflite.read.detection import CODE as POSTPROCESS
from mobilecat.formats.tflite.read.detection import Detection, detection_end
from mobilecat.formats.tflite.read.file import Graph, Tensor, graph_of, read_tflite, text
from mobilecat.formats.tflite.read.metadata import BUFFER, Said, said_in
from mobilecat.formats.tflite.read.translate import Part, part_of, require_read, translate
from mobilecat.graph import shape_of
from mobilecat.graph.anchors import ANCHORS_KEY, text_from_anchors
from mobilecat.graph.told import TOLD_KEY, Told, text_from_told

Progress = Callable[[str], None]
_LONGEST_LABELS = 1 << 20
_SHOWN = 8


@dataclass(frozen=True)
class _File:
    """A file with what was chosen in it. shapes: of its inputs, by name; as in the file where none
    is given."""

    source: Source
    shapes: Shapes

    @cached_property
    def data(self) -> bytes:
        try:
            return self.source.path.read_bytes()
        except OSError as e:
            problem = Problem(e.strerror or str(e), str(self.source.path))
            raise ModelError("The model cannot be read", [problem]) from e

    @cached_property
    def written(self) -> Graph:
        """The graph as the file has it."""
        where = str(self.source.path)
        return graph_of(self.data, where, self.source.options.signature)

    @cached_property
    def end(self) -> Detection | None:
        return None if self.source.options.outputs else detection_end(self.written)

    @cached_property
    def part(self) -> Part:
        """What of the graph is compiled."""
        graph, options, path = self.written, self.source.options, self.source.path
        known = _known(graph)
        wanted = {
            key: _chosen(key, getattr(options, key), known, path) for key in ("inputs", "outputs")
        }
        ends = self.end.outputs if self.end is not None else graph.outputs
        part = part_of(graph, wanted["inputs"] or graph.inputs, wanted["outputs"] or ends)
        unread = [i for i in wanted["inputs"] if i not in part.inputs]
        if unread:
            problems = [
                Problem(f"nothing before the outputs reads {graph.names[i]!r}", "import.inputs")
                for i in unread
            ]
            raise ModelError(f"{path.name} cannot be cut there", problems)
        return part

    @cached_property
    def settled(self) -> dict[int, tuple[int, ...]]:
        """The shapes of the inputs, by tensor."""
        names = {self.written.names[i]: i for i in self.part.inputs}
        found = settle(dims_in(self.written, self.part), self.shapes, self.source.path)
        return {names[n]: shape for n, shape in found.items()}

    @cached_property
    def graph(self) -> Graph:
        """The graph for the shapes that are asked for: LiteRT says what follows from them."""
        graph = self.written
        if all(graph.tensors[i].shape == shape for i, shape in self.settled.items()):
            return graph
        require_read(graph, self.part)
        sizes = sizes_in_litert(self.source.path, self.settled)
        tensors = [replace(t, shape=sizes.get(t.index, t.shape)) for t in graph.tensors]
        return replace(graph, tensors=tuple(tensors))

    @property
    def whole(self) -> bool:
        """Whether LiteRT runs the file as it is: from the file's own inputs on."""
        graph = self.written
        strange = any(op.custom and op.code != POSTPROCESS for op in graph.ops)
        own = set(self.part.inputs) <= set(graph.inputs)
        return own and graph.number == 0 and not strange


def dims(source: Source, progress: Progress) -> dict[str, tuple[int | None, ...]]:
    file = _File(source, {})
    return dims_in(file.written, file.part)


def dims_in(graph: Graph, part: Part) -> dict[str, tuple[int | None, ...]]:
    return {graph.names[i]: graph.tensors[i].dims for i in part.inputs}


def read(source: Source, shapes: Mapping[str, Sequence[int]], progress: Progress) -> ir.Model:
    """Return the frozen graph. Errors: ModelError listing every operator that is not read."""
    file = _File(source, shapes)
    model = import_proto(_proto(file), {}, source.path, ours=True)
    _require_shapes(file, model)
    model.metadata_props.update(_metadata(file))
    return model


def reference(source: Source, shapes: Mapping[str, Sequence[int]]) -> Reference:
    """Open the file in LiteRT; what is no output of it is read from its memory."""
    file = _File(source, shapes)
    graph, part = file.graph, file.part
    if not file.whole:
        require_read(graph, part)  # the part alone is run, and has nothing that LiteRT lacks
    content = None if file.whole else alone(file.data, file.written, part)
    network = LiteNetwork(
        source.path,
        content,
        [graph.tensors[i] for i in part.inputs],
        [graph.tensors[i] for i in part.outputs],
        graph.names,
    )
    dtypes = {graph.names[i]: np.dtype(graph.tensors[i].dtype) for i in part.inputs}
    values, weights = _quantised(file)
    rounds = bool(values or weights)
    return Reference(network, "LiteRT", _metadata(file), dtypes, rounds=rounds)


def changed(source: Source, shapes: Mapping[str, Sequence[int]], change: Change) -> Reference:
    """Open the file's graph in onnxruntime with each weight changed by `change(name, values)`."""
    return changed_proto(_proto(_File(source, shapes)), change)


def _proto(file: _File) -> onnx.ModelProto:
    return with_nms(translate(file.graph, file.part), file.source.path)


def _require_shapes(file: _File, model: ir.Model) -> None:
    """Raise ModelError where an output has another shape than the file says: the walk reads how
    many dimensions a value has from there."""
    said = {file.graph.names[i]: file.graph.tensors[i] for i in file.part.outputs}
    problems = [
        Problem(f"the file says {list(t.shape)}, and its operators give {list(shape_of(v))}", name)
        for v in model.graph.outputs
        if (t := said[name := v.name or ""]).shape != shape_of(v)
    ]
    if problems:
        raise ModelError(f"{file.source.path.name}: the shapes contradict each other", problems)


def _metadata(file: _File) -> dict[str, str]:
    found: dict[str, str] = {}
    said, labels = _said(file)
    image: dict[str, Any] = {}
    notes = list(_notes(file))
    if said.mean:
        pairs = (("mean", said.mean), ("std", said.std))
        image = {k: v[0] if len(v) == 1 else list(v) for k, v in pairs}
        written = ", ".join(f"{k} {list(v)}" for k, v in pairs)
        notes.append(
            f"the file's metadata normalises pixels by {written}: `mobilecat init` writes them "
            "into [input]"
        )
    if labels:
        found["names"] = repr(list(labels))
        notes.append(f"{len(labels)} labels from {said.labels or 'a file'} packed in the model")
    end = file.end
    if end is not None:
        found[ANCHORS_KEY] = text_from_anchors(end.anchors)
    told = Told(end.head if end else {}, image, end.nms if end else {})
    if text_ := text_from_told(told):
        found[TOLD_KEY] = text_
    if notes:
        found[NOTES_KEY] = text_from_notes(notes)
    return found


def _notes(file: _File) -> list[str]:
    graph, notes = file.graph, []
    if graph.others:
        others = ", ".join(map(repr, graph.others))
        notes.append(f"signature {graph.signature!r} is taken; the file has {others} besides")
    if file.end is not None:
        notes += file.end.notes
    values, weights = _quantised(file)
    if values:
        kinds = (
            " and ".join(sorted({t.dtype for t in values if t.dtype not in ("int32", "int64")}))
            or "int32"
        )
        notes.append(
            f"values of {kinds} are read as the real numbers that they stand for: LiteRT rounds "
            f"each of them to its steps, the artifacts do not"
        )
    elif weights:
        kinds = " and ".join(sorted({t.dtype for t in weights}))
        notes.append(
            f"weights of {kinds} are read as real numbers; LiteRT rounds what they meet to 8 bits "
            "as well, the artifacts do not"
        )
    if any(t.sparse is not None for t in _held(file)):
        notes.append("sparse weights are read as dense ones")
    return notes


def _held(file: _File) -> list[Tensor]:
    held = {i for op in file.part.ops for i in (*op.inputs, *op.outputs) if i >= 0}
    return [file.graph.tensors[i] for i in held]


def _quantised(file: _File) -> tuple[list[Tensor], list[Tensor]]:
    """Return the values and the weights that stand for real numbers."""
    found = [t for t in _held(file) if t.quantised]
    weights = [t for t in found if t.data is not None and t.dtype not in ("int32", "int64")]
    return [t for t in found if t.data is None], weights


def _said(file: _File) -> tuple[Said, tuple[str, ...]]:
    """Return what the embedded metadata says, and the labels that are packed with it."""
    model = read_tflite(file.data, str(file.source.path))
    said = Said()
    for entry in model.metadata or []:
        if text(entry.name) == BUFFER and 0 <= entry.buffer < len(model.buffers):
            held = model.buffers[entry.buffer].data
            said = said_in(b"" if held is None else bytes(np.asarray(held, np.uint8).data))
    return said, _labels(file.data, said.labels)


def _labels(data: bytes, name: str) -> tuple[str, ...]:
    """Return the labels, a line each, of the file `name` in the zip behind the model."""
    if not name or not zipfile.is_zipfile(io.BytesIO(data)):
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, packed.open(name) as file:
            raw = file.read(_LONGEST_LABELS + 1)
        lines = raw.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError):
        return ()
    return tuple(lines) if len(raw) <= _LONGEST_LABELS and all(x.strip() for x in lines) else ()


def alone(data: bytes, graph: Graph, part: Part) -> bytes:
    """Return a flatbuffer with the part only, from its inputs to its outputs; tensors keep their
    numbers."""
    import flatbuffers

    model = read_tflite(data, "")
    whole = model.subgraphs[graph.number]
    kept = {id(op) for op in part.ops}
    pairs = zip(graph.ops, whole.operators or [], strict=True)
    whole.operators = [raw for op, raw in pairs if id(op) in kept]
    whole.inputs = np.array(part.inputs, np.int32)
    whole.outputs = np.array(part.outputs, np.int32)
    model.subgraphs, model.signatureDefs = [whole], None
    model.metadata, model.metadataBuffer = None, None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _known(graph: Graph) -> dict[str, int]:
    """Return tensors by what they may be called: their name, or the signature's."""
    found = {t.name: t.index for t in reversed(graph.tensors) if t.name}
    return {**found, **{name: i for i, name in graph.names.items()}}


def _chosen(
    key: str, names: Sequence[str], known: Mapping[str, int], path: Path
) -> tuple[int, ...]:
    problems = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=_SHOWN, cutoff=0.5)
            fix = f"did you mean {', '.join(map(repr, close))}?" if close else ""
            problems.append(Problem(f"the graph has no tensor {name!r}", f"import.{key}", fix))
    if problems:
        raise ModelError(f"{path.name} cannot be cut there", problems)
    return tuple(known[n] for n in names)


__all__ = ["Tensor", "alone", "changed", "dims", "read", "reference"]
