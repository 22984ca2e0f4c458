"""The end of a .tflite artifact, fed at inner values: the flatbuffer without what leads there."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import mapped
from mobilecat.errors import ArtifactError, Problem
from mobilecat.foreign import engine_threads
from mobilecat.formats.base.runner import NO_PLACE, NotRun, Runner
from mobilecat.formats.tflite.inner import ORDER
from mobilecat.formats.tflite.read.file import shared_tflite
from mobilecat.formats.tflite.run import quiet_stderr
from mobilecat.graph import Array


class CutTflite:
    note = "LiteRT on the CPU (XNNPACK), fed at inner values"

    def __init__(self, path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._record = record
        model = shared_tflite(mapped(path), str(path))
        self._at = _places(model.subgraphs[0], record, list(given))
        data, self._taps = cut(model, record, {n: i for n, (i, _) in self._at.items()})
        try:
            with quiet_stderr():
                self._engine = Interpreter(model_content=data, num_threads=engine_threads() or 2)
                self._engine.allocate_tensors()
        except (ValueError, RuntimeError) as e:
            problem = Problem(str(e), str(path))
            raise ArtifactError("LiteRT refuses the end of the artifact", [problem]) from e

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        feeds = {
            f"given_{n}": np.ascontiguousarray(v.transpose(self._at[n][1]), np.float32)
            for n, v in inputs.items()
        }
        found = self._engine.get_signature_runner()(**_named(feeds))
        results = {k: found[v] for k, v in record.outputs.items() if v in found}
        results.update((t, found[_legal(f"tap_{t}")]) for t in taps if t in self._taps)
        return results


def _places(
    graph: Any, record: ArtifactRecord, given: Sequence[str]
) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Return where each value lies, and the order of its axes there. NotRun where it does not."""
    names = {_text(t.name): i for i, t in enumerate(graph.tensors)}
    orders = [(m, i) for n, i in names.items() if (m := ORDER.match(n)) is not None]
    found = {}
    for name in given:
        if record.taps.get(name) in names:
            at = names[record.taps[name]]
            found[name] = at, tuple(range(len(graph.tensors[at].shape)))
            continue
        for m, at in orders:
            axes = (0, 2, 3, 1) if m["order"] == "nhwc" else tuple(int(c) for c in m["order"])
            if m["name"] == name and sorted(axes) == list(range(len(graph.tensors[at].shape))):
                found[name] = at, axes
        if name not in found:
            raise NotRun(NO_PLACE)
    return found


def cut(model: Any, record: ArtifactRecord, at: Mapping[str, int]) -> tuple[bytes, list[str]]:
    """Return the flatbuffer from the tensors `at` on, and which taps it gives out."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    graph = copy.copy(model.subgraphs[0])
    by_name = {_text(t.name): i for i, t in enumerate(graph.tensors)}
    outputs = [int(o) for o in graph.outputs]
    kept, made = _leading(graph, set(at.values()), outputs)
    taps = {t: by_name[n] for t, n in record.taps.items() if by_name.get(n, -1) in made}
    graph.operators = kept
    graph.inputs = np.array(list(at.values()), np.int32)
    graph.outputs = np.array(list(dict.fromkeys([*outputs, *taps.values()])), np.int32)
    used = {int(i) for op in kept for i in (*op.inputs, *op.outputs)}
    buffers = {graph.tensors[i].buffer for i in used if i >= 0}
    whole = copy.copy(model)
    whole.subgraphs = [graph, *model.subgraphs[1:]]
    if len(model.subgraphs) == 1:
        empty = schema.BufferT()
        whole.buffers = [b if i in buffers else empty for i, b in enumerate(model.buffers)]
    whole.metadata, whole.metadataBuffer = None, None
    signature = copy.copy(model.signatureDefs[0])
    signature.inputs = [_entry(schema, _legal(f"given_{n}"), i) for n, i in at.items()]
    signature.outputs = [
        *model.signatureDefs[0].outputs,
        *(_entry(schema, _legal(f"tap_{n}"), i) for n, i in taps.items()),
    ]
    whole.signatureDefs = [signature]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output()), list(taps)


def _leading(graph: Any, at: set[int], outputs: Iterable[int]) -> tuple[list[Any], set[int]]:
    """Return the operators between `at` and `outputs`, and what they make."""
    makers = {int(o): op for op in graph.operators for o in op.outputs}
    inputs = {int(i) for i in graph.inputs}
    needed: set[int] = set()
    made: set[int] = set()
    todo = list(outputs)
    while todo:
        tensor = todo.pop()
        if tensor in at or tensor in made or tensor < 0:
            continue
        if tensor in inputs:
            raise NotRun("the end of the graph reads the picture itself")
        if tensor not in makers:
            continue
        op = makers[tensor]
        needed.add(id(op))
        made.update(int(o) for o in op.outputs)
        todo += [int(i) for i in op.inputs]
    return [op for op in graph.operators if id(op) in needed], made


def _entry(schema: Any, name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def _named(feeds: Mapping[str, Array]) -> dict[str, Array]:
    return {_legal(n): v for n, v in feeds.items()}


def _legal(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")


def open_cut(path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> Runner:
    return CutTflite(path, record, given)
