"""The end of an .onnx artifact, fed at inner values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from mobilecat.bundle import ArtifactRecord
from mobilecat.formats.base.runner import NO_PLACE, NotRun, Runner
from mobilecat.formats.onnx.checked import read_by
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import arrays_of, read_light
from mobilecat.graph import Array


class CutOnnx:
    """The end of a graph. places, outputs: the bundle's names → values of the graph.

    arrays: initializers that lie beside `proto`, by name.
    """

    note = "onnxruntime, float32, fed at inner values"

    def __init__(
        self,
        proto: onnx.ModelProto,
        places: Mapping[str, str],
        outputs: Mapping[str, str],
        given: Mapping[str, Array],
        arrays: Mapping[str, Array] | None = None,
    ) -> None:
        self._places, self._outputs = places, outputs
        if not set(given) <= set(places):
            raise NotRun(NO_PLACE)
        names = {places[n]: n for n in given}
        keep = cut(proto, set(names), [*outputs.values()])
        del proto.graph.input[:]
        for name, of in names.items():
            proto.graph.input.append(
                onnx.helper.make_tensor_value_info(
                    name, onnx.TensorProto.FLOAT, list(given[of].shape)
                )
            )
        del proto.graph.node[:]
        proto.graph.node.extend(keep)
        _drop_unread(proto)
        self._model = OrtModel(proto, arrays=arrays)
        self._made = {o for node in keep for o in node.output}

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        wanted = {t: self._places[t] for t in taps if self._places.get(t) in self._made}
        feeds = {self._places[k]: v for k, v in inputs.items()}
        found = self._model.run(feeds, list(wanted.values()))
        return {k: found[v] for k, v in {**self._outputs, **wanted}.items() if v in found}


def _drop_unread(proto: onnx.ModelProto) -> None:
    """Take out the initializers that no node reads any more: most of a network's bytes."""
    read = {name for node in proto.graph.node for name in read_by(node)}
    read |= {v.name for v in proto.graph.output}
    kept = [onnx.TensorProto.FromString(t.SerializeToString())
            for t in proto.graph.initializer if t.name in read]  # fmt: skip
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)


def cut(proto: onnx.ModelProto, at: set[str], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    """Return the nodes that lead from `at` to `outputs`; NotRun where others lead there too."""
    makers = {o: node for node in proto.graph.node for o in node.output}
    known = {i.name for i in proto.graph.initializer} | {""}
    inputs = {i.name for i in proto.graph.input} - known
    needed: set[int] = set()
    todo = list(outputs)
    while todo:
        name = todo.pop()
        if name in at or name in known:
            continue
        if name in inputs:
            raise NotRun(f"the end of the graph reads {name!r} itself")
        known.add(name)
        node = makers[name]
        needed.add(id(node))
        todo += node.input
    return [node for node in proto.graph.node if id(node) in needed]


def open_cut(path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> Runner:
    proto, places = read_light(path)
    return CutOnnx(proto, record.taps, record.outputs, given, arrays_of(proto, places, path))
