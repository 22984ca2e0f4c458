"""Turn emitted ONNX nodes into onnxruntime sessions, once each."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from mobilecat.errors import ArtifactError, Problem

Array = npt.NDArray[Any]

_EXTERNAL_BYTES = 1024  # larger constants are handed over beside the graph, not copied into it
_CACHED = 256
OPSET = 21
IR_VERSION = 10


@dataclass(frozen=True)
class Work:
    """A piece of ONNX graph: nodes in order, constants, and the types of what goes in and out."""

    nodes: Sequence[onnx.NodeProto]
    initializers: Mapping[str, Array]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


class Session:
    """A compiled piece of graph."""

    def __init__(self, work: Work, threads: int | None) -> None:
        import onnxruntime as ort

        model, external = _model(work)
        options = ort.SessionOptions()
        options.log_severity_level = 4
        if threads is not None:
            options.intra_op_num_threads = threads
        elif _is_small(work):
            options.intra_op_num_threads = 1
        if external:
            # kept alive here: the session may use the arrays' own memory
            self._external = [ort.OrtValue.ortvalue_from_numpy(a) for a in external.values()]
            options.add_external_initializers(list(external), self._external)
        self._outputs = list(work.outputs)
        try:
            self._session = ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:  # onnxruntime's exceptions share no public base class
            raise _failed("cannot be prepared", e) from None

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        try:
            return list(self._session.run(self._outputs, dict(feeds)))
        except Exception as e:
            raise _failed("failed while it ran", e) from None


class Sessions:
    """Compiles, and remembers pieces that come again (loops, data-dependent shapes)."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._cache: OrderedDict[bytes, Session] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._cache)

    def compile(self, work: Work) -> Session:
        """Return a session for `work` that the caller keeps."""
        return Session(work, self._threads)

    def once(self, work: Work, feeds: Mapping[str, Array]) -> list[Array]:
        """Run `work` and forget it."""
        return Session(work, 1).run(feeds)

    def again(self, work: Work) -> list[Array]:
        """Run `work` of a loop's round: the same piece each time, but for names and numbers."""
        return self.cached(*_renamed(work))

    def cached(self, work: Work, feeds: Mapping[str, Array]) -> list[Array]:
        """Run `work`, compiling it only where the same piece was not seen before."""
        key = _digest(work)
        session = self._cache.pop(key, None) or Session(work, self._threads)
        self._cache[key] = session
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return session.run(feeds)


def _renamed(work: Work) -> tuple[Work, dict[str, Array]]:
    """Return `work` with names by order, and small constants as what it is fed."""
    names: dict[str, str] = {"": ""}

    def short(name: str) -> str:
        return names.setdefault(name, f"n{len(names)}")

    nodes = []
    for old in work.nodes:
        node = onnx.NodeProto()
        node.CopyFrom(old)
        node.name = ""
        node.input[:] = map(short, old.input)
        node.output[:] = map(short, old.output)
        nodes.append(node)
    small = {n: a for n, a in work.initializers.items() if a.nbytes < _EXTERNAL_BYTES}
    constants = {names[n]: a for n, a in work.initializers.items() if n not in small}
    feeds = {names[n]: a for n, a in small.items()}
    types = {
        names[n]: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in small.items()
    }
    return Work(nodes, constants, types, {names[n]: t for n, t in work.outputs.items()}), feeds


def _digest(work: Work) -> bytes:
    h = hashlib.blake2b(digest_size=16)
    for node in work.nodes:
        h.update(node.SerializeToString())
    for name, array in work.initializers.items():
        h.update(f"{name}{array.dtype}{array.shape}".encode())
        h.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    for name, proto in (*work.inputs.items(), *work.outputs.items()):
        h.update(name.encode() + proto.SerializeToString())
    return h.digest()


def _is_small(work: Work) -> bool:
    sizes = [_elements(t) for t in (*work.inputs.values(), *work.outputs.values())]
    return len(work.nodes) < 8 and sum(sizes) < 1 << 14


def _elements(type_proto: Any) -> int:
    count = 1
    for d in type_proto.tensor_type.shape.dim:
        count *= max(d.dim_value, 1)
    return count


def _model(work: Work) -> tuple[onnx.ModelProto, dict[str, Array]]:
    external: dict[str, Array] = {}
    tensors = []
    for name, array in work.initializers.items():
        if array.nbytes < _EXTERNAL_BYTES:
            tensors.append(onnx.numpy_helper.from_array(array, name))
            continue
        external[name] = np.ascontiguousarray(array)
        tensor = TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        tensor.external_data.add(key="location", value="memory")
        tensors.append(tensor)
    graph = helper.make_graph(
        list(work.nodes),
        "coreml",
        [onnx.ValueInfoProto(name=n, type=t) for n, t in work.inputs.items()],
        [onnx.ValueInfoProto(name=n, type=t) for n, t in work.outputs.items()],
        tensors,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets), external


def _failed(verb: str, error: Exception) -> ArtifactError:
    reason = " ".join(str(error).split())[:400]
    return ArtifactError(f"This Core ML model {verb}", [Problem(reason)])
