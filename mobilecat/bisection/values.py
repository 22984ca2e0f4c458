"""An artifact's inner values under the graph's names: what each lowering makes of a name, undone.

Core ML: `a/b:0` is `a_b_0`, and shapes stay. TFLite: a name stays, with `:nhwc` or `:<order>`
behind it where the value lies in another order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import artifact_inputs
from mobilecat.graph import Array

_ORDER = re.compile(r"^(?P<name>.*):(?P<order>nhwc|\d+)$")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Given:
    """A value that an artifact gave. name: its name there."""

    name: str
    array: Array


def inner_values(
    runner: str,
    path: Path,
    record: ArtifactRecord,
    tensors: Mapping[str, Array],
    model: ir.Model,
) -> dict[str, Given]:
    """Return what the artifact computes, by the graph's names, in the graph's order of axes."""
    shapes = _shapes(model)
    if runner == "tflite":
        return from_tflite(_run_tflite(path, record, tensors), shapes)
    if runner == "onnx":
        return from_onnx(_run_onnx(path, record, tensors), shapes)
    return from_coreml(_run_coreml(path, record, tensors), shapes)


def _shapes(model: ir.Model) -> dict[str, tuple[int, ...]]:
    values = [*model.graph.inputs, *(v for n in model.graph for v in n.outputs)]
    return {
        v.name: tuple(int(d) for d in v.shape)  # type: ignore[arg-type]
        for v in values
        if v.name and v.shape is not None and v.shape.is_static()
    }


def from_onnx(
    found: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Given]:
    return {n: Given(n, a) for n, a in found.items() if shapes.get(n) == a.shape}


def from_coreml(
    found: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Given]:
    """Match by legal name and shape; names that two values share are left out."""
    named: dict[str, list[str]] = {}
    for name in shapes:
        named.setdefault(legal(name), []).append(name)
    matched = {}
    for name, array in found.items():
        values = named.get(name.rpartition("/")[2], [])
        if len(values) == 1 and (straight := _fitted(array, shapes[values[0]])) is not None:
            matched[values[0]] = Given(name, straight)
    return matched


def legal(name: str) -> str:
    """Return a graph name as Core ML takes it (its reserved words are not names of values)."""
    fixed = _ILLEGAL.sub("_", name)
    return f"_{fixed}" if not fixed or fixed[0].isdigit() else fixed


def _fitted(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Return `array` in `shape` where only axes of size 1 differ; None where more does."""
    same = [d for d in array.shape if d != 1] == [d for d in shape if d != 1]
    return array.reshape(shape) if same else None


def from_tflite(
    found: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Given]:
    matched = {}
    for name, array in found.items():
        parts = _ORDER.match(name)
        if name in shapes:
            straight, value = _fitted(array, shapes[name]), name
        elif parts is not None and parts["name"] in shapes:
            value = parts["name"]
            order = parts["order"]
            axes = (0, 2, 3, 1) if order == "nhwc" else tuple(int(c) for c in order)
            straight = _in_order(array, axes, shapes[value])
        else:
            continue
        if straight is not None:
            matched[value] = Given(name, straight)
    return matched


def _in_order(array: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array | None:
    """Return the array whose axis axes[i] is `array`'s axis i; None where that is not `shape`."""
    if sorted(axes) != list(range(array.ndim)):
        return None
    straight = array.transpose(np.argsort(axes))
    return straight if straight.shape == shape else None


def _run_onnx(path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]) -> dict[str, Array]:
    from mobilecat.formats.onnx.ort import OrtModel
    from mobilecat.formats.onnx.read import read_onnx

    proto = read_onnx(path)
    feeds = artifact_inputs(tensors, record)
    names = [o for n in proto.graph.node for o in n.output if o]
    found = OrtModel(proto).run(feeds, names)
    return {**feeds, **found}


def _run_tflite(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]
) -> dict[str, Array]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from mobilecat.formats.tflite.inspect import read_tflite

    model = read_tflite(path.read_bytes(), str(path))
    # Delegates keep what they compute to themselves.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        engine = Interpreter(
            model_path=str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=plain,
        )
        engine.allocate_tensors()
        feeds = artifact_inputs(tensors, record)
        details = {d["name"]: d["index"] for d in engine.get_input_details()}
        runner = engine.get_signature_runner("serving_default")
        runner(**feeds)
    except (ValueError, RuntimeError, KeyError) as e:
        raise ArtifactError("LiteRT refuses the artifact", [Problem(str(e), str(path))]) from e
    graph = model.subgraphs[0]
    made = {int(i) for op in graph.operators for i in op.outputs} | set(details.values())
    by_index = {d["index"]: d["name"] for d in engine.get_tensor_details()}
    return dict(_readable(engine, ((i, by_index[i]) for i in sorted(made) if i in by_index)))


def _readable(engine: Any, tensors: Iterable[tuple[int, str]]) -> Iterable[tuple[str, Array]]:
    for index, name in tensors:
        try:
            yield name, engine.get_tensor(index)
        except ValueError:  # an op's scratch space
            continue


def _run_coreml(
    path: Path, record: ArtifactRecord, tensors: Mapping[str, Array]
) -> dict[str, Array]:
    from mobilecat.formats.coreml import runtime
    from mobilecat.formats.coreml.run import coreml_inputs
    from mobilecat.formats.coreml.runtime.package import read_package

    names = list(dict.fromkeys(_coreml_names(read_package(path).spec)))
    found = runtime.load(path).predict(coreml_inputs(tensors, record), taps=names)
    return {n: np.asarray(a) for n, a in found.items() if isinstance(a, np.ndarray)}


def _coreml_names(spec: Any, prefix: str = "") -> Iterable[str]:
    """Yield what each op or layer makes, and the inputs; a pipeline's as `<stage>/<name>`."""
    kind = spec.WhichOneof("Type")
    if kind == "pipeline":
        names = [*spec.pipeline.names, *[""] * len(spec.pipeline.models)]
        for i, stage in enumerate(spec.pipeline.models):
            yield from _coreml_names(stage, f"{names[i] or f'stage {i}'}/")
    elif kind == "mlProgram":
        function = spec.mlProgram.functions["main"]
        block = function.block_specializations[function.opset]
        yield from (f"{prefix}{i.name}" for i in function.inputs)
        for op in block.operations:
            if op.type != "const":
                yield from (f"{prefix}{o.name}" for o in op.outputs)
    elif kind is not None and kind.startswith("neuralNetwork"):
        yield from (f"{prefix}{f.name}" for f in spec.description.input)
        for layer in getattr(spec, kind).layers:
            if layer.WhichOneof("layer") not in ("loadConstant", "loadConstantND"):
                yield from (f"{prefix}{name}" for name in layer.output)
