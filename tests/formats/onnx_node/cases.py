"""ONNX's own backend node tests, each brought to the frozen graph that every target compiles.

    for row in run_node_cases(compile_and_run, ops): ...

`compile_and_run(model, inputs) -> outputs` takes a frozen `ir.Model` and named arrays; it raises
`UnsupportedError` where the target refuses, and that refusal's reason lands in the table.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper

from mobilecat.errors import ModelError, UnsupportedError
from mobilecat.graph import MIN_OPSET
from mobilecat.graph.passes import freeze

Arrays = Mapping[str, np.ndarray]
CompileAndRun = Callable[[ir.Model, Arrays], Arrays]

# onnxruntime 1.31, which folds constants in `freeze`, reads no opset above this.
NEWEST_OPSET = 26

# Inputs that a compiled model always has as constants: shapes, axes, bounds, and trained weights.
CONSTANT_INPUTS: Mapping[str, frozenset[int]] = {
    "AffineGrid": frozenset({1}),
    "BatchNormalization": frozenset({1, 2, 3, 4}),
    "CenterCropPad": frozenset({1}),
    "Clip": frozenset({1, 2}),
    "Col2Im": frozenset({1, 2}),
    "ConstantOfShape": frozenset({0}),
    "Conv": frozenset({1, 2}),
    "ConvTranspose": frozenset({1, 2}),
    "CumProd": frozenset({1}),
    "CumSum": frozenset({1}),
    "DequantizeLinear": frozenset({1, 2}),
    "Dropout": frozenset({1, 2}),
    "Expand": frozenset({1}),
    "GroupNormalization": frozenset({1, 2}),
    "InstanceNormalization": frozenset({1, 2}),
    "GRU": frozenset({1, 2, 3, 4}),
    "LSTM": frozenset({1, 2, 3, 4, 7}),
    "RNN": frozenset({1, 2, 3, 4}),
    "LayerNormalization": frozenset({1, 2}),
    "OneHot": frozenset({1, 2}),
    "PRelu": frozenset({1}),
    "Pad": frozenset({1, 2, 3}),
    "QuantizeLinear": frozenset({1, 2}),
    "RMSNormalization": frozenset({1}),
    "Range": frozenset({0, 1, 2}),
    "ReduceL1": frozenset({1}),
    "ReduceL2": frozenset({1}),
    "ReduceLogSum": frozenset({1}),
    "ReduceLogSumExp": frozenset({1}),
    "ReduceMax": frozenset({1}),
    "ReduceMean": frozenset({1}),
    "ReduceMin": frozenset({1}),
    "ReduceProd": frozenset({1}),
    "ReduceSum": frozenset({1}),
    "ReduceSumSquare": frozenset({1}),
    "Reshape": frozenset({1}),
    "Resize": frozenset({1, 2, 3}),
    "Slice": frozenset({1, 2, 3, 4}),
    "Split": frozenset({1}),
    "Squeeze": frozenset({1}),
    "Tile": frozenset({1}),
    "TopK": frozenset({1}),
    "Trilu": frozenset({1}),
    "Unsqueeze": frozenset({1}),
    "Upsample": frozenset({1}),
}

# Not a question a compiled model can answer, with the reason that the table prints.
UNFIT: Mapping[str, str] = {
    "Bernoulli": "random",
    "Compress": "the output's shape depends on data",
    "If": "control flow",
    "ImageDecoder": "decodes files",
    "Loop": "control flow",
    "NonZero": "the output's shape depends on data",
    "Scan": "control flow",
    "Unique": "the output's shape depends on data",
}


@dataclass(frozen=True)
class NodeCase:
    """One backend test: `model()` gives a fresh frozen graph, to be held to `expected`."""

    name: str
    op: str
    proto: onnx.ModelProto
    inputs: Arrays
    expected: Arrays
    rtol: float
    atol: float

    def model(self) -> ir.Model:
        return freeze(ir.from_proto(self.proto), self.name)


@dataclass(frozen=True)
class Skipped:
    """A backend test that is no question to a compiled model, and why."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True)
class NodeRow:
    """What became of one op's cases; `refused`, `skipped` and `failed` map a case to its reason.

    unasked: how many of its backend tests a sample left out.
    """

    op: str
    passed: tuple[str, ...]
    refused: Mapping[str, str]
    skipped: Mapping[str, str]
    failed: Mapping[str, str]
    unasked: int = 0

    @property
    def cases(self) -> int:
        return len(self.passed) + len(self.refused) + len(self.failed)


def run_node_cases(
    compile_and_run: CompileAndRun, ops: Iterable[str], step: int = 1
) -> list[NodeRow]:
    """Run every backend case of `ops` (names as in a lowering table); one row an op, by name.

    step: take an op's first case and every step-th after it.
    """
    wanted = {op for op in ops if "::" not in op}
    rows: dict[str, tuple[list[str], dict[str, str], dict[str, str], dict[str, str]]] = {
        op: ([], {}, {}, {}) for op in sorted(wanted)
    }
    unasked: Counter[str] = Counter()
    for case in collect(wanted, step, unasked):
        passed, refused, skipped, failed = rows[case.op]
        if isinstance(case, Skipped):
            skipped[case.name] = case.reason
            continue
        try:
            verdict = mismatch(compile_and_run(case.model(), case.inputs), case)
        except UnsupportedError as e:
            refused[case.name] = "; ".join(sorted({p.what for p in e.problems})) or e.summary
            continue
        except Exception as e:  # a crash is a failed case, not the end of the table
            verdict = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
        if verdict is None:
            passed.append(case.name)
        else:
            failed[case.name] = verdict
    return [NodeRow(op, tuple(p), r, s, f, unasked[op]) for op, (p, r, s, f) in rows.items()]


