"""Frozen graph → `.aimodel`: MLIR bytecode, its hash, and metadata; the same graph, the same bytes.

Ops lie under `Location.file("<name of the value>", <number of its node>, 0)`: so no line of this
package is in the file, and a reader finds each value of the graph under its name. Other locations
are left alone: iOS 27's beta stopped at nested ones.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx_ir as ir

from mobilecat.disk import sha256_of
from mobilecat.errors import Problem, UnsupportedError
from mobilecat.formats.coreai.dialect import dialect, ir_module, require_package
from mobilecat.formats.coreai.image import image_type, picture
from mobilecat.formats.coreai.lower import LOWERINGS
from mobilecat.formats.coreai.lower.build import Build, Var, dtype_of_var, shape_of_var, type_of
from mobilecat.formats.coreai.lower.node import Node, prepared_for
from mobilecat.formats.coreai.read.bytecode import blobs_of
from mobilecat.formats.coreai.read.package import HASH, PROGRAM
from mobilecat.formats.coreai.weights import Packed
from mobilecat.graph import const_of, dtype_of, op_of, shape_of, where

FUNCTION = "main"
SETTLED = "settled"
"""The output that says whether the suppression in the graph came to its end: int32 [1], 1 or 0."""
ASSET_VERSION = "2.0"
KEY = "mobilecat"
"""Of `creatorDefinedMetadata`: what this package says of the file."""


_PRODUCTS = ("BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul")
_FACTORS, _TERMS = ("BatchNormalization", "Div", "Mul"), ("Add", "Sub")
_RESOURCE = re.compile(r"dense_resource<([\w.$-]+)>")
_LOCATION = re.compile(r'loc\("((?:[^"\\\\]|\\\\.)*)":\d+:\d+\)')


@dataclass(frozen=True)
class Written:
    """What a file holds.

    outputs: their names, in order; `settled` comes last where there is a suppression.
    taps: those that were asked for and are there. sha256: of the program.
    """

    outputs: tuple[str, ...]
    taps: tuple[str, ...]
    lints: tuple[str, ...]
    sha256: str


def write_coreai(
    model: ir.Model,
    path: Path,
    *,
    image: str | None = None,
    taps: Sequence[str] = (),
    packed: Mapping[str, Packed] | None = None,
    name: str = "",
) -> Written:
    """Write a frozen graph to the new folder `path`, which must end in `.aimodel`.

    image: the input that becomes a 32BGRA picture; its shape is [1,H,W,C] uint8.
    taps: values of the graph that a reader must find under their names.
    packed: weights that lie in the file as int8, by name; the graph has what they stand for.
    name: of the model, for the file's metadata.
    Errors: UnsupportedError that lists every node with no form in Core AI, before anything is
    written; MobileCatError where Apple's package is not here.
    """
    require_package()
    model = prepared_for(model)
    LOWERINGS.require(model)
    build = Build(packed=packed or {})
    module, outputs, left = _module(model, build, image, frozenset(), path.parent)
    if lost := frozenset(taps) - _whole(model, left):
        build = Build(packed=packed or {})
        module, outputs, left = _module(model, build, image, lost, path.parent)
    sha256 = _save(module, path, name)
    there = _whole(model, left)
    return Written(outputs, tuple(t for t in taps if t in there), tuple(build.lints), sha256)


def _whole(model: ir.Model, left: Mapping[str, tuple[int, ...]]) -> frozenset[str]:
    """Return the graph's values that can be read, as they are, under their names."""
    values = (v for node in model.graph for v in node.outputs if v.name)
    return frozenset(v.name for v in values if v.name and left.get(v.name) == shape_of(v))


def _module(
    model: ir.Model, build: Build, image: str | None, held: frozenset[str], folder: Path
) -> tuple[Any, tuple[str, ...], dict[str, tuple[int, ...]]]:
    mlir, core = ir_module(), dialect()
    from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import run_pre_compilation_rewrite
    from coreai.authoring.context import Context

    with Context()._mlir_context, mlir.Location.file(KEY, 0, 0):
        module = mlir.Module.create()
        with mlir.InsertionPoint(module.body):
            graph = core.GraphOp(
                name=FUNCTION,
                input_types=[_input_type(v, image) for v in model.graph.inputs],
                result_types=[],
                input_names=[v.name for v in model.graph.inputs],
                result_names=[],
            )
            with graph.block:
                _take_inputs(build, model.graph.inputs, graph.arguments, image)
                for number, node in enumerate(model.graph, 1):
                    _lower(build, node, number, held)
                outputs = [(v.name or "", _value(build, v)) for v in model.graph.outputs]
                if build.settled is not None:
                    outputs.append((SETTLED, build.settled))
            graph.outputs_spec = outputs
        run_pre_compilation_rewrite(module=module)
        _name_weights(module, folder)
        left = _values_left(module)
    return module, tuple(name for name, _ in outputs), left


