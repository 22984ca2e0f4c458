"""ONNX file → frozen graph: read, check, fix the shapes, bring to one opset, fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
import onnx_ir as ir

from mobilecat.bake.nms import OP as NMS
from mobilecat.bake.nms import state_outputs
from mobilecat.errors import ModelError, Problem
from mobilecat.foreign import problem_from_onnx
from mobilecat.formats.base.notes import add_notes
from mobilecat.formats.onnx.checked import all_nodes, check, require_known_ops
from mobilecat.formats.onnx.external import load_external_data
from mobilecat.formats.onnx.functions import require_finite
from mobilecat.formats.onnx.input_shapes import Dims, Shapes, settle
from mobilecat.formats.onnx.old_forms import to_min_opset
from mobilecat.formats.onnx.shape_rules import contradictions
from mobilecat.formats.onnx.tidy import tidy
from mobilecat.formats.onnx.unread import NotWhole, Place, values_of, without_weights
from mobilecat.graph import MOBILECAT_DOMAIN, Array
from mobilecat.graph.light import as_inputs, mark, model_of
from mobilecat.graph.passes import freeze
from mobilecat.graph.passes.pooling import settle_ceil_mode
from mobilecat.graph.passes.shapes import STAND_INS, infer_shapes


def import_onnx(path: Path, shapes: Shapes | None = None) -> ir.Model:
    """Return the frozen graph of the ONNX file at `path`.

    `shapes` maps graph inputs to full shapes. It fixes dynamic dimensions, and may replace static
    ones where the graph still holds together; a dynamic leading dimension left open becomes 1.
    The file is only read.
    Errors: ModelError naming node and reason; every problem of one kind at once.
    """
    proto, places = read_light(path)
    return import_proto(proto, shapes or {}, path, arrays=arrays_of(proto, places, path))


def import_proto(
    proto: onnx.ModelProto,
    shapes: Shapes,
    path: Path,
    ours: bool = False,
    arrays: Mapping[str, Array] | None = None,
) -> ir.Model:
    """Return the frozen graph of a model in memory, which is used up; `path` is for errors.

    ours: whether a reader of ours made it: its `mobilecat::NMS` nodes mean what they say, and stay.
    arrays: initializers that lie beside it, by name (`mobilecat.graph.light`).
    """
    arrays = arrays or {}
    require_known_ops(proto, path)
    notes = tidy(proto)
    with as_inputs(proto):
        check(proto, path)
    changed = _changed(dims_of_proto(proto), shapes)
    said = {p.key: p.value for p in proto.metadata_props}
    _fix_input_shapes(proto, shapes, path)
    proto, note = to_min_opset(proto, path, arrays)
    model = _inferred(proto, path, changed, arrays)
    if ours:
        for node in model.graph:
            if (node.domain, node.op_type) == (MOBILECAT_DOMAIN, NMS):
                state_outputs(node)
    model = freeze(model, str(path), frozenset({(MOBILECAT_DOMAIN, NMS, "")} if ours else ()))
    if problems := contradictions(model):
        raise ModelError(f"{path.name}: the shapes contradict each other", [*problems, *changed])
    for key, value in said.items():  # the version converter drops them
        model.metadata_props.setdefault(key, value)
    add_notes(model.metadata_props, [*notes, *([note] if note else [])])
    return model


def _inferred(
    proto: onnx.ModelProto, path: Path, changed: list[Problem], arrays: Mapping[str, Array]
) -> ir.Model:
    """Return the model with poolings as they are, held to ONNX's strict inference."""
    if any(_rounds_up(node) for node in proto.graph.node):
        proto = _settled(proto)
    with as_inputs(proto):
        _infer_strictly(proto, path, changed)
    return model_of(proto, arrays)


def _rounds_up(node: onnx.NodeProto) -> bool:
    return any(a.name == "ceil_mode" and a.i for a in node.attribute)


