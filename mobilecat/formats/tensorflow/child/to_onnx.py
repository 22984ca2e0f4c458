"""A frozen TensorFlow graph → ONNX file, by tf2onnx; what it cannot translate, all at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilecat.errors import MobileCatError, ModelError, Problem
from mobilecat.foreign import problem_from_tf2onnx
from mobilecat.formats.base.notes import NOTES_KEY, text_from_notes
from mobilecat.formats.tensorflow.child.network import Frozen, Network
from mobilecat.formats.tensorflow.child.own_ops import HANDLERS
from mobilecat.formats.tensorflow.child.reason import reason
from mobilecat.graph.anchors import ANCHORS_KEY, text_from_anchors

OPSET = 18
"""The newest that tf2onnx 1.17 writes; also the oldest of a frozen graph."""


def write_onnx(network: Network, frozen: Frozen, name: str, out: Path) -> None:
    """Write the network as ONNX, inputs and outputs under the network's own names.

    Errors: ModelError naming each node whose translation failed. Ops without any translation stay
    in the file as they are, for the parent to list.
    """
    import onnx
    import tf2onnx

    graph_def = with_defaults(frozen.graph_def, list(frozen.inputs.values()))
    failures = _Failures()
    logger = logging.getLogger("tf2onnx")
    logger.addHandler(failures)
    renamed = {t: n for n, t in (*frozen.inputs.items(), *frozen.outputs.items())}
    try:
        proto, _ = tf2onnx.convert.from_graph_def(
            graph_def,
            name=name,
            input_names=list(frozen.inputs.values()),
            output_names=list(frozen.outputs.values()),
            opset=OPSET,
            tensors_to_rename=renamed,
            custom_op_handlers=HANDLERS,
        )
    except MobileCatError as e:
        failures.problems += e.problems
    except Exception as e:
        failures.problems.append(problem_from_tf2onnx(reason(e)))
    finally:
        logger.removeHandler(failures)
    if failures.problems:
        raise ModelError(f"{name}: tf2onnx cannot translate the graph", failures.problems)
    if network.anchors is not None:
        _set(proto, ANCHORS_KEY, text_from_anchors(network.anchors))
    if network.notes:
        _set(proto, NOTES_KEY, text_from_notes(network.notes))
    onnx.save(proto, out)


def with_defaults(graph_def: Any, inputs: Sequence[str]) -> Any:
    """Return the graph with placeholders that nobody feeds as what they default to.

    tf2onnx takes a constant default only, and otherwise asks for a flag of its own.
    """
    fed = {name.split(":")[0] for name in inputs}
    found = [n for n in graph_def.node if n.op == "PlaceholderWithDefault" and n.name not in fed]
    if not found:
        return graph_def
    copy = type(graph_def)()
    copy.CopyFrom(graph_def)
    for node in copy.node:
        if node.op == "PlaceholderWithDefault" and node.name not in fed:
            node.op = "Identity"
            node.attr["T"].CopyFrom(node.attr["dtype"])
            del node.attr["dtype"], node.attr["shape"]
    return copy


def loops_in(graph_def: Any) -> list[str]:
    """Return the loops of a graph by the names that TensorFlow gives them: tf2onnx drops those."""
    found: dict[str, None] = {}
    for node in graph_def.node:
        if node.op in ("Enter", "RefEnter"):
            found[node.attr["frame_name"].s.decode().removesuffix("_context").rstrip("/")] = None
        elif node.op in ("While", "StatelessWhile"):
            found[node.name] = None
    return list(found)


def _set(proto: object, key: str, value: str) -> None:
    entry = proto.metadata_props.add()  # type: ignore[attr-defined]
    entry.key, entry.value = key, value


class _Failures(logging.Handler):
    """tf2onnx goes on after a node that it could not translate, and only logs it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.problems: list[Problem] = []

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Failed to convert node") and isinstance(record.args, tuple):
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            if isinstance(error, MobileCatError):
                self.problems += error.problems
                return
            why = reason(error) if error else "no reason given"
            self.problems.append(problem_from_tf2onnx(why, f"node {record.args[0]!r}"))
