"""ONNX file → frozen graph: read, check, fix the shapes, bring to one opset, fold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.onnx.external import load_external_data
from mobilecat.formats.onnx.functions import require_finite
from mobilecat.formats.onnx.input_shapes import Dims, Shapes, settle
from mobilecat.formats.onnx.shape_rules import contradictions
from mobilecat.graph import MIN_OPSET
from mobilecat.graph.passes import freeze

OLDEST_OPSET = 9
NEWEST_OPSET = min(26, onnx.defs.onnx_opset_version())
"""What onnxruntime 1.31 executes; onnx itself knows opsets that are still being written."""

_DEFAULT_DOMAINS = ("", "ai.onnx")


def import_onnx(path: Path, shapes: Shapes | None = None) -> ir.Model:
    """Return the frozen graph of the ONNX file at `path`.

    `shapes` maps graph inputs to full shapes. It fixes dynamic dimensions, and may replace static
    ones where the graph still holds together; a dynamic leading dimension left open becomes 1.
    The file is only read.
    Errors: ModelError naming node and reason; every problem of one kind at once.
    """
    return import_proto(read_onnx(path), shapes or {}, path)


def import_proto(proto: onnx.ModelProto, shapes: Shapes, path: Path) -> ir.Model:
    """Return the frozen graph of a model in memory, which is used up; `path` is for errors."""
    _require_known_ops(proto, path)
    _check(proto, path)
    changed = _changed(dims_of_proto(proto), shapes)
    _fix_input_shapes(proto, shapes, path)
    proto = _to_min_opset(proto, path)
    _infer_strictly(proto, path, changed)
    model = freeze(ir.from_proto(proto), str(path))
    if problems := contradictions(model):
        raise ModelError(f"{path.name}: the shapes contradict each other", [*problems, *changed])
    return model


def _changed(dims: Mapping[str, tuple[int | None, ...]], shapes: Shapes) -> list[Problem]:
    """Return what was asked for against the file: a network may be made for one size only."""
    return [
        Problem(
            f"the file says {_by(dims[name])}, and {_by(tuple(wanted))} was asked for",
            f"input {name!r}",
            "take the size that it was made for, or export the network for the other",
        )
        for name, wanted in shapes.items()
        if name in dims and dims[name] != tuple(wanted)
    ]


def _by(dims: tuple[int | None, ...]) -> str:
    return "×".join("?" if d is None else str(d) for d in dims)


def read_onnx(path: Path) -> onnx.ModelProto:
    """Parse the file and its external data; ModelError where either is missing or damaged."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(
            "The model cannot be read", [Problem(e.strerror or str(e), str(path))]
        ) from e
    if not data:
        raise ModelError("The model cannot be read", [Problem("the file is empty", str(path))])
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as e:
        raise _unreadable(path, len(data)) from e
    if not proto.graph.node and not proto.graph.output:
        raise _unreadable(path, len(data))
    load_external_data(proto, path)
    require_finite(proto, path)
    return proto


def onnx_with_shapes(path: Path, shapes: Shapes) -> onnx.ModelProto:
    """Return the file's model as it is, but for its input shapes."""
    proto = read_onnx(path)
    _fix_input_shapes(proto, shapes, path)
    return proto


def input_dims(path: Path) -> dict[str, tuple[int | None, ...]]:
    """Return the inputs of the file by name, None for a dynamic dimension."""
    return dims_of_proto(read_onnx(path))


def dims_of_proto(proto: onnx.ModelProto) -> dict[str, tuple[int | None, ...]]:
    """Return the inputs by name, None for a dynamic dimension."""
    return {name: _dims(value) or () for name, value in _inputs(proto).items()}