def _settled(proto: onnx.ModelProto) -> onnx.ModelProto:
    model = ir.from_proto(proto)
    infer_shapes(model)
    settled = False
    while settle_ceil_mode(model):
        settled = True
        infer_shapes(model)
    return ir.to_proto(model) if settled else proto


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
    proto = _parsed(path, _bytes_of(path))
    load_external_data(proto, path)
    require_finite(proto, path)
    return proto


def read_light(path: Path) -> tuple[onnx.ModelProto, dict[str, Place]]:
    """Return the file but for its large initializers, which are marked, and where these lie.

    Errors: ModelError, as of `read_onnx`.
    """
    try:
        data, numbered = without_weights(path)
    except (OSError, ValueError, NotWhole):  # nothing in it, or not to be mapped
        data, numbered = _bytes_of(path), {}
    proto = _parsed(path, data)
    names = Counter(t.name for t in proto.graph.initializer)
    found = {proto.graph.initializer[i].name: place for i, place in numbered.items()}
    if not all(n and names[n] == 1 for n in found):
        return read_onnx(path), {}
    places: dict[str, Place] = {}
    load_external_data(proto, path, places)
    for i in numbered:
        mark(proto.graph.initializer[i])
    require_finite(proto, path)
    return proto, {**places, **found}


def arrays_of(proto: onnx.ModelProto, places: Mapping[str, Place], path: Path) -> dict[str, Array]:
    """Return the initializers of `read_light` that the model still has, each read once.

    Errors: ModelError where a file cannot be read any more.
    """
    read: dict[Place, Array] = {}
    arrays = {}
    for tensor in proto.graph.initializer:
        if (place := places.get(tensor.name)) is None:
            continue
        try:
            if place not in read:
                read[place] = place.read()
        except OSError as e:
            said = Problem(e.strerror or str(e), str(place.file))
            raise ModelError("The model cannot be read", [said]) from e
        arrays[tensor.name] = values_of(tensor, read[place])
    return arrays


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(
            "The model cannot be read", [Problem(e.strerror or str(e), str(path))]
        ) from e
    if not data:
        raise ModelError("The model cannot be read", [Problem("the file is empty", str(path))])
    return data


def _parsed(path: Path, data: bytes) -> onnx.ModelProto:
    size = path.stat().st_size
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as e:
        raise _unreadable(path, size) from e
    if not proto.graph.node and not proto.graph.output:
        raise _unreadable(path, size)
    if not all(isinstance(word, str) for word in _words(proto)):
        raise _unreadable(path, size)  # names that are no UTF-8 come as bytes
    return proto


def with_shapes(proto: onnx.ModelProto, shapes: Shapes, path: Path) -> onnx.ModelProto:
    """Return the model as it is, but for its input shapes; `proto` is used up."""
    _fix_input_shapes(proto, shapes, path)
    return proto


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


def _words(proto: onnx.ModelProto) -> Iterator[object]:
    """Give every name by which the parts of a network find each other."""
    nodes = [*all_nodes(proto.graph), *(n for f in proto.functions for n in f.node)]
    for node in nodes:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (a.name for a in node.attribute)
    values = (*proto.graph.input, *proto.graph.output, *proto.graph.value_info)
    yield from (v.name for v in (*values, *proto.graph.initializer, *proto.functions))
    yield from (o.domain for o in proto.opset_import)


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


def _infer_strictly(proto: onnx.ModelProto, path: Path, changed: list[Problem]) -> None:
    proto = _with_stand_ins(proto)
    try:
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except Exception as e:
        raise ModelError(
            f"{path.name}: the shapes contradict each other", [problem_from_onnx(e), *changed]
        ) from e


def _with_stand_ins(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without ops that strict inference stops at."""
    if not any(n.op_type in STAND_INS for n in proto.graph.node):
        return proto
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for node in copy.graph.node:
        if node.domain in ("", "ai.onnx"):
            node.op_type = STAND_INS.get(node.op_type, node.op_type)
    return copy
