"""onnxruntime sessions, quiet and with extra outputs on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from mobilecat.graph import IR_VERSIONS, Array


class OrtModel:
    """An ONNX model that can also return inner values; one session for each set of them."""

    def __init__(self, proto: onnx.ModelProto, threads: int | None = None) -> None:
        self._proto = _of_known_version(proto)
        self._threads = threads
        self._own = tuple(v.name for v in proto.graph.output)
        self._sessions: dict[tuple[str, ...], Any] = {}

    def run(self, feeds: Mapping[str, Array], extra: Sequence[str] = ()) -> dict[str, Array]:
        """Return the model's outputs and the inner values `extra`, by name."""
        names = (*self._own, *(n for n in extra if n not in self._own))
        if names not in self._sessions:
            self._sessions[names] = self._session(names)
        return dict(zip(names, self._sessions[names].run(list(names), dict(feeds)), strict=True))

    def _session(self, names: tuple[str, ...]) -> Any:
        import onnxruntime as ort

        proto = self._proto
        if names != self._own:
            proto = onnx.ModelProto()
            proto.CopyFrom(self._proto)
            for name in names[len(self._own) :]:
                proto.graph.output.append(onnx.ValueInfoProto(name=name))
        options = ort.SessionOptions()
        options.log_severity_level = 4
        if self._threads:
            options.intra_op_num_threads = self._threads
        return ort.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])


def _of_known_version(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The newest onnx package writes an IR version into every file that onnxruntime does not know
    yet. What came after 10 are element types."""
    if proto.ir_version <= IR_VERSIONS[1]:
        return proto
    older = onnx.ModelProto()
    older.CopyFrom(proto)
    older.ir_version = IR_VERSIONS[1]
    return older