def _inputs(proto: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Return the true inputs: old files list their weights among them."""
    constants = {i.name for i in proto.graph.initializer}
    return {v.name: v for v in proto.graph.input if v.name not in constants}


def _dims(value: onnx.ValueInfoProto) -> Dims:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)


def _unreadable(path: Path, size: int) -> ModelError:
    return ModelError(
        "The model cannot be read",
        [
            Problem(
                f"not an ONNX file, or cut short ({size:,} bytes)",
                str(path),
                "export or download it again, and compare its size or hash with the original's",
            )
        ],
    )


def _require_known_ops(proto: onnx.ModelProto, path: Path) -> None:
    opset = default_opset(proto)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelError(
            f"{path.name}: opset {opset} cannot be read",
            [
                Problem(
                    f"opsets {OLDEST_OPSET} to {NEWEST_OPSET} can",
                    str(path),
                    "export the model again with an opset in that range",
                )
            ],
        )
    own = {(f.domain, f.name) for f in proto.functions}
    problems = []
    for node in all_nodes(proto.graph):
        named = f"{node.op_type} {node.name or (node.output[0] if node.output else '')!r}"
        if (node.domain, node.op_type) in own:
            continue
        if node.domain not in _DEFAULT_DOMAINS:
            problems.append(
                Problem(
                    f"custom op of domain {node.domain!r}",
                    named,
                    "export the model without it, or as a standard op",
                )
            )
        elif not onnx.defs.has(node.op_type) or not _known(node.op_type, opset):
            problems.append(Problem(f"ONNX has no such op in opset {opset}", named))
    if problems:
        raise ModelError(f"{path.name}: {len(problems)} nodes are not standard ONNX", problems)


def _known(op_type: str, opset: int) -> bool:
    try:
        onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return False
    return True


def all_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes of a graph and of all graphs inside it."""
    nodes = list(graph.node)
    for node in graph.node:
        for a in node.attribute:
            for sub in ([a.g] if a.HasField("g") else []) + list(a.graphs):
                nodes += all_nodes(sub)
    return nodes


def default_opset(proto: onnx.ModelProto) -> int:
    """Return the version of the default domain; 1 where the model does not say (ONNX's rule)."""
    return max((o.version for o in proto.opset_import if o.domain in _DEFAULT_DOMAINS), default=1)


def _check(proto: onnx.ModelProto, path: Path) -> None:
    """Hold the model to ONNX's checker, but for one rule that no engine keeps: that every input and
    output states its shape. Shapes are inferred, or asked for, later on."""
    values = (*proto.graph.input, *proto.graph.output)
    tensors = [v.type.tensor_type for v in values if v.type.HasField("tensor_type")]
    bare = [t for t in tensors if not t.HasField("shape")]
    for tensor in bare:
        tensor.shape.SetInParent()
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as e:
        raise ModelError(f"{path.name} is broken", [_problem_from_onnx(e)]) from e
    finally:
        for tensor in bare:
            tensor.ClearField("shape")


def _problem_from_onnx(error: Exception) -> Problem:
    """Turn onnx's `… (op_type:Conv, node name: c1): [ShapeInferenceError] why` into a Problem."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    found = re.search(r"op_type:\s*(\w+),\s*node name:\s*([^)]*)\)", text)
    node = f"{found[1]} {found[2].strip()!r}" if found else ""
    if not node and (ctx := re.search(r"OpType: (\w+).*?(?:Name|name): ?(\S+)", text)):
        node = f"{ctx[1]} {ctx[2]!r}"
    reasons = re.split(r"\[(?:Shape|Type)InferenceError\]|==> Context:", text)
    reason = (reasons[0] if "==> Context:" in text else reasons[-1]).strip(" :.")
    return Problem(reason or text, node)


def _fix_input_shapes(proto: onnx.ModelProto, shapes: Shapes, path: Path) -> None:
    values = _inputs(proto)
    foreign = [
        Problem("only tensor inputs can be compiled", f"input {name!r}")
        for name, value in values.items()
        if value.type.WhichOneof("value") != "tensor_type"
    ]
    dims = {name: _dims(value) for name, value in values.items()}
    settled = settle(dims, shapes, path, foreign)
    replaced = False
    for name, want in settled.items():
        shape = values[name].type.tensor_type.shape
        old = dims[name] or ()
        replaced |= any(h not in (None, w) for h, w in zip(old, want, strict=False))
        del shape.dim[:]
        for side in want:
            shape.dim.add().dim_value = side
    # Shapes that the file states for inner values and outputs may speak of the old size.
    del proto.graph.value_info[:]
    for out in proto.graph.output:
        if replaced or any(d.HasField("dim_param") for d in out.type.tensor_type.shape.dim):
            out.type.tensor_type.ClearField("shape")


def _to_min_opset(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    if default_opset(proto) >= MIN_OPSET:
        return proto
    try:
        return onnx.version_converter.convert_version(proto, MIN_OPSET)
    except Exception as e:
        raise ModelError(
            f"{path.name}: opset {default_opset(proto)} cannot be brought to {MIN_OPSET}",
            [_problem_from_onnx(e)],
        ) from e


def _infer_strictly(proto: onnx.ModelProto, path: Path, changed: list[Problem]) -> None:
    try:
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except Exception as e:
        raise ModelError(
            f"{path.name}: the shapes contradict each other", [_problem_from_onnx(e), *changed]
        ) from e