def _name_weights(module: Any, folder: Path) -> None:
    """Number the large constants in their order. Apple's code names them by a hash of their bytes,
    which is another one in every process; and hands a blob out in a file alone.

    folder: where such a file may lie meanwhile.
    """
    from coreai.authoring import AIProgram

    mlir = ir_module()
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as home:
        named = Path(home) / PROGRAM
        AIProgram._from_mlir_module(module)._save_bytecode(named)
        blobs = blobs_of(named).named  # mapped: they outlive the file's name
    constants = (
        op.operation
        for op in module.body.operations[0].regions[0].blocks[0].operations
        if op.operation.name == "coreai.constant"
    )
    for number, op in enumerate(constants):
        if (m := _RESOURCE.match(str(op.attributes["value"])[:200])) is None:
            continue
        op.attributes["value"] = mlir.DenseResourceElementsAttr.get_from_buffer(
            blobs[m[1]], f"weights_{number}", op.results[0].type
        )


def _values_left(module: Any) -> dict[str, tuple[int, ...]]:
    """Return the names under which operations are left, and the shape of what the last one gives:
    Apple's rewrite merges some."""
    found: dict[str, tuple[int, ...]] = {}
    graph = module.body.operations[0]
    for op in graph.regions[0].blocks[0].operations:
        if op.operation.results and (m := _LOCATION.search(str(op.operation.location))):
            found[m[1]] = shape_of_var(op.operation.results[-1])
    return found


def _input_type(value: ir.Value, image: str | None) -> Any:
    if value.name == image:
        return image_type(*shape_of(value)[1:3])
    return type_of(shape_of(value), dtype_of(value))


def _take_inputs(
    build: Build, inputs: Sequence[ir.Value], arguments: Sequence[Var], image: str | None
) -> None:
    for value, argument in zip(inputs, arguments, strict=True):
        if value.name == image:
            with ir_module().Location.file(value.name, 0, 0):
                build.values[value] = picture(build, argument, shape_of(value))
            continue
        build.values[value] = argument
        if dtype_of(value).kind == "b":
            build.lint(
                f"input {value.name!r} is bool, at which iOS 27's runtime is reported to stop; "
                "take int32 and cast inside"
            )


def _lower(build: Build, node: ir.Node, number: int, held: frozenset[str]) -> None:
    """Emit the ops of one node and check what they give against the graph.

    held: values that get an op that stays. Apple's rewrite makes one of two reshapes, and the
    first is gone.
    """
    name = next(v.name for v in node.outputs if v.name)
    if name not in held and _merged(node):
        name = KEY
    with ir_module().Location.file(name, number, 0):
        try:
            made = LOWERINGS[op_of(node)].lower(Node(node, build))
        except (ValueError, RuntimeError, ir_module().MLIRError) as e:
            reason = (str(e).strip() or type(e).__name__).splitlines()[0]
            raise UnsupportedError(
                "Core AI's own check refuses a node", [Problem(reason[:300], where(node))]
            ) from e
        values = list(made) if isinstance(made, list | tuple) else [made]
        for value, var in zip(node.outputs, values, strict=False):
            if not value.name:
                continue
            found = (shape_of_var(var), dtype_of_var(var))
            wanted = (shape_of(value), dtype_of(value))
            if found != wanted:
                raise AssertionError(f"{where(node)} became {found}; the graph says {wanted}")
            build.values[value] = build.own(var) if value.name in held else var
            if len(value.uses()) + value.is_graph_output() > 1:
                build.shared.add(build.values[value])


def _merged(node: ir.Node) -> bool:
    """Whether Apple's rewrite moves a factor that comes later into this node's weights: what is
    left under its name would be another value."""
    uses = tuple(node.outputs[0].uses())
    if len(uses) != 1 or node.outputs[0].is_graph_output() or not _weighs(node):
        return False
    user = uses[0][0]
    return _by_constant(user, _FACTORS) or (_by_constant(user, _TERMS) and _merged(user))


def _weighs(node: ir.Node) -> bool:
    """Whether it is a product with weights, or such a one with constants added."""
    if node.op_type in _PRODUCTS:
        return True
    before = (v.producer() for v in node.inputs if v is not None)
    return _by_constant(node, _TERMS) and any(_weighs(p) for p in before if p is not None)


def _by_constant(node: ir.Node, ops: Sequence[str]) -> bool:
    return node.op_type in ops and any(const_of(v) is not None for v in node.inputs)


def _value(build: Build, value: ir.Value) -> Var:
    constant = const_of(value)
    return build.values[value] if constant is None else build.const(constant)


def _save(module: Any, path: Path, name: str) -> str:
    """Write the folder's three files; return the program's SHA-256.

    Apple's own `save_asset` puts the time into the metadata, and its keys in an order of the
    moment.
    """
    from coreai.authoring import AIProgram
    from coreai.authoring.asset import _COREAI_PRODUCER

    path.mkdir()
    program = path / PROGRAM
    AIProgram._from_mlir_module(module)._save_bytecode(program)
    sha256 = sha256_of(program)
    (path / HASH).write_bytes(bytes.fromhex(sha256))
    metadata = {
        "assetVersion": ASSET_VERSION,
        "producer": _COREAI_PRODUCER,
        "description": f"{name}, made by mobilecat" if name else "made by mobilecat",
        "creatorDefinedMetadata": {KEY: {"name": name, "version": version("mobilecat")}},
    }
    text = json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False)
    (path / "metadata.json").write_text(f"{text}\n", encoding="utf-8")
    return sha256
