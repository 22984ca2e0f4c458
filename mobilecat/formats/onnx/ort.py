"""onnxruntime sessions, quiet and with extra outputs on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from mobilecat.errors import ModelError
from mobilecat.foreign import (
    engine_threads,
    problem_from_onnxruntime,
    quiet_onnxruntime,
    session_options,
)
from mobilecat.graph import IR_VERSIONS, Array
from mobilecat.graph.light import session_of


class OrtModel:
    """An ONNX model that can also return inner values; one session for each set of them.

    arrays: initializers that lie beside it, by name (`mobilecat.graph.light`).
    as_written: run node by node. onnxruntime's optimisations make a run faster, and write weights
        anew that they merge or turn, as much as all of them again.
    """

    def __init__(
        self,
        proto: onnx.ModelProto,
        threads: int | None = None,
        arrays: Mapping[str, Array] | None = None,
        as_written: bool = False,
    ) -> None:
        self._as_written = as_written
        self._proto = _of_known_version(proto)
        self._arrays = arrays or {}
        self._threads = threads or engine_threads()
        self._own = tuple(v.name for v in proto.graph.output)
        self._sessions: dict[tuple[str, ...], Any] = {}

    def load(self, extra: Sequence[str] = ()) -> None:
        """Make the session now. Errors: ModelError where onnxruntime does not take the model."""
        self._loaded(extra)

    def _loaded(self, extra: Sequence[str]) -> tuple[str, ...]:
        names = (*self._own, *(n for n in extra if n not in self._own))
        if names not in self._sessions:
            self._sessions[names] = self._session(names)
        return names

    def rest(self) -> None:
        """Let go of the sessions: the next run makes its own."""
        self._sessions.clear()

    def run(self, feeds: Mapping[str, Array], extra: Sequence[str] = ()) -> dict[str, Array]:
        """Return the model's outputs and the inner values `extra`, by name."""
        names = self._loaded(extra)
        try:
            found = self._sessions[names].run(list(names), dict(feeds))
        except Exception as e:  # onnxruntime's exceptions share no public base class
            problem = problem_from_onnxruntime(str(e))
            raise ModelError("onnxruntime cannot run this model", [problem]) from e
        return dict(zip(names, found, strict=True))

    def _session(self, names: tuple[str, ...]) -> Any:
        proto = self._proto
        if names != self._own:
            proto = onnx.ModelProto()
            proto.CopyFrom(self._proto)
            for name in names[len(self._own) :]:
                proto.graph.output.append(onnx.ValueInfoProto(name=name))
        options = session_options()
        if self._as_written:
            level = quiet_onnxruntime().GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        if self._threads:
            options.intra_op_num_threads = self._threads
        try:
            return session_of(proto, self._arrays, options)
        except Exception as e:  # onnxruntime's exceptions share no public base class
            problem = problem_from_onnxruntime(str(e))
            raise ModelError("onnxruntime does not take this model", [problem]) from e


def _of_known_version(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The newest onnx package writes an IR version into every file that onnxruntime does not know
    yet. What came after 10 are element types."""
    if proto.ir_version <= IR_VERSIONS[1]:
        return proto
    older = onnx.ModelProto()
    older.CopyFrom(proto)
    older.ir_version = IR_VERSIONS[1]
    return older