def mismatch(got: Arrays, case: NodeCase) -> str | None:
    """Say how `got` differs from what the case expects: names, then shapes, dtypes, values."""
    if set(got) != set(case.expected):
        return f"outputs {sorted(got)}, expected {sorted(case.expected)}"
    for name, want in case.expected.items():
        have = np.asarray(got[name])
        if have.shape != want.shape:
            return f"{name} has shape {have.shape}, expected {want.shape}"
        if have.dtype != want.dtype:
            return f"{name} is {have.dtype}, expected {want.dtype}"
        if not np.allclose(have, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
            wrong = ~np.isclose(have, want, rtol=case.rtol, atol=case.atol, equal_nan=True)
            return f"{name}: {int(wrong.sum())} of {want.size} values differ"
    return None


def collect(
    ops: Iterable[str], step: int = 1, unasked: Counter[str] | None = None
) -> Iterator[NodeCase | Skipped]:
    """Yield the backend cases of `ops`, those that cannot be asked with their reason.

    step: as in run_node_cases; unasked counts what is left out, by op.
    """
    wanted, met = set(ops), Counter[str]()
    for test in _backend_tests():
        node = test.model.graph.node[0]
        if node.op_type not in wanted or "_expanded" in test.name:
            continue  # an expanded case is the same question in the words of the op's function body
        met[node.op_type] += 1
        if (met[node.op_type] - 1) % step:
            if unasked is not None:
                unasked[node.op_type] += 1
            continue
        reason = _unfit(test)
        case = Skipped(test.name, node.op_type, reason) if reason else _frozen(test)
        yield case


@cache
def _backend_tests() -> tuple[Any, ...]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy overflows while the cases draw their values
        return tuple(t for t in collect_testcases(None) if len(t.model.graph.node) == 1)


def _unfit(test: Any) -> str | None:
    node = test.model.graph.node[0]
    if node.op_type in UNFIT:
        return UNFIT[node.op_type]
    if node.domain not in ("", "ai.onnx"):
        return f"domain {node.domain}"
    arrays = (*test.data_sets[0][0], *test.data_sets[0][1])
    if any(a is None or isinstance(a, list) for a in arrays):
        return "sequence or optional"
    if any(np.asarray(_array(a)).dtype.kind in "OSU" for a in arrays):
        return "strings"
    if "training" in test.name:
        return "training"
    return None


def _array(value: Any) -> np.ndarray:
    array = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    return np.asarray(array)


def _frozen(test: Any) -> NodeCase | Skipped:
    proto = onnx.ModelProto()
    proto.CopyFrom(test.model)
    node, graph = proto.graph.node[0], proto.graph
    op = node.op_type
    given, wanted = test.data_sets[0]
    inputs = {v.name: _array(a) for v, a in zip(graph.input, given, strict=True)}
    outputs = {v.name: _array(a) for v, a in zip(graph.output, wanted, strict=True)}
    constants = {
        name
        for index, name in enumerate(node.input)
        if name and index in CONSTANT_INPUTS.get(op, frozenset())
    }
    for value in tuple(graph.input):
        if value.name in constants:
            graph.initializer.append(_tensor(inputs[value.name], value))
            graph.input.remove(value)
    for value, array in (
        *((v, inputs[v.name]) for v in graph.input),
        *((v, outputs[v.name]) for v in graph.output),
    ):
        value.type.tensor_type.ClearField("shape")
        for dim in array.shape:
            value.type.tensor_type.shape.dim.add().dim_value = dim
        if not array.shape:
            value.type.tensor_type.shape.SetInParent()
    try:
        proto = _to_known_opset(proto)
    except Exception as e:
        return Skipped(test.name, op, f"cannot be brought to opset {MIN_OPSET}: {e}"[:90])
    case = NodeCase(
        test.name,
        op,
        proto,
        {k: v for k, v in inputs.items() if k not in constants},
        outputs,
        test.rtol,
        test.atol,
    )
    try:
        case.model()
    except ModelError as e:
        return Skipped(test.name, op, f"does not freeze: {e.summary}")
    return case


def _to_known_opset(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Lift to MIN_OPSET; relabel what is newer than NEWEST_OPSET where the op is the same there."""
    (opset,) = (o for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    if opset.version < MIN_OPSET:
        return onnx.version_converter.convert_version(proto, MIN_OPSET)
    if opset.version > NEWEST_OPSET:
        older = onnx.ModelProto()
        older.CopyFrom(proto)
        next(o for o in older.opset_import if o.domain == opset.domain).version = NEWEST_OPSET
        try:
            onnx.checker.check_model(older, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
            return proto
        return older
    return proto


def _tensor(array: np.ndarray, value: onnx.ValueInfoProto) -> onnx.TensorProto:
    """Make a tensor of the declared type: some cases hold bfloat16 or int4 data in wider arrays."""
    elem = value.type.tensor_type.elem_type
    declared = onnx.helper.tensor_dtype_to_np_dtype(elem)
    if array.dtype != declared and declared in (ml_dtypes.bfloat16,):
        array = array.astype(declared)
    tensor = numpy_helper.from_array(np.asarray(array), value.name)
    assert tensor.data_type == elem, (value.name, array.dtype, elem)
    return tensor
