"""ONNX out: the frozen graph itself, in standard ops, at the opset asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, LiftConstantsToInitializersPass

from mobilecat.errors import Problem, UnsupportedError
from mobilecat.foreign import problem_from_onnx
from mobilecat.formats.onnx.old_forms import converted
from mobilecat.formats.onnx.streamed import Part, parts_of
from mobilecat.formats.onnx.trial import try_against
from mobilecat.graph import Array
from mobilecat.graph.light import as_inputs, proto_of


def onnx_from_graph(model: ir.Model, opset: int | None = None) -> bytes:
    """Return a frozen graph as a self-contained .onnx file, the same bytes for the same graph.

    Errors: UnsupportedError where the graph cannot be said in `opset`.
    """
    return b"".join(_parts(model, opset))


def write_onnx(model: ir.Model, path: Path, opset: int | None = None) -> None:
    """Write the same to `path`, part by part: weights are not copied. Errors: the same."""
    parts = _parts(model, opset)
    with path.open("wb") as file:
        file.writelines(parts)


def _parts(model: ir.Model, opset: int | None) -> Iterator[Part]:
    # Made for this call: a pass keeps what it saw last, the network's weights among it.
    standard_ops_only = ir.passes.Sequential(
        InlinePass(), LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
    )
    copy = standard_ops_only(model.clone()).model
    copy.opset_imports.pop("mobilecat", None)
    copy.producer_name, copy.producer_version = "mobilecat", None
    proto, arrays = proto_of(copy)
    if opset is not None and opset != copy.opset_imports[""]:
        proto = _converted(proto, opset, arrays)
    try:
        with as_inputs(proto):
            onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as e:
        raise UnsupportedError(
            "The ONNX artifact does not pass ONNX's own check", [problem_from_onnx(e)]
        ) from e
    return parts_of(proto, arrays)


def _converted(proto: onnx.ModelProto, opset: int, arrays: Mapping[str, Array]) -> onnx.ModelProto:
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        raise UnsupportedError(
            f"ONNX opset {opset} is not known here",
            [Problem(f"the newest is {newest}", "targets.onnx.opset")],
        )
    before = onnx.ModelProto()
    before.CopyFrom(proto)
    fix = "leave opset out, or raise it"
    summary = f"The graph has no form in ONNX opset {opset}"
    try:
        made = converted(proto, opset)
    except Exception as e:
        problem = problem_from_onnx(e)
        raise UnsupportedError(
            summary, [Problem(problem.what, problem.where or "targets.onnx.opset", fix)]
        ) from e
    trial = try_against(before, made, arrays)
    if trial.differing:
        what = "ONNX's converter gives it another meaning there"
        raise UnsupportedError(summary, [Problem(what, node, fix) for node in trial.differing])
    return made
